package rest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/pkg/api"
)

func bearer(tok string) []string { return []string{"Authorization", "bearer " + tok} }

func TestAccess(t *testing.T) {
	const open, read, local = "/ping", "/v1/volumes", "/v1/loglevel"
	remote, root, user := Origin{}, Origin{Unix: true}, Origin{Unix: true, UID: 1000}
	for _, c := range []struct {
		name    string
		origin  Origin
		noAuth  bool
		token   bool
		allowed []string
	}{
		{"stranger", remote, false, false, []string{open}},
		{"token", remote, false, true, []string{open, read}},
		{"root on the socket", root, false, false, []string{open, read, local}},
		{"user on the socket", user, false, false, []string{open}},
		{"user on the socket with a token", user, false, true, []string{open, read}},
		{"no authentication", remote, true, false, []string{open, read}},
		{"no authentication, user on the socket", user, true, false, []string{open, read}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(cfg *Config) { cfg.NoAuth = c.noAuth })
			r.origin = c.origin
			for path, refused := range map[string]int{open: 0, read: http.StatusUnauthorized, local: http.StatusForbidden} {
				var header []string
				if c.token {
					header = bearer(token(t, "GET", path, nil))
				}
				want := refused
				for _, a := range c.allowed {
					if a == path {
						want = http.StatusOK
					}
				}
				if got := r.do("GET", path, "", header...); got.status != want {
					t.Errorf("%s: %d, want %d: %s", path, got.status, want, got.body)
				}
			}
		})
	}
}

// TestOpenRoutes lists what strangers may see, so that nothing is added to it by mistake.
func TestOpenRoutes(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Profiling = true })
	var open []string
	for _, row := range r.api.Routes() {
		if row.Access == Open {
			open = append(open, row.Path)
		}
		if row.Access == Read && row.Method != http.MethodGet {
			t.Errorf("%s changes something, and its rule is read", row.Name)
		}
	}
	if got := strings.Join(open, " "); got != "/ping /endpoints /livez /readyz /openapi.json" {
		t.Errorf("open to everybody: %s", got)
	}
}

func TestBadTokens(t *testing.T) {
	const path = "/v1/volumes"
	with := func(change func(jwt.MapClaims)) string { return token(t, "GET", path, change) }
	at := func(claim string, d time.Duration) string {
		return with(func(c jwt.MapClaims) { c[claim] = time.Now().Add(d).Unix() })
	}
	good := with(nil)
	parts := strings.Split(good, ".")
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": "glustercli"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	hs512, err := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims{"iss": "glustercli", "exp": time.Now().Add(time.Minute).Unix()}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs256, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": "glustercli"}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, header, want string }{
		{"none", "", "needs a token"},
		{"other scheme", "Basic YTpi", "Bearer TOKEN"},
		{"empty", "bearer ", "not a JSON web token"},
		{"no JWT", "bearer abc", "not a JSON web token"},
		{"other secret", "bearer " + parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "signature"},
		{"algorithm none", "bearer " + none, "signature"},
		{"algorithm HS512", "bearer " + hs512, "signature"},
		{"algorithm RS256", "bearer " + rs256, "signature"},
		{"expired", "bearer " + at("exp", -time.Minute), "expired"},
		{"too far ahead", "bearer " + at("exp", 3*time.Hour), "more than 1h"},
		{"not yet", "bearer " + at("nbf", time.Hour), "not valid yet"},
		{"no exp", "bearer " + with(func(c jwt.MapClaims) { delete(c, "exp") }), "lacks the claim exp"},
		{"no iss", "bearer " + with(func(c jwt.MapClaims) { delete(c, "iss") }), "issuer"},
		{"other iss", "bearer " + with(func(c jwt.MapClaims) { c["iss"] = "mallory" }), "mallory"},
		{"no qsh", "bearer " + with(func(c jwt.MapClaims) { delete(c, "qsh") }), "lacks the claim qsh"},
		{"qsh of another method", "bearer " + token(t, "POST", path, nil), "another request"},
		{"qsh of another path", "bearer " + token(t, "GET", "/v1/peers", nil), "another request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			r.origin = Origin{}
			got := r.do("GET", path, "", "Authorization", c.header)
			if got.status != http.StatusUnauthorized || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
				t.Fatalf("%d %v", got.status, got.header)
			}
			e := got.errors(t)[0]
			if e.Kind != api.Denied || !strings.Contains(e.Message, c.want) {
				t.Errorf("%q does not say %q", e.Message, c.want)
			}
			if strings.Contains(r.log.String()+got.body, string(secret)) || c.header != "" && len(c.header) > 20 && strings.Contains(r.log.String(), c.header[10:]) {
				t.Error("the secret or the token is in the log or the answer")
			}
		})
	}
}

func TestGoodTokens(t *testing.T) {
	r := newRig(t, nil)
	r.origin = Origin{}
	const path = "/v1/volumes"
	for name, tok := range map[string]string{
		"as glusterd2's":              token(t, "GET", path, nil),
		"expired within the leeway":   token(t, "GET", path, func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-10 * time.Second).Unix() }),
		"issued a little ahead of us": token(t, "GET", path, func(c jwt.MapClaims) { c["iat"] = time.Now().Add(10 * time.Second).Unix() }),
		"an hour":                     token(t, "GET", path, func(c jwt.MapClaims) { c["exp"] = time.Now().Add(time.Hour).Unix() }),
	} {
		if got := r.do("GET", path+"?key=not-covered", "", bearer(tok)...); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestQSH has a value computed apart, with sha256sum.
func TestQSH(t *testing.T) {
	if got := QSH("GET", "/v1/volumes"); got != "5863eae21e36fcbce351804f3f6010b73940139430a2cadfd02e8eb0fdebae08" {
		t.Errorf("qsh %s", got)
	}
}

func TestNoSecretYet(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Secret = func() []byte { return nil } })
	r.origin = Origin{}
	forged, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "glustercli", "exp": time.Now().Add(time.Minute).Unix(),
		"qsh": QSH("GET", "/v1/volumes")}).SignedString([]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.do("GET", "/v1/volumes", "", bearer(forged)...); got.status != http.StatusServiceUnavailable {
		t.Errorf("a token made with the empty secret: %d", got.status)
	}
}

func TestTooManyFailures(t *testing.T) {
	now := time.Now()
	r := newRig(t, func(c *Config) { c.Now = func() time.Time { return now } })
	r.origin = Origin{}
	for range failBurst {
		if got := r.do("GET", "/v1/volumes", ""); got.status != http.StatusUnauthorized {
			t.Fatalf("within the limit: %d", got.status)
		}
	}
	got := r.do("GET", "/v1/volumes", "")
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "3" {
		t.Errorf("beyond the limit: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	if got := r.do("GET", "/v1/volumes", "", bearer(token(t, "GET", "/v1/volumes", nil))...); got.status != http.StatusOK {
		t.Errorf("a good token beyond the limit: %d", got.status)
	}
	now = now.Add(failEvery)
	if got := r.do("GET", "/v1/volumes", ""); got.status != http.StatusUnauthorized {
		t.Errorf("after the wait: %d", got.status)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var f failures
	now := time.Now()
	for i := range 3 * maxAddresses {
		f.note(net.JoinHostPort(net.IPv4(10, byte(i>>16), byte(i>>8), byte(i)).String(), "1"), now)
		if len(f.buckets) > maxAddresses {
			t.Fatalf("%d addresses are remembered", len(f.buckets))
		}
	}
	if network("[2001:db8::1]:1") != network("[2001:db8::2]:9") || network("10.0.0.1:1") == network("10.0.0.2:1") {
		t.Error("addresses are told apart wrongly")
	}
}

func TestCrossSite(t *testing.T) {
	r := newRig(t, func(c *Config) { c.NoAuth = true })
	got := r.do("POST", "/v1/volumes/gv0/stop", "", "Sec-Fetch-Site", "cross-site")
	if got.status != http.StatusForbidden || r.fake.called("stop gv0") {
		t.Errorf("a web page stopped a volume: %d", got.status)
	}
}

// TestUnixSocket asks through a real socket: who is at the other end is the kernel's word.
func TestUnixSocket(t *testing.T) {
	r := newRig(t, nil)
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := r.api.Server()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(wrapping{l}) }()
	var d net.Dialer
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }}
	resp, err := (&http.Client{Transport: tr}).Get("http://local/v1/loglevel")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	want := http.StatusForbidden
	if os.Getuid() == 0 {
		want = http.StatusOK
	}
	if resp.StatusCode != want {
		t.Errorf("status %d, want %d", resp.StatusCode, want)
	}
	tr.CloseIdleConnections()
	_ = srv.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// wrapping is a listener whose connections hide the real one, as that of the shared port does.
type wrapping struct{ net.Listener }

type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func (w wrapping) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wrapped{c}, nil
}
