package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/pkg/api"
)

// hookSecret signs what is delivered.
const hookSecret = "what the receiver and the pool share"

// receiver is a program on a host outside the pool that gets events. It takes them, refuses them, or says nothing.
type receiver struct {
	p    pool
	addr string

	mu      sync.Mutex
	server  *http.Server
	mode    string // "", "fail" or "hang"
	taken   []api.Event
	refused int
	hung    int
	wrong   []string
	hold    chan struct{} // closed when those that hang may go
}

// newReceiver listens on a peer.
func newReceiver(p pool, n int) *receiver {
	r := &receiver{p: p, addr: net.JoinHostPort(p.Peer(n).Addr, "8080"), hold: make(chan struct{})}
	r.listen(n)
	p.t.Cleanup(func() { close(r.hold); r.close() })
	return r
}

func (r *receiver) listen(n int) {
	r.p.t.Helper()
	l, err := r.p.Peer(n).Listen(r.p.t.Context(), "tcp", r.addr)
	r.p.must(err)
	r.mu.Lock()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	s := r.server
	r.mu.Unlock()
	go func() { _ = s.Serve(l) }() // ends with the server
}

func (r *receiver) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.server.Close()
}

func (r *receiver) become(mode string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = mode
}

// ServeHTTP checks the signature of everything, taken or not.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var e api.Event
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	mac := hmac.New(sha256.New, []byte(hookSecret))
	_, _ = mac.Write(body)
	r.mu.Lock()
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); err != nil || req.Header.Get("X-Gluster-Signature") != want || req.Header.Get("X-Gluster-Event-Id") != e.ID {
		r.wrong = append(r.wrong, fmt.Sprintf("%v: %s with %v", err, body, req.Header))
	}
	mode := r.mode
	switch mode {
	case "fail":
		r.refused++
	case "hang":
		r.hung++
	default:
		r.taken = append(r.taken, e)
	}
	r.mu.Unlock()
	switch mode {
	case "fail":
		w.WriteHeader(http.StatusInternalServerError)
	case "hang":
		select {
		case <-r.hold:
		case <-req.Context().Done():
		}
	}
}

// await waits until the receiver's account is as it should be.
func (r *receiver) await(what string, ok func() bool) {
	r.p.t.Helper()
	r.p.eventually(60*time.Second, func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !ok() {
			return fmt.Errorf("%s: %d taken, %d refused, %d hung", what, len(r.taken), r.refused, r.hung)
		}
		return nil
	})
}

// TestWebhookDelivery: a receiver that fails, says nothing, goes away and returns gets every event at least once, signed,
// also when the peer that delivers is killed in the middle.
func TestWebhookDelivery(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.waitVoters(3)
	r := newReceiver(p, 4)
	url := "http://" + r.addr + "/gluster?key=of-the-receiver"
	c := p.rest(1)

	p.cli("events", "webhook", "test", url, "--secret", hookSecret)
	r.await("the test's event", func() bool { return len(r.taken) == 1 && r.taken[0].Name == api.EventTest })
	newest, err := c.Events(t.Context(), api.EventQuery{Limit: 1})
	p.must(err)
	p.cli("events", "webhook-add", url, "-s", hookSecret)
	if out := p.cliOn(3, "events", "webhook", "list", "-o", "json") + p.cliOn(2, "api", "GET", "/v1/events/webhook"); !strings.Contains(out, url) || strings.Contains(out, hookSecret) {
		t.Errorf("the lists lack the URL, or tell the secret:\n%s", out)
	}
	if err := c.WebhookAdd(t.Context(), api.Webhook{URL: url}); !api.IsKind(err, api.Exists, api.Conflict) {
		t.Errorf("the same webhook again: %v", err)
	}
	owner := p.hookOwner(1)
	alive := owner%3 + 1 // the changes go through a peer that is not killed
	c = p.rest(alive)
	brick := func(name string) string { return p.Peer(alive).Name + ":/srv/" + name }

	p.must(p.cycle(c, "a", brick("a")))
	r.become("fail")
	p.must(p.cycle(c, "b", brick("b")))
	r.await("refusals", func() bool { return r.refused > 1 })
	r.become("hang")
	r.await("a request without an answer", func() bool { return r.hung > 0 })
	r.become("")
	p.must(p.cycle(c, "c", brick("c")))
	p.must(p.Peer(owner).KillDaemon(t.Context()))
	p.must(p.cycle(c, "d", brick("d")))
	r.close()
	p.must(p.cycle(c, "e", brick("e")))
	p.eventually(60*time.Second, func(ctx context.Context) error {
		list, err := c.WebhookStatus(ctx)
		if err == nil && (len(list) != 1 || list[0].Owner == "" || list[0].Failures == 0 || list[0].Pending == 0) {
			err = fmt.Errorf("no other peer has tried to deliver: %+v", list)
		}
		return err
	})
	r.listen(4)
	p.must(p.Peer(owner).Start(t.Context()))
	p.must(p.cycle(c, "f", brick("f")))

	deleted := func(e api.Event) bool { return e.Name == api.EventVolumeDeleted && e.Data[api.DataVolumeName] == "f" }
	r.await("the last event", func() bool { return len(r.taken) > 0 && deleted(r.taken[len(r.taken)-1]) || r.has(deleted) })
	events, err := c.Events(t.Context(), api.EventQuery{Since: newest[0].ID})
	p.must(err)
	r.check(events, deleted)
	p.cli("events", "webhook", "delete", url)
	if out := p.cli("events", "webhook", "list", "--no-headers"); strings.Contains(out, url) {
		t.Errorf("the webhook is still there: %s", out)
	}
}

// hookOwner waits until a peer delivers to the only webhook, and returns its number.
func (p pool) hookOwner(n int) (owner int) {
	p.t.Helper()
	c := p.rest(n)
	p.eventually(30*time.Second, func(ctx context.Context) error {
		list, err := c.WebhookStatus(ctx)
		if err != nil {
			return err
		}
		peers := map[string]int{}
		for i := 1; i <= p.members; i++ {
			pc := p.rest(i)
			if _, err := pc.Ready(ctx); err != nil {
				return err
			}
			peers[pc.PeerID()] = i
		}
		if owner = peers[list[0].Owner]; owner == 0 {
			return fmt.Errorf("nobody delivers: %+v", list)
		}
		return nil
	})
	return owner
}

// has looks for an event; the caller holds the lock.
func (r *receiver) has(is func(api.Event) bool) bool {
	for _, e := range r.taken {
		if is(e) {
			return true
		}
	}
	return false
}

// check compares what was taken with what happened: everything at least once, the first times in order, all signed.
func (r *receiver) check(events []api.Event, last func(api.Event) bool) {
	t := r.p.t
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.wrong {
		t.Errorf("not signed as it should be: %s", w)
	}
	seen := map[string]int{}
	var first []api.Event
	for _, e := range r.taken[1:] { // after the test's
		if seen[e.ID]++; seen[e.ID] == 1 {
			first = append(first, e)
		}
	}
	twice := 0
	for i, e := range events {
		if seen[e.ID] == 0 {
			t.Errorf("%s %s %v was never delivered", e.ID, e.Name, e.Data)
			continue
		}
		if seen[e.ID] > 1 {
			twice++
		}
		if i < len(first) && first[i].ID != e.ID {
			t.Errorf("delivery %d is %s %s, not %s %s", i, first[i].ID, first[i].Name, e.ID, e.Name)
			return
		}
		if last(e) {
			break
		}
	}
	t.Logf("%d events, %d of them delivered more than once, %d refused, %d left without an answer", len(first), twice, r.refused, r.hung)
}
