package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

// fakeEvents has one event and then ends, unless the fake's tail says otherwise.
type fakeEvents struct{ f *fake }

var _ Events = fakeEvents{}

func (e fakeEvents) List(_ context.Context, q api.EventQuery) ([]api.Event, error) {
	return []api.Event{{ID: "e1", Name: api.EventVolumeStarted}}, e.f.call("events", brief(q))
}

func (e fakeEvents) Tail(_ context.Context, q api.EventQuery) (string, Next, error) {
	next := e.f.tail
	if next == nil {
		sent := false
		next = func(context.Context) (api.EventPage, error) {
			if sent {
				return api.EventPage{}, errors.New("over")
			}
			sent = true
			return api.EventPage{Events: []api.Event{{ID: "e1", Name: api.EventVolumeStarted, Data: map[string]string{}}}}, nil
		}
	}
	return "e0", next, e.f.call("tail", brief(q))
}

func brief(q api.EventQuery) string {
	return fmt.Sprintf("{%s %s %s %v %d}", q.Since, q.Volume, q.Peer, q.Names, q.Limit)
}

// TestStream reads a whole stream: the place, an event, signs of life with the place, and the end.
func TestStream(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Heartbeat = time.Millisecond })
	step := 0
	r.fake.tail = func(ctx context.Context) (api.EventPage, error) {
		step++
		switch step {
		case 1:
			return api.EventPage{Events: []api.Event{{ID: "e1", Name: api.EventVolumeStarted, Data: map[string]string{"a": "b\nc"}}}, Next: "e1"}, nil
		case 2:
			<-ctx.Done()
			return api.EventPage{Next: "e5"}, ctx.Err()
		}
		return api.EventPage{}, errors.New("over")
	}
	got := r.do("GET", "/v1/events/stream?since=3", "", HeaderLastEvent, "e0")
	want := "retry: 2000\nid: e0\n\n" +
		`id: e1` + "\nevent: volume.started\n" + `data: {"id":"e1","name":"volume.started","data":{"a":"b\nc"},"origin":"","timestamp":"","revision":0,"index":0}` + "\n\n" +
		": alive\nid: e5\n\n"
	if got.status != 200 || got.body != want || got.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	if !r.fake.called("tail {e0   [] 0}") {
		t.Errorf("Last-Event-ID does not count: %q", r.fake.calls)
	}
	if n := len(r.api.streams); n != 0 {
		t.Errorf("%d streams are still counted", n)
	}
}

func TestStreamRefusals(t *testing.T) {
	r := newRig(t, nil)
	for path, status := range map[string]int{
		"/v1/events?limit=0": 400, "/v1/events?limit=x": 400, "/v1/events?sinc=1": 400, "/v1/events/stream?limit=1": 400,
	} {
		if got := r.do("GET", path, ""); got.status != status {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.body, status)
		}
	}
	r.fake.err = api.FieldErrorf("since", "since is wrong")
	if got := r.do("GET", "/v1/events/stream?since=x", ""); got.status != 400 || len(r.api.streams) != 0 {
		t.Errorf("%d %s, %d streams counted", got.status, got.body, len(r.api.streams))
	}
	if got := r.do("HEAD", "/v1/events/stream", ""); got.status != 400 {
		t.Errorf("HEAD: %d", got.status)
	}
}

// TestStreamsAreBounded opens as many streams as may be, over connections, and one more; they end with the server.
func TestStreamsAreBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Streams, c.NoAuth = 2, true })
	r.fake.tail = func(ctx context.Context) (api.EventPage, error) {
		<-ctx.Done()
		return api.EventPage{}, ctx.Err()
	}
	server := httptest.NewUnstartedServer(r.api)
	server.Config = r.api.Server()
	server.Start()
	defer server.Close()
	open := func() *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/events/stream", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	one, two, three := open(), open(), open()
	if one.StatusCode != http.StatusOK || two.StatusCode != http.StatusOK || three.StatusCode != http.StatusTooManyRequests || three.Header.Get("Retry-After") == "" {
		t.Errorf("%s, %s, %s", one.Status, two.Status, three.Status)
	}
	_ = three.Body.Close()
	_ = one.Body.Close()
	select { // the server learns of it by the network: then there is a place again
	case r.api.streams <- struct{}{}:
		<-r.api.streams
	case <-time.After(30 * time.Second):
		t.Fatal("a stream that was closed keeps its place")
	}
	four := open()
	if four.StatusCode != http.StatusOK {
		t.Errorf("after one was closed: %s", four.Status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("the streams do not end with the server: %v", err)
	}
	_ = two.Body.Close()
	_ = four.Body.Close()
}

// TestSlowReader: a reader that takes nothing is cut off when the write fails.
func TestSlowReader(t *testing.T) {
	w := &failing{header: http.Header{}}
	s := &stream{w: w, control: http.NewResponseController(w)}
	s.send([]byte("x"))
	if s.err == nil || !strings.Contains(s.err.Error(), "i/o timeout") {
		t.Errorf("error %v", s.err)
	}
	if until := time.Until(w.deadline); until <= 0 || until > streamStall {
		t.Errorf("the write may take %v", until)
	}
}

// failing is a connection whose reader takes nothing.
type failing struct {
	header   http.Header
	deadline time.Time
}

func (f *failing) Header() http.Header                { return f.header }
func (f *failing) WriteHeader(int)                    {}
func (f *failing) Write([]byte) (int, error)          { return 0, errors.New("i/o timeout") }
func (f *failing) SetWriteDeadline(t time.Time) error { f.deadline = t; return nil }

type fakeWebhooks struct{ f *fake }

var _ Webhooks = fakeWebhooks{}

func (w fakeWebhooks) List(context.Context) ([]string, error) { return nil, w.f.call("webhooks") }
func (w fakeWebhooks) Status(context.Context) ([]api.WebhookStatus, error) {
	return []api.WebhookStatus{{URL: "http://h", NextTry: "2026-01-02T03:04:05Z"}}, w.f.call("webhook status")
}
func (w fakeWebhooks) Add(_ context.Context, h api.Webhook) error {
	return w.f.call("add webhook", h.URL)
}
func (w fakeWebhooks) Delete(_ context.Context, url string) error {
	return w.f.call("delete webhook", url)
}
func (w fakeWebhooks) Test(_ context.Context, h api.Webhook) error {
	return w.f.call("test webhook", h.URL)
}
