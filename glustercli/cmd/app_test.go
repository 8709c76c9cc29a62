package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"gd2/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// console runs glustercli as on a terminal on which input is typed, against a pool that answers every request with v.
type console struct {
	input string
	env   map[string]string
	v     any

	asked    []string
	out, err bytes.Buffer
}

func (c *console) run(t *testing.T, args ...string) int {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked = append(c.asked, r.Method+" "+r.URL.String())
		if err := json.NewEncoder(w).Encode(c.v); err != nil {
			t.Error(err)
		}
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()
	return Main(t.Context(), Env{
		Args: append([]string{"--endpoints", "unix://" + socket}, args...), In: strings.NewReader(c.input), Out: &c.out, Err: &c.err,
		Getenv: func(k string) string { return c.env[k] }, CanAsk: true, OutTerminal: true, Version: "1",
	})
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]int{"y\n": ExitOK, "Yes\n": ExitOK, "n\n": ExitFailed, "\n": ExitFailed, "": ExitFailed} {
		c := console{input: answer, v: api.VolumeInfo{}}
		if got := c.run(t, "volume", "stop", "gv0"); got != want {
			t.Errorf("answer %q: exit code %d, want %d", answer, got, want)
		}
		if asked := len(c.asked) > 0; asked != (want == ExitOK) {
			t.Errorf("answer %q: requests %v", answer, c.asked)
		}
		if q := "Stopping volume gv0 makes its data inaccessible to every client. Continue? (y/n) "; !strings.HasPrefix(c.err.String(), q) {
			t.Errorf("question %q", c.err.String())
		}
	}
}

// A question does not outlive an interrupt, even if nobody answers it.
func TestConfirmInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	a := &app{Env: Env{In: r, Err: io.Discard, CanAsk: true}}
	if err := a.confirm(ctx, "this"); !api.IsKind(err, api.Timeout) {
		t.Errorf("%v", err)
	}
}

func TestColour(t *testing.T) {
	for _, c := range []struct {
		env    map[string]string
		colour bool
	}{
		{nil, true},
		{map[string]string{"NO_COLOR": "1"}, false},
		{map[string]string{"TERM": "dumb"}, false},
	} {
		con := console{env: c.env, v: api.PoolStatus{Healthy: true}}
		if code := con.run(t, "status"); code != ExitOK {
			t.Fatalf("exit code %d: %s", code, con.err.String())
		}
		out := con.out.String()
		if !strings.Contains(out, "HEALTHY") || strings.Contains(out, "\x1b[") != c.colour {
			t.Errorf("%v: %q", c.env, out)
		}
	}
}

// Secrets that are in bodies do not appear with --debug.
func TestDebugHidesTokens(t *testing.T) {
	c := console{v: api.PeerToken{Token: "hush"}, env: map[string]string{envSecret: "key"}}
	c.run(t, "--debug", "peer", "join", "hush")
	if s := c.err.String(); !strings.Contains(s, "POST unix://") || strings.Contains(s, "hush") || strings.Contains(s, "key") {
		t.Errorf("%s", s)
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[api.Kind]int{
		api.Internal: 1, api.Invalid: 1, api.NotFound: 3, api.Exists: 4, api.Conflict: 4, api.State: 1, api.Denied: 5,
		api.Forbidden: 5, api.TooLarge: 1, api.Unavailable: 6, api.Timeout: 7, api.NotSupported: 1, api.MethodNotAllowed: 1, api.TooMany: 1,
	} {
		if got := exitCode(&failure{op: "x", err: api.Errorf(kind, "x")}); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 1 << 30: "1.0GiB", 3 << 39: "1.5TiB", 1 << 63: "8.0EiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
