package store

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
)

// heard is a stream that notes what was sent: the keys of each answer.
type heard struct {
	grpc.ServerStream
	mu    sync.Mutex
	list  []string
	err   error
	heard chan struct{} // gets a word for each answer
}

func (h *heard) SendMsg(m any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var keys []string
	for _, ev := range m.(*etcdserverpb.WatchResponse).Events {
		keys = append(keys, strings.TrimPrefix(string(ev.Kv.Key), Root))
	}
	h.list = append(h.list, strings.Join(keys, " "))
	select {
	case h.heard <- struct{}{}:
	default:
	}
	return h.err
}

func (h *heard) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.list = nil }()
	return strings.Join(h.list, "; ")
}

// answer is one of a watch, with changes that are given as key or key=value.
func answer(changes ...string) *etcdserverpb.WatchResponse {
	resp := &etcdserverpb.WatchResponse{Header: &etcdserverpb.ResponseHeader{}}
	for _, c := range changes {
		key, value, _ := strings.Cut(c, "=")
		resp.Events = append(resp.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(Root + key), Value: []byte(value)}})
	}
	return resp
}

func newAside() (*heard, *aside) {
	h := &heard{heard: make(chan struct{}, 1)}
	return h, &aside{ServerStream: h, watcher: []byte("peer-2")}
}

func send(t *testing.T, a *aside, list ...*etcdserverpb.WatchResponse) {
	t.Helper()
	for _, resp := range list {
		if err := a.SendMsg(resp); err != nil {
			t.Fatal(err)
		}
	}
}

// What does not concern the watcher waits until something does, or until it is asked for, and comes in its order.
func TestHoldBack(t *testing.T) {
	for name, c := range map[string]struct {
		sent []*etcdserverpb.WatchResponse
		want string
	}{
		"nothing to do with it": {[]*etcdserverpb.WatchResponse{answer("txn/1={peer-1}", "locks/volume/v", "keys/1", "claims/device/x"), answer("volumes/v={peer-1}")}, ""},
		"a part in it":          {[]*etcdserverpb.WatchResponse{answer("txn/1={peer-1}"), answer("txn/2={peer-1,peer-2}", "locks/w")}, "txn/1; txn/2 locks/w"},
		"not a transaction":     {[]*etcdserverpb.WatchResponse{answer("volumes/v="), answer("txn/1="), answer("peers/peer-3=x")}, "volumes/v txn/1; peers/peer-3"},
		"asked how far it is":   {[]*etcdserverpb.WatchResponse{answer("txn/1="), answer()}, "txn/1; "},
		"the end of the watch":  {[]*etcdserverpb.WatchResponse{answer("txn/1="), {Canceled: true}}, "txn/1; "},
		"two watches": {[]*etcdserverpb.WatchResponse{answer("txn/1="), {WatchId: 1, Events: answer("txn/1=").Events}, answer("alive/x=")},
			"txn/1; txn/1; alive/x"},
	} {
		h, a := newAside()
		send(t, a, c.sent...)
		if got := h.take(); got != c.want {
			t.Errorf("%s: heard %q, want %q", name, got, c.want)
		}
		a.close()
	}
}

func TestHoldBackIsBounded(t *testing.T) {
	h, a := newAside()
	defer a.close()
	for range 3*asideMost + 1 {
		send(t, a, answer("txn/1="))
		a.mu.Lock()
		if a.held != nil && len(a.held.Events) > asideMost {
			t.Errorf("%d changes are held back", len(a.held.Events))
		}
		a.mu.Unlock()
	}
	if got := strings.Count(h.take(), "txn/1"); got < 2*asideMost {
		t.Errorf("%d changes were sent", got)
	}
}

// It does not wait for long, and not beyond the end of the stream; an error of a late send comes with the next.
func TestHoldBackEnds(t *testing.T) {
	h, a := newAside()
	h.err = fmt.Errorf("gone")
	send(t, a, answer("txn/1="))
	select {
	case <-h.heard:
	case <-time.After(30 * time.Second):
		t.Fatal("what was held back is not sent")
	}
	if got := h.take(); got != "txn/1" {
		t.Errorf("heard %q", got)
	}
	if err := a.SendMsg(answer("txn/2=")); err == nil {
		t.Error("the error of the late send is lost")
	}
	_, b := newAside()
	send(t, b, answer("txn/1="))
	b.close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer.Stop() {
		t.Error("the timer runs on after the end")
	}
}
