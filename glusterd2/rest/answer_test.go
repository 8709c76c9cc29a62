package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

func TestErrorsBecomeBodies(t *testing.T) {
	step := &api.Error{Kind: api.Internal, Message: "the step failed", Causes: []*api.Error{
		api.Errorf(api.Internal, "no space").With(api.FieldPeer, "p2").With(api.FieldStep, "brick.create")}}
	for _, c := range []struct {
		err    error
		status int
		code   int
	}{
		{api.Errorf(api.NotFound, "no volume"), 404, 1},
		{api.Errorf(api.Exists, "there is one"), 409, 1},
		{api.Errorf(api.Conflict, "locked"), 409, 1},
		{api.Errorf(api.State, "started"), 400, 1},
		{api.Errorf(api.Unavailable, "no quorum"), 503, 1},
		{api.Errorf(api.NotSupported, "smart"), 501, 1},
		{fmt.Errorf("wrapped: %w", api.Errorf(api.NotFound, "no volume")), 404, 1},
		{errors.New("plain"), 500, 1},
		{fmt.Errorf("deep: %w", context.DeadlineExceeded), 504, 1},
		{step, 500, 2},
	} {
		r := newRig(t, nil)
		r.fake.err = c.err
		got := r.do("POST", "/v1/volumes/gv0/start", "")
		all := got.errors(t)
		if got.status != c.status || all[len(all)-1].Code != c.code {
			t.Errorf("%v: %d %s", c.err, got.status, got.body)
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	r := newRig(t, nil)
	r.fake.hold = func(context.Context) error { panic("secret detail") }
	got := r.do("POST", "/v1/volumes", `{"name":"gv0"}`)
	if got.status != http.StatusInternalServerError || strings.Contains(got.body, "secret detail") {
		t.Errorf("%d %s", got.status, got.body)
	}
	id := got.header.Get(HeaderRequestID)
	if !strings.Contains(got.body, id) || !strings.Contains(r.log.String(), id) || !strings.Contains(r.log.String(), "secret detail") {
		t.Errorf("the answer and the log do not lead to each other: %s", got.body)
	}
}

// slow is a change whose transaction outlives the request.
func slow(ctx context.Context) error {
	<-ctx.Done()
	return api.Errorf(api.Timeout, "still running").With(api.FieldTransaction, "t7")
}

func TestLongChangeIsAccepted(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Wait = 20 * time.Millisecond })
	r.fake.hold = slow
	got := r.do("POST", "/v1/volumes", `{"name":"gv0"}`)
	var ref api.TransactionRef
	if err := json.Unmarshal([]byte(got.body), &ref); err != nil {
		t.Fatal(err)
	}
	if got.status != http.StatusAccepted || got.header.Get("Location") != "/v1/operations/t7" {
		t.Errorf("%d, Location %q", got.status, got.header.Get("Location"))
	}
	if ref != (api.TransactionRef{ID: "t7", Operation: "volume-create", State: "unwinding"}) {
		t.Errorf("body %+v", ref)
	}
	r.fake.hold = func(context.Context) error { return api.Errorf(api.Timeout, "a peer is slow") }
	if got := r.do("POST", "/v1/volumes", `{"name":"gv0"}`); got.status != http.StatusGatewayTimeout {
		t.Errorf("a timeout without a transaction: %d", got.status)
	}
}

func TestPreferWait(t *testing.T) {
	for _, c := range []struct {
		header string
		want   time.Duration
	}{
		{"", DefaultWait}, {"wait=100", 100 * time.Second}, {"wait=999999999", maxWait}, {"respond-async, wait=40; x", DefaultWait}, {"respond-async, wait=40", 40 * time.Second}, {"wait=-1", DefaultWait}, {"wait=x", DefaultWait}, {"respond-async", DefaultWait},
	} {
		r := newRig(t, nil)
		var left time.Duration
		r.fake.hold = func(ctx context.Context) error {
			at, _ := ctx.Deadline()
			left = time.Until(at)
			return nil
		}
		r.do("POST", "/v1/volumes", `{"name":"gv0"}`, "Prefer", c.header)
		if left > c.want || left < c.want-10*time.Second {
			t.Errorf("Prefer %q: %s, want %s", c.header, left, c.want)
		}
	}
}

// TestChangeOutlivesItsClient breaks off the connection in the middle of a change.
func TestChangeOutlivesItsClient(t *testing.T) {
	r := newRig(t, func(c *Config) { c.NoAuth = true })
	began, gone, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r.fake.hold = func(ctx context.Context) error {
		close(began)
		<-gone
		ended <- ctx.Err()
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := r.api.Server()
	hungUp := make(chan struct{})
	inner := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		go func() { <-req.Context().Done(); close(hungUp) }()
		inner.ServeHTTP(w, req)
	})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST /v1/volumes HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n{\"name\":\"gv0\"}"); err != nil {
		t.Fatal(err)
	}
	<-began
	_ = conn.Close()
	<-hungUp
	close(gone)
	if err := <-ended; err != nil {
		t.Errorf("the change was cut off: %v", err)
	}
	_ = srv.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestServerOverTCP(t *testing.T) {
	r := newRig(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := r.api.Server()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /v1/loglevel HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("what is for local root, over TCP from this host: %d", resp.StatusCode)
	}
	_ = conn.Close()
	_ = srv.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
