package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/sirupsen/logrus"

	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

const patience = 60 * time.Second

func TestCheck(t *testing.T) {
	for _, w := range []Webhook{
		{URL: "http://h"}, {URL: "https://[::1]:8080/a?b=c", Token: "abc", Secret: "any thing", Events: []string{"volume.*", "peer.added"}},
	} {
		if err := w.Check(); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
	for field, list := range map[string][]Webhook{
		"url": {{}, {URL: "h"}, {URL: "ftp://h"}, {URL: "http://"}, {URL: "http:///x"}, {URL: "http://u:p@h/"}, {URL: "http://h/#x"},
			{URL: "http://h/\n"}, {URL: "http://h/a b"}, {URL: "http://h/" + strings.Repeat("x", maxURL)}, {URL: "http://h:port"}},
		"token":  {{URL: "http://h", Token: "a\r\nX: y"}, {URL: "http://h", Token: strings.Repeat("x", maxSecret+1)}, {URL: "http://h", Token: "é"}},
		"secret": {{URL: "http://h", Secret: strings.Repeat("x", maxSecret+1)}},
		"events": {{URL: "http://h", Events: []string{"volume"}}, {URL: "http://h", Events: slices.Repeat([]string{"*"}, maxNames+1)}},
	} {
		for _, w := range list {
			err := w.Check()
			if !api.IsKind(err, api.Invalid) || api.AsError(err).Fields[api.FieldField] != field {
				t.Errorf("%.100v: %v, want one about %s", w, err, field)
			}
			if err != nil && strings.Contains(err.Error(), "p@h") {
				t.Errorf("the error tells a password: %v", err)
			}
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"http://h", "https://u@h/", "http://[::1%25eth0]/", "http://h:99999/", "HTTP://H\t", "http://h?%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckURL(text) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Host == "" {
			t.Fatalf("%q is accepted", text)
		}
		if _, err := http.NewRequestWithContext(context.Background(), http.MethodPost, text, http.NoBody); err != nil {
			t.Fatalf("%q is accepted and cannot be used: %v", text, err)
		}
		if len(ID(text)) != 32 {
			t.Fatalf("%q has the id %s", text, ID(text))
		}
	})
}

// receiver is who gets the events: it answers as told, and notes what it was sent.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(n int) int // status of the n-th request, from 0
	n      int
	ids    []string
	last   *http.Request
	body   []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answer: func(int) int { return 200 }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last = req
		r.body, _ = io.ReadAll(req.Body)
		code := r.answer(r.n)
		r.n++
		if code/100 == 2 {
			r.ids = append(r.ids, req.Header.Get(HeaderEventID))
		}
		if code/100 == 3 {
			w.Header().Set("Location", r.URL+"/elsewhere")
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

// TestSend looks at each form of a delivery, and at each way to fail.
func TestSend(t *testing.T) {
	r := newReceiver(t)
	s := NewSender("1.2.3")
	defer s.Close()
	e := &api.Event{ID: "e1", Name: api.EventVolumeStarted, Data: map[string]string{"volume.name": "gv0"}}
	if err := s.Send(t.Context(), Webhook{URL: r.URL + "/p?q=1", Secret: "s3cret"}, e); err != nil {
		t.Fatal(err)
	}
	h := r.last.Header
	if r.last.Method != http.MethodPost || h.Get("Content-Type") != "application/json" || h.Get(HeaderEvent) != e.Name || r.last.URL.Path != "/p" {
		t.Errorf("%s %s with %v", r.last.Method, r.last.URL, h)
	}
	if h.Get(HeaderSignature) != Sign("s3cret", r.body) {
		t.Errorf("the signature %q does not fit the body", h.Get(HeaderSignature))
	}
	var back api.Event
	if err := json.Unmarshal(r.body, &back); err != nil || back.ID != "e1" || back.Data["volume.name"] != "gv0" {
		t.Errorf("body %s: %v", r.body, err)
	}
	var claims jwt.RegisteredClaims
	token, _ := strings.CutPrefix(h.Get("Authorization"), "bearer ")
	if _, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return []byte("s3cret"), nil }); err != nil || claims.Subject != e.Name {
		t.Errorf("token %q: %+v, %v", token, claims, err)
	}
	if left := time.Until(claims.ExpiresAt.Time); left <= 0 || left > tokenLife {
		t.Errorf("the token is good for %v", left)
	}
	if err := s.Send(t.Context(), Webhook{URL: r.URL, Token: "t0ken"}, e); err != nil {
		t.Fatal(err)
	}
	if h := r.last.Header; h.Get("Authorization") != "bearer t0ken" || h.Get(HeaderSignature) != "" {
		t.Errorf("headers %v", h)
	}
	for code, says := range map[int]string{302: "redirect", 500: "500", 404: "404"} {
		r.mu.Lock()
		r.answer, r.n = func(int) int { return code }, 0
		r.mu.Unlock()
		if err := s.Send(t.Context(), Webhook{URL: r.URL}, e); !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), says) {
			t.Errorf("an answer of %d: %v", code, err)
		}
		if r.n != 1 {
			t.Errorf("an answer of %d made %d requests", code, r.n)
		}
	}
	r.Close()
	err := s.Send(t.Context(), Webhook{URL: r.URL + "/?key=hidden", Token: "t0ken"}, e)
	if !api.IsKind(err, api.Unavailable) || strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestNoAnswer: a receiver that takes the event and says nothing has not taken it.
func TestNoAnswer(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer server.Close()
	defer close(stop)
	s := NewSender("1")
	defer s.Close()
	s.client.Timeout = 50 * time.Millisecond
	if err := s.Send(t.Context(), Webhook{URL: server.URL}, &api.Event{}); err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("error %v", err)
	}
}

// rig is a store with events, and any number of daemons that deliver them.
type rig struct {
	*testing.T
	store *store.Store
	log   *event.Log
	made  int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	cfg.Derive = event.Derive("peer-1")
	s := storetest.Open(t, cfg)
	r := &rig{T: t, store: s, log: event.NewLog(s)}
	t.Cleanup(r.log.Close)
	r.commit(peer.PoolRecord.Create("", peer.Pool{ID: "pool-1"}))
	return r
}

func (r *rig) commit(writes ...store.Write) int64 {
	r.Helper()
	rev, err := r.store.Commit(r.Context(), writes)
	if err == nil {
		err = r.store.WaitRevision(r.Context(), rev)
	}
	if err != nil {
		r.Fatal(err)
	}
	return rev
}

// happen makes n events.
func (r *rig) happen(n int) {
	r.Helper()
	for range n {
		name := fmt.Sprintf("gv%d", r.made)
		r.made++
		r.commit(volume.Records.Create(name, &volume.Volume{ID: name, Name: name}))
	}
}

// daemon delivers until the returned function is called.
func (r *rig) daemon(peerID string) (stop func()) {
	r.Helper()
	owner := transaction.Owner{Peer: peerID, Boot: fmt.Sprint(time.Now().UnixNano())}
	rev := r.commit(transaction.AliveKind.Create(peerID, transaction.Alive{Boot: owner.Boot}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	sender := NewSender("1")
	go func() {
		defer close(done)
		_ = NewDeliverer(Config{
			Store: r.store, History: r.log, Sender: sender, Self: owner, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
			Log: logrus.NewEntry(&logrus.Logger{Out: io.Discard, Formatter: &logrus.TextFormatter{}, Level: logrus.ErrorLevel}),
		}).Run(ctx)
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			<-done
			sender.Close()
			rec, ok, _ := transaction.AliveKind.Get(r.store, peerID)
			if ok && rec.Revision == rev {
				_, _ = r.store.Commit(context.Background(), []store.Write{transaction.AliveKind.Delete(peerID, rev)})
			}
		})
	}
	r.Cleanup(stop)
	return stop
}

func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			r.Fatalf("not after %v: %s", patience, what)
		}
	}
}

func (r *rig) delivery(id string) Delivery {
	rec, _, err := Deliveries.Get(r.store, id)
	if err != nil {
		r.Fatal(err)
	}
	return rec.Value
}

// TestDelivery: a receiver that fails gets every event from the moment on at which it was added, in order, also when
// the peer that delivers changes; and one that wants some gets those.
func TestDelivery(t *testing.T) {
	r := newRig(t)
	all, some := newReceiver(t), newReceiver(t)
	all.answer = func(n int) int {
		if n%3 != 0 {
			return 500
		}
		return 204
	}
	r.happen(2)
	for _, w := range []Webhook{{URL: all.URL}, {URL: some.URL, Events: []string{"peer.*"}}} {
		r.commit(Records.Create(ID(w.URL), w), Deliveries.Create(ID(w.URL), Delivery{}))
	}
	first := r.daemon("peer-1")
	r.happen(5)
	r.until("five events", func() bool { return len(all.got()) == 5 })
	r.commit(peer.Records.Create("peer-9", &peer.Peer{ID: "peer-9"}))
	r.until("the event about a peer", func() bool { return len(some.got()) == 1 })
	first()
	if d := r.delivery(ID(all.URL)); d.Owner.Peer != "peer-1" {
		t.Errorf("the delivery is owned by %+v", d.Owner)
	}
	r.daemon("peer-2")
	r.happen(5)
	r.until("all events", func() bool { return len(all.got()) >= 11 })
	r.until("a new owner", func() bool { return r.delivery(ID(all.URL)).Owner.Peer == "peer-2" })
	want := ids(r.log.Last(event.Filter{}, 1000)[2:])
	if got := all.got(); !slices.Equal(got, want) { // the first owner left in good order: nothing came twice
		t.Errorf("delivered %v, want %v", got, want)
	}
	r.until("the place", func() bool {
		d, end := r.delivery(ID(all.URL)), want[len(want)-1]
		return event.ID(d.After, "pool-1") == end && d.Failures == 0
	})
}

// TestAtLeastOnce: an owner that dies without a word leaves its last second to be delivered again, and nothing out.
func TestAtLeastOnce(t *testing.T) {
	r := newRig(t)
	to := newReceiver(t)
	id := ID(to.URL)
	rev := r.commit(Records.Create(id, Webhook{URL: to.URL}), Deliveries.Create(id, Delivery{}))
	r.happen(10)
	all := r.log.Last(event.Filter{}, 1000)
	// The owner is of an earlier run of a peer that is alive again, and had come to the fourth event.
	at := event.Position{Revision: all[3].Revision, Index: all[3].Index}
	r.commit(Deliveries.Update(id, Delivery{Owner: transaction.Owner{Peer: "peer-1", Boot: "old"}, After: at}, rev))
	r.daemon("peer-1")
	r.until("the rest", func() bool { return slices.Equal(to.got(), ids(all[4:])) })
}

// TestOneOwner: of two peers one delivers, and a webhook that is deleted gets no more.
func TestOneOwner(t *testing.T) {
	r := newRig(t)
	to := newReceiver(t)
	id := ID(to.URL)
	rev := r.commit(Records.Create(id, Webhook{URL: to.URL}), Deliveries.Create(id, Delivery{}))
	r.daemon("peer-1")
	r.daemon("peer-2")
	r.happen(20)
	want := ids(r.log.Last(event.Filter{}, 1000))
	r.until("all events", func() bool { return len(to.got()) >= 20 })
	if got := to.got(); !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
	for deleted := false; !deleted; {
		del, _, err := Deliveries.Get(r.store, id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.store.Commit(t.Context(), []store.Write{Records.Delete(id, rev), Deliveries.Delete(id, del.Revision)})
		if err != nil && !api.IsKind(err, api.Conflict) {
			t.Fatal(err)
		}
		deleted = err == nil
	}
	other := newReceiver(t)
	r.commit(Records.Create(ID(other.URL), Webhook{URL: other.URL}), Deliveries.Create(ID(other.URL), Delivery{}))
	r.happen(3)
	r.until("the other's events", func() bool { return len(other.got()) == 3 })
	if n := len(to.got()); n != 20 {
		t.Errorf("a webhook that was deleted got %d events more", n-20)
	}
}

// TestFailureIsTold: what a receiver did not take is told by the record.
func TestFailureIsTold(t *testing.T) {
	r := newRig(t)
	to := newReceiver(t)
	to.answer = func(int) int { return 503 }
	id := ID(to.URL)
	r.commit(Records.Create(id, Webhook{URL: to.URL}), Deliveries.Create(id, Delivery{}))
	r.daemon("peer-1")
	r.happen(2)
	r.until("the failures", func() bool { d := r.delivery(id); return d.Failures > 3 && !d.NextTry.IsZero() })
	d := r.delivery(id)
	rec, _, err := Records.Get(r.store, id)
	if err != nil || !strings.Contains(d.LastError, "503") || Pending(r.log, rec, d) != 2 {
		t.Errorf("%+v, %d pending, %v", d, Pending(r.log, rec, d), err)
	}
}

func ids(events []api.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}
