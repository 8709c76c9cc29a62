package client

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gd2/pkg/api"
)

// exchange is a request as it goes out. A request with a key may be sent more than once.
type exchange struct {
	method string
	path   *url.URL
	body   []byte
	key    string
}

func (x exchange) reads() bool { return x.method == http.MethodGet || x.method == http.MethodHead }

// A request whose outcome is unknown is sent again so many times, after a pause that doubles, if it has a key.
const (
	repeats     = 5
	repeatPause = 200 * time.Millisecond
)

// send puts the request to the endpoints in turn, beginning with the one that answered last, until one answers. An answer
// of any status ends the search. A request that may have reached a server is put to another one, or again, only if it reads or
// has a key: then no server carries it out twice.
func (c *Client) send(ctx context.Context, x exchange) (*answer, error) {
	pause := repeatPause
	var unknown error
	for n := 0; ; n++ {
		var a *answer
		var err error
		a, unknown, err = c.round(ctx, x, unknown)
		if unknown == nil || x.key == "" || n == repeats || ctx.Err() != nil {
			return a, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// round puts the request to each endpoint once, until one answers. unknown is not nil if a request may have reached a server, in
// this round or before it, and nobody answered it: that a server is gone now says nothing of what it has done.
func (c *Client) round(ctx context.Context, x exchange, before error) (a *answer, unknown, err error) {
	unknown = before
	var failures []*api.Error
	for _, i := range c.order() {
		e := c.endpoints[i]
		a, reached, err := c.exchange(ctx, e, x)
		if err == nil {
			c.mu.Lock()
			c.first = i
			c.mu.Unlock()
			conditionsOf(ctx).note(a)
			return a, nil, a.err()
		}
		if api.IsKind(err, api.TooLarge) {
			return nil, nil, err
		}
		if ctx.Err() != nil {
			return nil, unknown, ended(ctx, e, (reached || unknown != nil) && !x.reads())
		}
		if reached && !x.reads() {
			unknown = api.Errorf(api.Unavailable,
				"the connection to %s broke; the request may have been carried out: %v", e.name, plain(err))
			if x.key == "" {
				return nil, unknown, unknown
			}
		}
		failures = append(failures, api.Errorf(api.Unavailable, "%s: %v", e.name, plain(err)))
	}
	if unknown != nil {
		return nil, unknown, unknown
	}
	return nil, nil, &api.Error{Kind: api.Unavailable, Message: Unreachable, Causes: failures}
}

// Unreachable is the message of the error for a pool of which no endpoint answers; its causes say why for each.
const Unreachable = "no endpoint can be reached"

// order lists the endpoints with the one that answered last in front.
func (c *Client) order() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []int{c.first}
	for i := range c.endpoints {
		if i != c.first {
			out = append(out, i)
		}
	}
	return out
}

// exchange puts the request to one endpoint. reached is false when no connection could be made, so that nothing was sent.
func (c *Client) exchange(ctx context.Context, e *endpoint, x exchange) (a *answer, reached bool, err error) {
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached = true }}
	req, err := c.request(httptrace.WithClientTrace(ctx, trace), e, x)
	if err != nil {
		return nil, false, err
	}
	start := time.Now()
	seen := Exchange{Method: x.method, URL: req.URL.String(), Request: x.body}
	if e.unix {
		seen.URL = e.name + req.URL.RequestURI()
	}
	resp, err := e.transport.RoundTrip(req)
	if err == nil {
		a, err = c.read(resp)
		_ = resp.Body.Close() // the body is read to its end or given up
		seen.Status, seen.RequestID = resp.StatusCode, resp.Header.Get("X-Request-Id")
	}
	if c.cfg.Observe != nil {
		seen.Took, seen.Err = time.Since(start), err
		if a != nil {
			seen.Answer = a.body
		}
		c.cfg.Observe(seen)
	}
	return a, reached, err
}

func (c *Client) request(ctx context.Context, e *endpoint, x exchange) (*http.Request, error) {
	u := e.base
	u.Path, u.RawPath, u.RawQuery = x.path.Path, x.path.RawPath, x.path.RawQuery
	req, err := http.NewRequestWithContext(ctx, x.method, u.String(), bytes.NewReader(x.body))
	if err != nil {
		return nil, api.Errorf(api.Invalid, "%s %s is not a request: %v", x.method, x.path, err)
	}
	if x.key != "" {
		req.Header.Set("Idempotency-Key", x.key)
	}
	req.Header.Set("Accept", "application/json")
	if x.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if x.method != http.MethodGet {
		req.Header["Prefer"] = prefer(ctx, c.cfg)
		if c.cfg.Command != "" {
			req.Header.Set("X-Gluster-Command", printable(c.cfg.Command))
		}
	}
	conditionsOf(ctx).demand(req)
	if c.cfg.Secret != "" {
		token, err := sign(c.cfg.User, c.cfg.Secret, x.method, x.path.Path, time.Now())
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "bearer "+token)
	}
	return req, nil
}

// maxCommand bounds the words of a command, in bytes: servers do not take headers of any length.
const maxCommand = 4 << 10

// printable is a text as the value of a header may be.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text[:min(len(text), maxCommand)])
}

// prefer tells the server how long it may take before it answers 202 (RFC 7240): not at all, a second, or until shortly before
// the caller gives up.
func prefer(ctx context.Context, cfg Config) []string {
	switch {
	case cfg.Async:
		return []string{"respond-async"}
	case cfg.Follow:
		return []string{"respond-async", "wait=1"}
	}
	end, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	return []string{"wait=" + strconv.Itoa(max(int(time.Until(end).Seconds()*0.9), 1))}
}

// ended is the error for a request that the caller's context ended.
func ended(ctx context.Context, e *endpoint, changing bool) error {
	what := "timed out waiting for " + e.name
	if errors.Is(ctx.Err(), context.Canceled) {
		what = "interrupted while waiting for " + e.name
	}
	if changing {
		what += "; what was asked may still be carried out"
	}
	return api.Errorf(api.Timeout, "%s", what)
}

// plain strips the layers that say only "http request failed".
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
