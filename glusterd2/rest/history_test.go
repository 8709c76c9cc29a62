package rest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

// TestHistory looks at what is noted of requests: changes, whoever made them and however they went, and nothing else.
func TestHistory(t *testing.T) {
	notes := make(chan string, 10)
	r := newRig(t, func(c *Config) {
		c.Wait = 20 * time.Millisecond
		c.History = func(command string, failed error) { notes <- fmt.Sprintf("%s: %v", command, failed) }
	})
	for _, c := range []struct {
		what                string
		method, path, words string
		err                 error
		want                string
	}{
		{"words", "POST", "/v1/volumes", "volume create gv0 a:/b", nil, "volume create gv0 a:/b: <nil>"},
		{"no words", "POST", "/v1/volumes", "", nil, "POST /v1/volumes: <nil>"},
		{"failed", "POST", "/v1/volumes", "", api.Errorf(api.Exists, "volume gv0 exists"), "POST /v1/volumes: volume gv0 exists"},
		{"a question", "GET", "/v1/volumes", "volume list", nil, ""},
		{"a dry run", "POST", "/v1/volumes?dry-run=true", "", nil, ""},
		{"no such route", "POST", "/nowhere", "", nil, ""},
	} {
		r.fake.err = c.err
		r.do(c.method, c.path, `{"name":"gv0"}`, HeaderCommand, c.words)
		got := ""
		select {
		case got = <-notes:
		default:
		}
		if got != c.want {
			t.Errorf("%s: noted %q, want %q", c.what, got, c.want)
		}
	}
	// What is not over when the request is answered is noted when it is.
	r.fake.err, r.fake.hold = nil, slow
	r.do("POST", "/v1/volumes", `{"name":"gv0"}`)
	if got := <-notes; !strings.Contains(got, "operation t7 is unwinding") {
		t.Errorf("noted %q", got)
	}
}

// A stranger cannot fill the history.
func TestHistoryOfStrangers(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.History = func(command string, _ error) { t.Errorf("noted %q", command) }
	})
	r.origin = Origin{}
	if got := r.do("POST", "/v1/volumes", `{"name":"gv0"}`, HeaderCommand, "volume stop gv0"); got.status != 401 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
