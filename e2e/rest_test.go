package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/e2e/lab"
	"gd2/glusterd2/rest/resttest"
)

// caFile is where a peer keeps the certificate of its pool's authority.
const caFile = "/var/lib/glusterd2/tls/current/ca.pem"

// outsider is a program on a host outside the pool, with the pool's secret and its CA.
type outsider struct {
	pool
	base   *http.Transport
	client *http.Client
	secret string
}

// newOutsider makes a client of node1 that holds every request and answer against the OpenAPI document of the daemon.
func newOutsider(p pool) outsider {
	p.t.Helper()
	secret, err := os.ReadFile(p.Peer(1).Path("/var/lib/glusterd2/auth"))
	p.must(err)
	ca, err := os.ReadFile(p.Peer(1).Path(caFile))
	p.must(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		p.t.Fatalf("no certificate in %s", ca)
	}
	local := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", p.Peer(1).Path(lab.Socket))
		}}}
	document, err := resttest.Fetch(p.t.Context(), local, "http://localhost")
	p.must(err)
	last := p.Peers()[len(p.Peers())-1]
	base := &http.Transport{
		DialContext:     last.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "gd2-peer", MinVersion: tls.VersionTLS12},
	}
	p.t.Cleanup(base.CloseIdleConnections)
	checked, err := resttest.New(p.t.Context(), p.t, base, document)
	p.must(err)
	return outsider{p, base, &http.Client{Transport: checked, Timeout: time.Minute}, strings.TrimSpace(string(secret))}
}

// token signs a request as glusterd2 asks for it.
func (o outsider) token(method, path string, life time.Duration) string {
	o.t.Helper()
	qsh := sha256.Sum256([]byte(method + "&" + path))
	claims := jwt.MapClaims{"iss": "glustercli", "exp": time.Now().Add(life).Unix(), "qsh": hex.EncodeToString(qsh[:])}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(o.secret))
	o.must(err)
	return text
}

// send sends one request over HTTPS and returns the status and the body. An empty token sends none.
func (o outsider) send(method, path, token, body string) (int, string) {
	o.t.Helper()
	url := "https://" + o.Peer(1).Addr + ":24007" + path
	req, err := http.NewRequestWithContext(o.t.Context(), method, url, strings.NewReader(body))
	o.must(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "bearer "+token)
	}
	resp, err := o.client.Do(req)
	o.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	o.must(err)
	return resp.StatusCode, string(text)
}

// TestREST leads a volume through its whole life over HTTPS, from outside the pool, with tokens. Every request and
// every answer must be as /openapi.json says.
func TestREST(t *testing.T) {
	o := newOutsider(newPool(t, 2, 1))
	brick := func(peer string) string { return fmt.Sprintf(`{"peerid":%q,"path":"/srv/r"}`, peer) }
	create := fmt.Sprintf(`{"name":"r","subvols":[{"type":"replicate","replica":2,"bricks":[%s,%s]}]}`, brick("node1"), brick("node2"))
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodGet, "/version", "", http.StatusOK, "api-version"},
		{http.MethodGet, "/v1/peers", "", http.StatusOK, "node2"},
		{http.MethodPost, "/v1/volumes", create, http.StatusCreated, `"Replicate"`},
		{http.MethodGet, "/v1/volumes", "", http.StatusOK, `"r"`},
		{http.MethodGet, "/v1/volumes/r", "", http.StatusOK, `"Created"`},
		{http.MethodPost, "/v1/volumes/r/start", "", http.StatusOK, `"Started"`},
		{http.MethodGet, "/v1/volumes/r/status", "", http.StatusOK, `"online"`},
		{http.MethodGet, "/v1/volumes/r/bricks", "", http.StatusOK, "/srv/r"},
		{http.MethodPost, "/v1/volumes/r/options", `{"options":{"performance.cache-size":"64MB"}}`, http.StatusOK, "64MB"},
		{http.MethodGet, "/v1/volumes/r/options/performance.cache-size", "", http.StatusOK, "64MB"},
		{http.MethodGet, "/v1/volumes/r/options", "", http.StatusOK, "cluster.quorum-type"},
		{http.MethodDelete, "/v1/volumes/r/options", `{"options":["performance.cache-size"]}`, http.StatusOK, ""},
		{http.MethodPost, "/v1/volumes/r/edit", `{"metadata":{"owner":"me"}}`, http.StatusOK, "owner"},
		{http.MethodGet, "/v1/status", "", http.StatusOK, `"peers"`},
		{http.MethodGet, "/v1/transactions", "", http.StatusOK, "volume.create"},
		{http.MethodPost, "/v1/volumes/r/stop", "", http.StatusOK, `"Stopped"`},
		{http.MethodDelete, "/v1/volumes/r", "", http.StatusNoContent, ""},
		{http.MethodGet, "/v1/volumes/r", "", http.StatusNotFound, "r"},
	} {
		status, text := o.send(step.method, step.path, o.token(step.method, step.path, time.Minute), step.body)
		if status != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s: status %d, not %d, or no %s in %.500s", step.method, step.path, status, step.status, step.want, text)
		}
	}
}

// TestAccess asks without proof of who asks, and with the wrong one.
func TestAccess(t *testing.T) {
	o := newOutsider(newPool(t, 2, 1))
	const path = "/v1/volumes"
	forged := outsider{o.pool, o.base, o.client, strings.Repeat("0", len(o.secret))}
	for name, token := range map[string]string{
		"no token":              "",
		"rubbish":               "rubbish",
		"another secret":        forged.token(http.MethodGet, path, time.Minute),
		"token of another path": o.token(http.MethodGet, "/v1/peers", time.Minute),
		"token of another verb": o.token(http.MethodPost, path, time.Minute),
		"token that is over":    o.token(http.MethodGet, path, -time.Minute),
	} {
		if status, text := o.send(http.MethodGet, path, token, ""); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d: %s", name, status, text)
		}
	}
	for _, open := range []string{"/ping", "/endpoints", "/livez", "/readyz", "/openapi.json"} {
		if status, text := o.send(http.MethodGet, open, "", ""); status != http.StatusOK {
			t.Errorf("%s without a token: status %d: %s", open, status, text)
		}
	}
	plain := &http.Client{Transport: &http.Transport{DialContext: o.base.DialContext, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.Peer(1).Addr+":24007/ping", http.NoBody)
	o.must(err)
	if resp, err := plain.Do(req); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode < http.StatusBadRequest {
			t.Errorf("plain HTTP from another host is answered with %s", resp.Status)
		}
	}
	// The same by curl, as a user would.
	token := o.token(http.MethodGet, path, time.Minute)
	out, err := o.Peer(2).Run(t.Context(), "curl", "-sS", "--fail-with-body", "--cacert", caFile, "--resolve", "gd2-peer:24007:"+o.Peer(1).Addr,
		"-H", "Authorization: bearer "+token, "https://gd2-peer:24007"+path)
	if err != nil || strings.TrimSpace(out) != "[]" {
		t.Errorf("curl: %v: %s", err, out)
	}
}
