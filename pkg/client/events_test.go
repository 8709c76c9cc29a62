package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestSSE(t *testing.T) {
	in := "retry: 2000\nid: e0\n\n: alive\n\nid: e1\nevent: a.b\ndata: {\ndata:  }\n\nid:e2\r\ndata:x\r\n\r\n\n\nid: e3\ndata: cut off"
	s := newSSE(strings.NewReader(in))
	var got []message
	for {
		m, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	want := []message{{id: "e0"}, {}, {id: "e1", event: "a.b", data: "{\n }"}, {id: "e2", data: "x"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, long := range []string{strings.Repeat("x", maxMessage+1), strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 1100)} {
		if _, err := newSSE(strings.NewReader(long)).next(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a message without an end: %v", err)
		}
	}
}

func FuzzSSE(f *testing.F) {
	f.Add("id: e1\nevent: a\ndata: {}\n\n: x\n\n")
	f.Add("data\n:\n\r\n\nretry: x")
	f.Fuzz(func(t *testing.T, in string) {
		s := newSSE(strings.NewReader(in))
		for range strings.Count(in, "\n") + 2 {
			m, err := s.next()
			if err != nil {
				return
			}
			if len(m.data) > len(in) || strings.ContainsAny(m.id+m.event, "\n") {
				t.Fatalf("%q has the message %+v", in, m)
			}
		}
		t.Fatalf("%q has more messages than lines", in)
	})
}

// streamServer answers each stream with the next of the texts and breaks off; it notes from where it was asked to go on.
func streamServer(t *testing.T, since *[]string, texts ...string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*since = append(*since, r.URL.Query().Get("since"))
		n := len(*since) - 1
		if n >= len(texts) || texts[n] == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, texts[n])
	}))
	t.Cleanup(s.Close)
	return s
}

func block(id, name string) string {
	return fmt.Sprintf("id: %s\nevent: %s\ndata: {\"id\":%q,\"name\":%q}\n\n", id, name, id, name)
}

// TestFollowEvents: the reader goes on where it left off, over endpoints that break, repeat themselves and are out of
// service, and hands each event on once.
func TestFollowEvents(t *testing.T) {
	var first, second []string
	a := streamServer(t, &first, "retry: 1\nid: e0\n\n", "", block("e2", "x")+block("e3", "x")+"id: e4\ndata: {\"cut", block("e5", "x"))
	b := streamServer(t, &second, block("e1", "x")+block("e2", "x"), "", block("e3", "x")+block("e4", "x"), "id: e6\n\n", block("e7", api.EventsLost))
	c, err := New(Config{Endpoints: []string{a.URL, b.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	stop := errors.New("enough")
	err = c.FollowEvents(t.Context(), api.EventQuery{}, func(e api.Event) error {
		got = append(got, e.ID)
		if e.ID == "e7" {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if want := []string{"e1", "e2", "e3", "e4", "e5", "e7"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if want := []string{"", "e2", "e2", "e4"}; !slices.Equal(first[:4], want) {
		t.Errorf("the first endpoint was asked from %q, want %q", first, want)
	}
	if want := []string{"e0", "e2", "e3", "e5", "e6"}; !slices.Equal(second, want) {
		t.Errorf("the second endpoint was asked from %q, want %q", second, want)
	}
}

// TestFollowEventsEnds: what another attempt would not mend ends it, and so does the context.
func TestFollowEventsEnds(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":[{"code":1,"message":"since is wrong","kind":"invalid"}]}`)
	}))
	defer s.Close()
	c, err := New(Config{Endpoints: []string{s.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	nothing := func(api.Event) error { return nil }
	if err := c.FollowEvents(t.Context(), api.EventQuery{Since: "x"}, nothing); !api.IsKind(err, api.Invalid) {
		t.Errorf("a refusal: %v", err)
	}
	down, err := New(Config{Endpoints: []string{"http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer down.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := down.FollowEvents(ctx, api.EventQuery{}, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("a pool that is down: %v", err)
	}
}
