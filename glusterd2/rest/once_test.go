package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/transaction"
)

// count tells how often the fake was called.
func (f *fake) count(what string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == what {
			n++
		}
	}
	return n
}

func TestRepeatedRequests(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct{ method, path, body, calls string }{
		{"POST", "/v1/volumes", `{"name":"gv0"}`, "create gv0"}, {"DELETE", "/v1/volumes/gv0", "", "delete gv0"},
		{"POST", "/v1/peers", `{"addresses":["n2"]}`, "add peer"}, {"POST", "/v1/volumes/gv0/heal", "", "heal gv0 index"},
		{"POST", "/v1/operations/t1/retry", "", "retry t1"},
	} {
		key := "key of " + c.path
		key = strings.ReplaceAll(key, " ", "-") + c.method
		first := r.do(c.method, c.path, c.body, HeaderKey, key)
		again := r.do(c.method, c.path, c.body, HeaderKey, key)
		if first.status != again.status || first.body != again.body || first.header.Get("Location") != again.header.Get("Location") || first.status >= 300 {
			t.Errorf("%s %s: first %d %q, then %d %q", c.method, c.path, first.status, first.body, again.status, again.body)
		}
		if n := r.fake.count(c.calls); n != 1 {
			t.Errorf("%s %s was carried out %d times", c.method, c.path, n)
		}
		if first.header.Get(HeaderReplayed) != "" || again.header.Get(HeaderReplayed) != "true" {
			t.Errorf("%s %s: %s is %q, then %q", c.method, c.path, HeaderReplayed, first.header.Get(HeaderReplayed), again.header.Get(HeaderReplayed))
		}
	}
	if got := r.do("POST", "/v1/volumes", `{"name":"gv1"}`, HeaderKey, "key-of-/v1/volumesPOST"); got.status != http.StatusUnprocessableEntity || got.errors(t)[0].Kind != api.KeyReused {
		t.Errorf("the key of another request: %d %s", got.status, got.body)
	}
}

func TestKeysThatAreNotHeeded(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct{ method, path, body, calls string }{
		{"POST", "/v1/peers/token", "", "token"}, {"POST", "/v1/reset", "", "reset"}, {"GET", "/v1/pool", "", "pool"},
		{"DELETE", "/v1/volumes/gv0?dry-run=true", "", "delete gv0"},
	} {
		for range 2 {
			if got := r.do(c.method, c.path, c.body, HeaderKey, "k"); got.status >= 300 {
				t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
			}
		}
		if n := r.fake.count(c.calls); n != 2 {
			t.Errorf("%s %s was carried out %d times", c.method, c.path, n)
		}
	}
	for _, key := range []string{"two words", "ü", strings.Repeat("k", maxKey+1)} {
		if got := r.do("DELETE", "/v1/volumes/gv0", "", HeaderKey, key); got.status != http.StatusBadRequest || got.errors(t)[0].Fields[api.FieldField] != HeaderKey {
			t.Errorf("key %.20q: %d %s", key, got.status, got.body)
		}
	}
}

func TestRepeatOfWhatFailed(t *testing.T) {
	r := newRig(t, nil)
	r.fake.err = api.Errorf(api.State, "volume gv0 is started")
	for range 2 {
		if got := r.do("DELETE", "/v1/volumes/gv0", "", HeaderKey, "k"); got.status != http.StatusBadRequest {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if n := r.fake.count("delete gv0"); n != 2 {
		t.Errorf("tried %d times: what was refused before it began is not remembered", n)
	}
	r.fake.repeat = transaction.Repeat{Error: api.Errorf(api.NotSupported, "no")}
	if got := r.do("DELETE", "/v1/volumes/gv0", "", HeaderKey, "k"); got.status != http.StatusNotImplemented || r.fake.count("delete gv0") != 2 {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.fake.repeat = transaction.Repeat{Operation: "t7"}
	if got := r.do("DELETE", "/v1/volumes/gv0", "", HeaderKey, "k"); got.status != http.StatusAccepted || got.header.Get("Location") != "/v1/operations/t7" {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.fake.err, r.fake.repeat = nil, transaction.Repeat{Operation: "t1", Done: true}
	if got := r.do("DELETE", "/v1/peers/p2", "", HeaderKey, "k2"); got.status != http.StatusNoContent || r.fake.called("delete peer p2") {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.fake.result = json.RawMessage(`{"id":"p7","name":"node7"}`)
	got := r.do("POST", "/v1/peers", `{"addresses":["n7"]}`, HeaderKey, "k3")
	if got.status != http.StatusCreated || got.header.Get("Location") != "/v1/peers/p7" || !strings.Contains(got.body, `"node7"`) || r.fake.called("add peer") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestForeseenAnswer: what the plan says that the answer will be is what the answer is.
func TestForeseenAnswer(t *testing.T) {
	r := newRig(t, nil)
	got := r.do("POST", "/v1/volumes", `{"name":"gv0"}`)
	for i := range r.api.routes {
		row := &r.api.routes[i]
		switch row.Name {
		case "VolumeCreate":
			a, ok := r.api.foresee(row, info("gv0"))
			if !ok || a.Status != got.status || string(a.Body) != got.body || a.Location != got.header.Get("Location") {
				t.Errorf("%+v, want %+v", a, got)
			}
		case "VolumeDelete":
			if a, ok := r.api.foresee(row, nil); !ok || a.Status != http.StatusNoContent || len(a.Body) > 0 {
				t.Errorf("%+v", a)
			}
		case "AddPeer", "VolumeStart":
			if a, ok := r.api.foresee(row, nil); ok {
				t.Errorf("%s: %+v of nothing", row.Name, a)
			}
		}
	}
}

// TestSlowFirstAttempt: the first attempt arrives while the second is checked, which is then refused for what the first has done.
func TestSlowFirstAttempt(t *testing.T) {
	r := newRig(t, nil)
	made := r.do("POST", "/v1/volumes", `{"name":"gv0"}`)
	r.fake.hold = func(context.Context) error {
		r.fake.mu.Lock()
		defer r.fake.mu.Unlock()
		r.fake.repeat = transaction.Repeat{Answer: &transaction.Answer{Status: http.StatusCreated, Location: "/v1/volumes/gv0", Body: []byte(made.body)}}
		return api.Errorf(api.Exists, "volume gv0 already exists")
	}
	got := r.do("POST", "/v1/volumes", `{"name":"gv0"}`, HeaderKey, "k")
	if got.status != http.StatusCreated || got.body != made.body || got.header.Get(HeaderReplayed) != "true" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
