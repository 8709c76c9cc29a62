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
	"slices"
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
	// plan answers dry runs; without one they are refused with planErr.
	plan    api.OperationPlan
	planErr *api.Error

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
		if r.URL.Query().Has("dry-run") {
			c.answerPlan(t, w)
			return
		}
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
		AskSecret: func() (string, error) { return c.input, nil },
	})
}

func (c *console) answerPlan(t *testing.T, w http.ResponseWriter) {
	var v any = c.plan
	if c.planErr != nil {
		w.WriteHeader(c.planErr.Status())
		v = c.planErr.Body()
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

// stopPlan is what the stop of a volume might do.
var stopPlan = api.OperationPlan{Operation: "volume.stop", Steps: []api.PlanStep{{Name: "stop-bricks", Peers: []api.PlanPeer{{
	PeerID: "p1", Host: "node1", Effects: []api.Effect{{Action: api.ActionStop, Kind: api.OnProcess, Name: "glusterfsd /b"}}}}}}}

// What is destructive is asked about, after its plan; the change itself is sent only on yes.
func TestConfirm(t *testing.T) {
	for answer, want := range map[string]int{"y\n": ExitOK, "Yes\n": ExitOK, "n\n": ExitFailed, "\n": ExitFailed, "": ExitFailed} {
		c := console{input: answer, v: api.VolumeInfo{}, plan: stopPlan}
		if got := c.run(t, "volume", "stop", "gv0"); got != want {
			t.Errorf("answer %q: exit code %d, want %d", answer, got, want)
		}
		if stopped := slices.Contains(c.asked, "POST /v1/volumes/gv0/stop"); stopped != (want == ExitOK) {
			t.Errorf("answer %q: requests %v", answer, c.asked)
		}
		q := "1. stop-bricks\n   on node1\n     stop    process glusterfsd /b\n" +
			"Stopping volume gv0 makes its data inaccessible to every client. Continue? (y/n) "
		if !strings.HasPrefix(c.err.String(), q) {
			t.Errorf("question %q", c.err.String())
		}
	}
}

// What would be refused is not asked about; what has no plan is asked about without.
func TestConfirmWithoutPlan(t *testing.T) {
	c := console{input: "y\n", planErr: api.Errorf(api.State, "volume gv0 is not started")}
	if code := c.run(t, "volume", "stop", "gv0"); code != ExitFailed || len(c.asked) != 1 || strings.Contains(c.err.String(), "Continue") {
		t.Errorf("exit code %d, requests %v, %s", code, c.asked, c.err.String())
	}
	c = console{input: "y\n", v: api.VolumeInfo{}, planErr: api.Errorf(api.NotSupported, "it has no plan")}
	if code := c.run(t, "volume", "stop", "gv0"); code != ExitOK || len(c.asked) != 2 {
		t.Errorf("exit code %d, requests %v, %s", code, c.asked, c.err.String())
	}
}

// With --yes nobody reads a plan, so none is made; with --dry-run nobody is asked.
func TestNoQuestion(t *testing.T) {
	c := console{v: api.VolumeInfo{}, plan: stopPlan}
	if code := c.run(t, "-y", "volume", "stop", "gv0"); code != ExitOK || !slices.Equal(c.asked, []string{"POST /v1/volumes/gv0/stop"}) {
		t.Errorf("--yes: exit code %d, requests %v", code, c.asked)
	}
	c = console{plan: stopPlan}
	code := c.run(t, "--dry-run", "-o", "json", "volume", "stop", "gv0")
	var got api.OperationPlan
	if err := json.Unmarshal(c.out.Bytes(), &got); err != nil || code != ExitOK || got.Operation != "volume.stop" ||
		!slices.Equal(c.asked, []string{"POST /v1/volumes/gv0/stop?dry-run=true"}) {
		t.Errorf("--dry-run: exit code %d, requests %v, %s %v", code, c.asked, c.out.String(), err)
	}
	c = console{}
	if code := c.run(t, "--dry-run", "api", "POST", "/v1/volumes"); code != ExitUsage || len(c.asked) > 0 {
		t.Errorf("a raw request: exit code %d, requests %v", code, c.asked)
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

// Secrets that are in bodies do not appear with --debug, and one that was given as an argument is not repeated.
func TestDebugHidesTokens(t *testing.T) {
	for _, args := range [][]string{{"peer", "join"}, {"peer", "join", "-"}, {"peer", "join", "hush"}} {
		c := console{v: api.PeerToken{Token: "hush"}, env: map[string]string{envSecret: "key"}, input: "hush"}
		code := c.run(t, append([]string{"--debug"}, args...)...)
		s, taken := c.err.String(), strings.Contains(c.err.String(), "POST unix://")
		if refused := code == ExitUsage; strings.Contains(s, "hush") || strings.Contains(s, "key") || taken == refused || refused != (args[len(args)-1] == "hush") {
			t.Errorf("%v: exit code %d: %s", args, code, s)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[api.Kind]int{
		api.Internal: 1, api.Invalid: 1, api.NotFound: 3, api.Exists: 4, api.Conflict: 4, api.State: 1, api.Denied: 5,
		api.Forbidden: 5, api.TooLarge: 1, api.Unavailable: 6, api.Timeout: 7, api.NotSupported: 1, api.MethodNotAllowed: 1, api.TooMany: 1, api.Precondition: 4,
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
