package rest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
	"gd2/transaction"
)

func TestOperationQuery(t *testing.T) {
	r := newRig(t, nil)
	got := r.do("GET", "/v1/operations?state=stuck&operation=volume&peer=p1&lock=peer/p1&limit=1&cursor=t9", "")
	want := transaction.Query{State: "stuck", Operation: "volume", Peer: "p1", Lock: "peer/p1", Limit: 1, Before: "t9"}
	if diff := cmp.Diff(want, r.fake.asked); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(got.body, `"next":"t1"`) {
		t.Errorf("there are more, but no cursor: %s", got.body)
	}
	if got := r.do("GET", "/v1/operations?volume=gv0", ""); strings.Contains(got.body, "next") || r.fake.asked.Lock != "volume/gv0" || r.fake.asked.Limit != defaultPage {
		t.Errorf("%s %+v", got.body, r.fake.asked)
	}
	for path, field := range map[string]string{
		"/v1/operations?state=lost": "state", "/v1/operations?limit=0": "limit", "/v1/operations?limit=1001": "limit", "/v1/operations?limit=x": "limit",
		"/v1/operations?lock=a&volume=b": "volume", "/v1/operations/t1?wait=soon": "wait", "/v1/operations/t1?wait=-1s": "wait",
		"/v1/operations/t1?async=true": "async",
	} {
		got := r.do("GET", path, "")
		if e := got.errors(t)[0]; got.status != http.StatusBadRequest || e.Fields[api.FieldField] != field {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestOperationWait(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Wait = 10 * time.Second })
	for wait, want := range map[string]time.Duration{"5s": 5 * time.Second, "3": 3 * time.Second, "1h": 8 * time.Second, "99999999": 8 * time.Second} {
		r.do("GET", "/v1/operations/t1?wait="+wait, "")
		if r.fake.waited > want || r.fake.waited < want-2*time.Second {
			t.Errorf("wait=%s: waits for %s", wait, r.fake.waited)
		}
	}
}

// TestWhoAsks checks what the records will say of who asked.
func TestWhoAsks(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://peer/v1/volumes", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.RemoteAddr = "192.0.2.7:99"
	if a := actorOf(req); a != (api.Actor{User: "anybody", From: "192.0.2.7:99"}) {
		t.Errorf("%+v", a)
	}
	req.Header.Set("Authorization", "bearer "+token(t, "POST", "/v1/volumes", nil))
	if a := actorOf(req); a != (api.Actor{User: "glustercli", From: "192.0.2.7:99"}) {
		t.Errorf("%+v", a)
	}
	local := req.WithContext(WithOrigin(req.Context(), Origin{Unix: true, PID: 7}))
	if a := actorOf(local); a != (api.Actor{User: "uid 0", From: "unix socket, pid 7"}) {
		t.Errorf("%+v", a)
	}
}
