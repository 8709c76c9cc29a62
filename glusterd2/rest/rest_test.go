package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/rest/resttest"
	"gd2/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

// rig is an API served without a network: requests go through the validating transport straight into the handler.
type rig struct {
	t         *testing.T
	api       *API
	fake      *fake
	transport *resttest.Transport
	log       bytes.Buffer
	origin    Origin
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, fake: &fake{level: "info"}, origin: Origin{Unix: true}}
	logger := logrus.New()
	logger.SetOutput(&r.log)
	logger.SetLevel(logrus.DebugLevel)
	cfg := Config{Services: r.fake.services(), Secret: func() []byte { return secret }, Log: logrus.NewEntry(logger)}
	if change != nil {
		change(&cfg)
	}
	var err error
	if r.api, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if r.transport, err = resttest.New(t.Context(), t, direct{r}, r.api.document); err != nil {
		t.Fatal(err)
	}
	return r
}

// direct is the transport into the handler.
type direct struct{ r *rig }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(WithOrigin(req.Context(), d.r.origin))
	in.RemoteAddr = "192.0.2.1:1234"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	d.r.api.ServeHTTP(w, in)
	return w.Result(), nil
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) errors(t *testing.T) []api.WireError {
	t.Helper()
	var b api.ErrorBody
	if err := json.Unmarshal([]byte(a.body), &b); err != nil || len(b.Errors) == 0 {
		t.Fatalf("not an error body: %q", a.body)
	}
	return b.Errors
}

func (r *rig) do(method, path, body string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://peer"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// token makes a token as glusterd2's clients do; change spoils it.
func token(t *testing.T, method, path string, change func(jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{"iss": "glustercli", "exp": time.Now().Add(2 * time.Minute).Unix(), "qsh": QSH(method, path)}
	if change != nil {
		change(c)
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
