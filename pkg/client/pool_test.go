package client

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gd2/pkg/api"
)

// helloSum is the SHA-256 of "hello".
const helloSum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestBackup(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		to     io.Writer
		kind   api.Kind
		says   string
	}{
		{"whole", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", headerChecksum)
			_, _ = io.WriteString(w, "hello")
			w.Header().Set(headerChecksum, helloSum)
		}, nil, "", ""},
		{"without a checksum", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, nil, api.Unavailable, "checksum"},
		{"damaged", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", headerChecksum)
			_, _ = io.WriteString(w, "hellO")
			w.Header().Set(headerChecksum, helloSum)
		}, nil, api.Unavailable, "checksum"},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hel")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, nil, api.Unavailable, "broke off after 3 bytes"},
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"errors":[{"code":1,"message":"a token is needed","kind":"denied"}]}`)
		}, nil, api.Denied, "a token is needed"},
		{"nowhere to write", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, fullDisk{}, api.Internal, "no space left"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.handle)
			defer s.Close()
			cl, err := New(Config{Endpoints: []string{"http://127.0.0.1:1", s.URL}})
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			var out bytes.Buffer
			to := c.to
			if to == nil {
				to = &out
			}
			n, err := cl.Backup(t.Context(), to)
			if c.kind == "" {
				if err != nil || n != 5 || out.String() != "hello" {
					t.Errorf("%d bytes %q, %v", n, out.String(), err)
				}
				return
			}
			if !api.IsKind(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one of kind %s that says %q", err, c.kind, c.says)
			}
		})
	}
}
