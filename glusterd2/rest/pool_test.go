package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gd2/pkg/api"
)

// download is what came of asking for a backup; err says that it broke off.
type download struct {
	status  int
	trailer http.Header
	body    []byte
	err     error
}

// backupOf asks for a backup over a real connection, as trailers need one.
func backupOf(t *testing.T, r *rig) download {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.api.ServeHTTP(w, req.WithContext(WithOrigin(req.Context(), r.origin)))
	}))
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/pool/backup", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	return download{status: resp.StatusCode, trailer: resp.Trailer, body: body, err: errors.Join(err, resp.Body.Close())}
}

func TestBackup(t *testing.T) {
	r := newRig(t, nil)
	r.fake.backup = []string{"manifest\n", strings.Repeat("x", 1<<20)}
	got := backupOf(t, r)
	sum := sha256.Sum256(got.body)
	if got.err != nil || got.status != http.StatusOK || len(got.body) != 9+1<<20 || got.trailer.Get(HeaderChecksum) != hex.EncodeToString(sum[:]) {
		t.Errorf("status %d, %d bytes, trailer %v, %v", got.status, len(got.body), got.trailer, got.err)
	}
	r.fake.err = api.Errorf(api.Unavailable, "the member has gone")
	if got := backupOf(t, r); got.err == nil || got.trailer.Get(HeaderChecksum) != "" {
		t.Errorf("a backup that broke off: trailer %v, %v", got.trailer, got.err)
	}
	r.fake.backup = nil
	if got := backupOf(t, r); got.err != nil || got.status != http.StatusServiceUnavailable || !strings.Contains(string(got.body), "has gone") {
		t.Errorf("a backup that did not begin: %d %s, %v", got.status, got.body, got.err)
	}
}

// A backup holds the pool's secrets: switching tokens off does not give it to everybody.
func TestBackupIsGuarded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.NoAuth = true })
	r.origin = Origin{}
	if got := backupOf(t, r); got.err != nil || got.status != http.StatusUnauthorized {
		t.Errorf("status %d, %v", got.status, got.err)
	}
	if got := r.do("GET", "/v1/pool", ""); got.status != http.StatusOK {
		t.Errorf("status of the pool: %d", got.status)
	}
}

// A peer that belongs to no pool answers for itself only.
func TestRefuse(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Refuse = func() *api.Error { return api.Errorf(api.State, "this peer was detached") }
	})
	for path, status := range map[string]int{
		"/ping": 200, "/readyz": 200, "/v1/status": 200, "/v1/pool": 200, "/v1/loglevel": 200, "/metrics": 200,
		"/v1/volumes": 400, "/v1/peers": 400, "/v1/pool/backup": 400, "/v1/transactions": 400,
	} {
		if got := r.do("GET", path, ""); got.status != status || status == 400 && !strings.Contains(got.body, "was detached") {
			t.Errorf("GET %s: %d %s", path, got.status, got.body)
		}
	}
	if got := r.do("POST", "/v1/reset", ""); got.status != 200 || !r.fake.called("reset") {
		t.Errorf("reset: %d %s", got.status, got.body)
	}
	if got := r.do("POST", "/v1/join", `{"token":"t"}`); got.status != 400 {
		t.Errorf("join: %d", got.status)
	}
}
