// Package client is the Go client of gd2's REST interface. It tries several endpoints in turn, signs its requests, waits
// for transactions that the server finishes later, and returns the *api.Error that the server raised.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gd2/pkg/api"
)

// DefaultUser is the issuer of tokens when Config.User is empty: the one that glusterd2 knows.
const DefaultUser = "glustercli"

// maxAnswer bounds what is read of one answer, in bytes. A list of 10,000 volumes is about 30 MB.
const maxAnswer = 256 << 20

// Config says where the pool is and how to prove who asks. Endpoints is the only field that must be set.
type Config struct {
	// Endpoints are tried in order: unix:///path/to/socket, https://host:port, http://host:port, or host:port, which is https.
	Endpoints []string
	// User and Secret sign the token of each request; without a secret no token is sent (the local unix socket needs none).
	User, Secret string
	// CACert is the path of a PEM file: only servers with a certificate of these authorities are trusted.
	// Without it the system's authorities are.
	CACert string
	// Insecure trusts any server certificate.
	Insecure bool
	// DialTimeout bounds how long one endpoint may take to accept a connection; 0 means 3 s.
	DialTimeout time.Duration
	// Timeout bounds each request, the wait for its transaction included; 0 leaves it to the caller's context.
	Timeout time.Duration
	// Async makes requests return a *Pending as soon as the server has accepted them, if it did not finish them at once.
	Async bool
	// Follow makes the server answer a change that takes longer than about a second with its operation, which the client then
	// follows: so it knows what to name when its caller gives up.
	Follow bool
	// Command is what a person has asked for, in words such as "volume start gv0": the server notes it in its history of commands.
	Command string
	// Progress, if not nil, is told of an operation that is waited for, about once in a second and at its end.
	Progress func(api.Operation)
	// Observe, if not nil, is told of each exchange. It is given no secrets.
	Observe func(Exchange)
}

// Exchange is one request and what became of it. Status is 0 when there was no answer; Err then says why.
type Exchange struct {
	Method, URL string
	Request     []byte
	Status      int
	RequestID   string
	Answer      []byte
	Took        time.Duration
	Err         error
}

// Client asks one pool. It is safe for concurrent use. Close it to let go of its connections.
type Client struct {
	cfg       Config
	endpoints []*endpoint

	mu     sync.Mutex
	first  int    // the endpoint that answered last is tried first
	peerID string // the peer that answered last
}

// New checks the configuration and returns a client. It does not connect.
// Errors: Invalid when an endpoint or the CA file is not usable.
func New(cfg Config) (*Client, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, api.FieldErrorf("endpoints", "no endpoint given: name at least one, such as https://node1:24007")
	}
	if cfg.User == "" {
		cfg.User = DefaultUser
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = 3 * time.Second
	}
	c := &Client{cfg: cfg}
	for _, e := range cfg.Endpoints {
		ep, err := newEndpoint(e, cfg)
		if err != nil {
			return nil, err
		}
		c.endpoints = append(c.endpoints, ep)
	}
	return c, nil
}

// Close lets go of idle connections.
func (c *Client) Close() {
	for _, e := range c.endpoints {
		e.transport.CloseIdleConnections()
	}
}

// PeerID returns the id of the peer that answered last, "" before the first answer.
func (c *Client) PeerID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peerID
}

// request is one request: the method, the path with its segments not yet escaped, and the body, nil for none. result is the
// path of the resource that the request is answered with, for the case that the server ends it later.
type request struct {
	method string
	path   []string
	query  url.Values
	body   any
	result []string
	// next, if not nil, gets the cursor of the next page of a list.
	next *string
	// once says that the server does not remember the request, so that it is not sent again when its outcome is unknown.
	once bool
}

// answer is a reply of any status.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request, waits for the transaction if the server promises one, and decodes the result into out (if not nil).
func (c *Client) call(ctx context.Context, r request, out any) error {
	body, err := encode(r.body)
	if err != nil {
		return err
	}
	dry := r.dry(ctx)
	u, err := pathOf(r)
	if err != nil {
		return err
	}
	ctx, cancel := c.limit(ctx)
	defer cancel()
	a, err := c.send(ctx, exchange{method: r.method, path: u, body: body, key: r.key(ctx, dry)})
	if err != nil {
		return err
	}
	if dry {
		return asPlan(a.body)
	}
	if a.status == http.StatusAccepted {
		return c.finish(ctx, a, r.result, out)
	}
	if r.next != nil {
		*r.next = a.header.Get("X-Gluster-Next")
	}
	return decode(a.body, out)
}

// limit bounds a request by the configured timeout.
func (c *Client) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.cfg.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.cfg.Timeout)
}

// ask is call with a result of type T.
func ask[T any](ctx context.Context, c *Client, r request) (T, error) {
	var out T
	err := c.call(ctx, r, &out)
	return out, err
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, api.Errorf(api.Internal, "the request cannot be written as JSON: %v", err)
	}
	return b, nil
}

func decode(body []byte, out any) error {
	if out == nil || len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return api.Errorf(api.Internal, "the server's answer is not what was expected: %v: %.200q", err, body)
	}
	return nil
}

// pathOf joins the segments, each escaped by itself, so that a name can never reach another route.
func pathOf(r request) (*url.URL, error) {
	var plain, escaped strings.Builder
	for _, s := range r.path {
		if s == "" || s == "." || s == ".." {
			return nil, api.FieldErrorf("name", "%q is not a name", s)
		}
		plain.WriteString("/" + s)
		escaped.WriteString("/" + url.PathEscape(s))
	}
	return &url.URL{Path: plain.String(), RawPath: escaped.String(), RawQuery: r.query.Encode()}, nil
}

// read takes the answer in and turns any status but 2xx into the error that the server raised.
func (c *Client) read(resp *http.Response) (*answer, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, api.Errorf(api.TooLarge, "the server's answer is longer than %d bytes", maxAnswer)
	}
	if id := resp.Header.Get("X-Gluster-Peer-Id"); id != "" {
		c.mu.Lock()
		c.peerID = id
		c.mu.Unlock()
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// err returns the error that a reply carries, nil for success.
func (a *answer) err() error {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	e := api.ParseError(a.status, a.body)
	if id := a.header.Get("X-Request-Id"); id != "" {
		e = e.With(FieldRequest, id)
	}
	return e
}

// FieldRequest is the field of an error that carries the server's id of the failed request.
const FieldRequest = "request-id"
