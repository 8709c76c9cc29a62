package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gd2/e2e/lab"
)

// heketiConfig lets a daemon serve Heketi's API.
const heketiConfig = `heketi-address = ":8080"
heketi-admin-key = "the administrator's key"
heketi-user-key = "the user's key"
`

// heketiKeys are the keys of its users.
var heketiKeys = map[string]string{"admin": "the administrator's key", "user": "the user's key"}

// heketi is a client of Heketi's API at a peer, which follows nothing by itself.
type heketi struct {
	pool
	n      int
	user   string
	client *http.Client
}

// newHeketi lays peers with empty directories for devices. None is in a pool with another yet.
func newHeketi(t *testing.T, peers, disks int) heketi {
	t.Helper()
	p := newLab(t, lab.Options{Peers: peers, Config: heketiConfig, DiskMiB: 12 << 10})
	p.startAll(peers)
	for n := 1; n <= peers; n++ {
		for d := range disks {
			p.must(os.Mkdir(p.Peer(n).Path(fmt.Sprintf("/srv/disk%d", d)), 0o755))
		}
	}
	return heketi{pool: p, user: "admin"}.at(1)
}

// at is the same client at another peer, as the same user.
func (h heketi) at(n int) heketi {
	transport := &http.Transport{DialContext: h.Peer(n).DialContext}
	h.t.Cleanup(transport.CloseIdleConnections)
	h.n, h.client = n, &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return h
}

// as is the same client as another user.
func (h heketi) as(user string) heketi {
	h.user = user
	return h
}

func (h heketi) url(path string) string { return "http://" + h.Peer(h.n).Addr + ":8080" + path }

// token is what Heketi's clients send; change makes a wrong one of it.
func (h heketi) token(method, path string, change func(jwt.MapClaims)) string {
	h.t.Helper()
	sum := sha256.Sum256([]byte(method + "&" + path))
	c := jwt.MapClaims{
		"iss": h.user, "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(), "qsh": hex.EncodeToString(sum[:]),
	}
	if change != nil {
		change(c)
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(heketiKeys[h.user]))
	h.must(err)
	return text
}

// heketiAnswer is an answer as it came.
type heketiAnswer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   string
}

// ask sends a request; without a body if that is empty.
func (h heketi) ask(method, path, body string) heketiAnswer {
	h.t.Helper()
	return h.send(method, path, body, "bearer "+h.token(method, strings.TrimSuffix(path, "?"), nil))
}

func (h heketi) send(method, path, body, authorization string) heketiAnswer {
	h.t.Helper()
	a, err := h.trySend(h.t.Context(), method, path, body, authorization)
	h.must(err)
	return a
}

// try is ask where the peer may be down.
func (h heketi) try(ctx context.Context, method, path, body string) (heketiAnswer, error) {
	return h.trySend(ctx, method, path, body, "bearer "+h.token(method, path, nil))
}

func (h heketi) trySend(ctx context.Context, method, path, body, authorization string) (heketiAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.url(path), strings.NewReader(body))
	if err != nil {
		return heketiAnswer{}, err
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return heketiAnswer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return heketiAnswer{h.t, method + " " + path + " " + body, resp.StatusCode, resp.Header, string(text)}, err
}

// is demands a status.
func (a heketiAnswer) is(status int) heketiAnswer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %s", a.what, a.status, status, a.body)
	}
	return a
}

// says demands an error in one line of text.
func (a heketiAnswer) says(status int, text string) {
	a.t.Helper()
	a.is(status)
	if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Count(a.body, "\n") != 1 || !strings.HasSuffix(a.body, "\n") {
		a.t.Errorf("%s: %q of type %q is no line of text", a.what, a.body, a.header.Get("Content-Type"))
	}
	if !strings.Contains(a.body, text) {
		a.t.Errorf("%s: %q does not say %q", a.what, a.body, text)
	}
}

// has demands JSON with these keys and no others.
func (a heketiAnswer) has(status int, keys ...string) map[string]any {
	a.t.Helper()
	a.is(status)
	if a.header.Get("Content-Type") != "application/json; charset=UTF-8" {
		a.t.Errorf("%s: type %q", a.what, a.header.Get("Content-Type"))
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		a.t.Fatalf("%s: %v in %s", a.what, err, a.body)
	}
	sameKeys(a.t, a.what, out, keys...)
	return out
}

func sameKeys(t *testing.T, what string, object map[string]any, keys ...string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(object))
	slices.Sort(keys)
	if !slices.Equal(got, keys) {
		t.Errorf("%s: keys %v, want %v", what, got, keys)
	}
}

var (
	heketiID   = regexp.MustCompile(`^[0-9a-f]{32}$`)
	heketiPoll = regexp.MustCompile(`^/queue/[0-9a-f]{32}$`)
)

// accepted demands the answer to a change that was begun, and returns the path of its job.
func (a heketiAnswer) accepted() string {
	a.t.Helper()
	a.is(http.StatusAccepted)
	if at := a.header.Get("Location"); !heketiPoll.MatchString(at) || a.body != "" {
		a.t.Fatalf("%s: location %q, body %q", a.what, at, a.body)
	}
	return a.header.Get("Location")
}

// ended waits for the end of a job and returns the answer to it.
func (h heketi) ended(path string) heketiAnswer {
	h.t.Helper()
	for {
		a := h.ask(http.MethodGet, path, "")
		if a.status != http.StatusOK {
			if a.header.Get("X-Pending") != "" {
				h.t.Errorf("%s: a final answer is pending", a.what)
			}
			return a
		}
		if a.header.Get("X-Pending") != "true" || a.body != "" {
			h.t.Fatalf("%s: %v %q", a.what, a.header, a.body)
		}
	}
}

// made carries a change out that makes something, and returns its path.
func (h heketi) made(method, path, body string) string {
	h.t.Helper()
	return h.ended(h.ask(method, path, body).accepted()).is(http.StatusSeeOther).header.Get("Location")
}

// done carries out one that does not.
func (h heketi) done(method, path, body string) {
	h.t.Helper()
	if a := h.ended(h.ask(method, path, body).accepted()).is(http.StatusNoContent); a.body != "" {
		h.t.Errorf("%s: %q", a.what, a.body)
	}
}

// get reads an object with these keys.
func (h heketi) get(path string, keys ...string) map[string]any {
	h.t.Helper()
	return h.ask(http.MethodGet, path, "").has(http.StatusOK, keys...)
}

// list reads a list of ids.
func (h heketi) list(path, key string) []string {
	h.t.Helper()
	out := []string{}
	for _, id := range h.get(path, key)[key].([]any) {
		out = append(out, id.(string))
	}
	return out
}

func (h heketi) in(t *testing.T) heketi {
	h.t = t
	return h
}
