package client

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"gd2/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func open(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// deadAddress is one where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func writeAnswer(t *testing.T, w http.ResponseWriter, status int, v any) {
	t.Helper()
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func TestFailover(t *testing.T) {
	var asked atomic.Int32
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("X-Gluster-Peer-Id", "p1")
		writeAnswer(t, w, http.StatusOK, api.VolumeInfo{Name: "gv0"})
	})
	c := open(t, Config{Endpoints: []string{deadAddress(t), "unix:///nonexistent/socket", good}})
	for range 2 {
		v, err := c.VolumeStart(t.Context(), "gv0", api.VolumeStartReq{})
		if err != nil || v.Name != "gv0" {
			t.Fatalf("start: %+v, %v", v, err)
		}
	}
	if asked.Load() != 2 || c.PeerID() != "p1" || c.first != 2 {
		t.Errorf("asked %d times, peer %q, endpoint %d goes first", asked.Load(), c.PeerID(), c.first)
	}
}

// A server that took a request and then broke the connection may have carried it out: the request is sent again with the key
// by which the pool knows it, or not at all.
func TestSecondTryOfChanges(t *testing.T) {
	var broken, asked atomic.Int32
	keys := make(chan string, 100)
	breaks := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		broken.Add(1)
		keys <- r.Header.Get("Idempotency-Key")
		panic(http.ErrAbortHandler)
	})
	good := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		keys <- r.Header.Get("Idempotency-Key")
		writeAnswer(t, w, http.StatusOK, []api.VolumeInfo{{Name: "gv0"}})
	})
	c := open(t, Config{Endpoints: []string{breaks, good}})
	if err := c.VolumeDelete(t.Context(), "gv0"); err != nil || asked.Load() != 1 {
		t.Errorf("delete: %v after %d requests to the second server", err, asked.Load())
	}
	if first, second := <-keys, <-keys; len(first) != 36 || first != second {
		t.Errorf("keys %q and %q", first, second)
	}
	c = open(t, Config{Endpoints: []string{breaks, good}})
	if err := c.VolumeDelete(WithKey(t.Context(), "mine"), "gv0"); err != nil || <-keys != "mine" || <-keys != "mine" {
		t.Errorf("delete with a key of the caller's: %v", err)
	}
	c = open(t, Config{Endpoints: []string{breaks, good}})
	asked.Store(0)
	_, err := c.PeerToken(t.Context(), api.PeerTokenReq{})
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "may have been carried out") || asked.Load() != 0 || <-keys != "" {
		t.Errorf("what is not remembered: %v after %d requests to the second server", err, asked.Load())
	}
	broken.Store(0)
	c = open(t, Config{Endpoints: []string{breaks}})
	err = c.VolumeDelete(t.Context(), "gv0")
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "may have been carried out") || broken.Load() != repeats+1 {
		t.Errorf("no server answers: %v after %d requests", err, broken.Load())
	}
	if vols, err := open(t, Config{Endpoints: []string{breaks, good}}).Volumes(t.Context(), Filter{}); err != nil || len(vols) != 1 {
		t.Errorf("list, which only reads: %v, %v", vols, err)
	}
}

// A server that took a request and then died has perhaps carried it out, although it refuses every later try.
func TestServerDiesWithRequest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	died := make(chan struct{})
	go func() {
		defer close(died)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 4096))
		_ = l.Close() // before the connection: the next try finds nobody
		_ = conn.Close()
	}()
	err = open(t, Config{Endpoints: []string{"http://" + l.Addr().String()}}).VolumeDelete(t.Context(), "gv0")
	<-died
	if !api.IsKind(err, api.Unavailable) || !strings.Contains(err.Error(), "may have been carried out") {
		t.Errorf("%v", err)
	}
}

func TestNoFailoverOnErrorAnswers(t *testing.T) {
	refuses := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "r1")
		writeAnswer(t, w, http.StatusNotFound, api.Errorf(api.NotFound, "volume gv0 does not exist").Body())
	})
	other := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the second server was asked") })
	c := open(t, Config{Endpoints: []string{refuses, other}})
	_, err := c.Volume(t.Context(), "gv0")
	e := api.AsError(err)
	if e.Kind != api.NotFound || e.Message != "volume gv0 does not exist" || e.Fields[FieldRequest] != "r1" {
		t.Errorf("%+v", e)
	}
}

func TestUnreachable(t *testing.T) {
	c := open(t, Config{Endpoints: []string{deadAddress(t), deadAddress(t)}})
	_, err := c.Volumes(t.Context(), Filter{})
	e := api.AsError(err)
	if e.Kind != api.Unavailable || e.Message != Unreachable || len(e.Causes) != 2 {
		t.Errorf("%+v", e)
	}
}

func TestTimeout(t *testing.T) {
	block := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-block })
	t.Cleanup(func() { close(block) })
	c := open(t, Config{Endpoints: []string{s}, Timeout: 20 * time.Millisecond})
	_, err := c.VolumeStop(t.Context(), "gv0", api.VolumeStopReq{})
	if !api.IsKind(err, api.Timeout) || !strings.Contains(err.Error(), "may still be carried out") {
		t.Errorf("%v", err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token without a secret")
		}
		writeAnswer(t, w, http.StatusOK, api.VersionResp{APIVersion: 1})
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	v, err := open(t, Config{Endpoints: []string{"unix://" + path}}).Version(t.Context())
	if err != nil || v.APIVersion != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestToken(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		claims := jwt.MapClaims{}
		_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte("hush"), nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		// The SHA-256 of "GET&/v1/volumes".
		const qsh = "5863eae21e36fcbce351804f3f6010b73940139430a2cadfd02e8eb0fdebae08"
		if err != nil || scheme != "bearer" || claims["iss"] != "glustercli" || claims["qsh"] != qsh {
			t.Errorf("%s %v: %v", scheme, claims, err)
		}
		writeAnswer(t, w, http.StatusOK, []api.VolumeInfo{})
	})
	if _, err := open(t, Config{Endpoints: []string{s}, Secret: "hush"}).Volumes(t.Context(), Filter{Key: "k"}); err != nil {
		t.Error(err)
	}
}

// Names are escaped, so that none can reach another route.
func TestNames(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/v1/volumes/a%2Fb%3Fc/options/x%20y" {
			t.Errorf("path %q", r.URL.EscapedPath())
		}
		writeAnswer(t, w, http.StatusOK, api.VolumeOption{})
	})
	c := open(t, Config{Endpoints: []string{s}})
	if _, err := c.VolumeOption(t.Context(), "a/b?c", "x y"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", ".", ".."} {
		if err := c.VolumeDelete(t.Context(), name); !api.IsKind(err, api.Invalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

func TestBadEndpoints(t *testing.T) {
	for _, e := range []string{"ftp://a", "unix://", "unix://host/path", "https://", "://"} {
		if _, err := New(Config{Endpoints: []string{e}}); !api.IsKind(err, api.Invalid) {
			t.Errorf("endpoint %q: %v", e, err)
		}
	}
	if _, err := New(Config{}); !api.IsKind(err, api.Invalid) {
		t.Errorf("no endpoint: %v", err)
	}
}

func TestRaw(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		writeAnswer(t, w, http.StatusOK, map[string]string{"got": r.Method + " " + r.URL.String() + " " + string(b)})
	})
	b, err := open(t, Config{Endpoints: []string{s}}).Raw(t.Context(), "post", "/v1/x?y=z", []byte(`{}`))
	if err != nil || !strings.Contains(string(b), "POST /v1/x?y=z {}") {
		t.Errorf("%s, %v", b, err)
	}
	if _, err := open(t, Config{Endpoints: []string{s}}).Raw(t.Context(), "GET", "http://elsewhere/v1", nil); err == nil {
		t.Error("a whole URL was accepted")
	}
}

// A health report that is bad comes with status 503 and is no error.
func TestHealth(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		writeAnswer(t, w, http.StatusServiceUnavailable, api.Health{Checks: []api.Check{{Name: "store"}}})
	})
	h, err := open(t, Config{Endpoints: []string{s}}).Ready(t.Context())
	if err != nil || h.OK || len(h.Checks) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}
