// Package resttest checks in tests that what goes over the wire is what the OpenAPI document says.
package resttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"gd2/pkg/api"
)

// TB is the part of testing.TB that a Transport needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Transport is an http.RoundTripper that compares every request and answer with the document and fails the test if they
// do not agree: an answer that the document does not allow, or a success where the document calls the request wrong.
// Requests that are wrong on purpose pass, as long as the server refuses them too. It is safe for concurrent use.
type Transport struct {
	t      TB
	base   http.RoundTripper
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool
}

var _ http.RoundTripper = (*Transport)(nil)

// New makes a Transport over base from the text of /openapi.json. Objects in answers may then have only the fields that
// the document has, although it tells clients to expect more.
func New(ctx context.Context, t TB, base http.RoundTripper, document []byte) (*Transport, error) {
	strict, err := closed(document)
	if err != nil {
		return nil, err
	}
	doc, err := (&openapi3.Loader{Context: ctx}).LoadFromData(strict)
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document cannot be read: %w", err)
	}
	if err := doc.Validate(ctx); err != nil {
		return nil, fmt.Errorf("the OpenAPI document is not valid: %w", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document has paths that cannot be routed: %w", err)
	}
	return &Transport{t: t, base: base, router: router, seen: map[string]bool{}}, nil
}

// Fetch gets the document of a daemon.
func Fetch(ctx context.Context, client *http.Client, baseURL string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(baseURL, "/")+"/openapi.json", http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET /openapi.json: %s", resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// Seen returns the operations that were answered with success, by operationId.
func (tr *Transport) Seen() map[string]bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	out := map[string]bool{}
	for k := range tr.seen {
		out[k] = true
	}
	return out
}

// RoundTrip sends the request and checks it and its answer.
func (tr *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	tr.t.Helper()
	req = req.Clone(req.Context()) // the caller's must stay as it is
	sent, err := keep(&req.Body)
	if err != nil {
		return nil, err
	}
	resp, err := tr.base.RoundTrip(req)
	if err != nil || req.Method == http.MethodHead {
		return resp, err
	}
	got, err := keep(&resp.Body)
	if err != nil {
		return nil, err
	}
	if fault := tr.check(req, sent, resp, got); fault != nil {
		tr.t.Errorf("%s %s → %s does not agree with the OpenAPI document: %v\nrequest: %s\nanswer: %s",
			req.Method, req.URL.RequestURI(), resp.Status, fault, clip(sent), clip(got))
	}
	return resp, nil
}

func (tr *Transport) check(req *http.Request, sent []byte, resp *http.Response, got []byte) error {
	ctx := context.WithoutCancel(req.Context())
	req = req.Clone(ctx)
	req.Body = io.NopCloser(bytes.NewReader(sent))
	// The URL's host is that of the transport; the document names none.
	route, vars, err := tr.router.FindRoute(req)
	if err != nil {
		return noRoute(resp, got)
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: vars, Route: route, Options: options}
	if len(sent) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json") // the server does not insist on it
	}
	wrong := openapi3filter.ValidateRequest(ctx, in)
	if wrong != nil && resp.StatusCode < http.StatusBadRequest {
		return fmt.Errorf("the request is wrong, and was not refused: %w", wrong)
	}
	// Of what was picked by fields only a part is there.
	options.ExcludeResponseBody = len(got) == 0 && mayBeEmpty(route, resp.StatusCode) || req.URL.Query().Has("fields")
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: options}
	if err := openapi3filter.ValidateResponse(ctx, out.SetBodyBytes(got)); err != nil {
		return fmt.Errorf("the answer is wrong: %w", err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		tr.mu.Lock()
		tr.seen[route.Operation.OperationID] = true
		tr.mu.Unlock()
	}
	return nil
}

// mayBeEmpty reports whether an answer with a body in the document may also have none.
func mayBeEmpty(route *routers.Route, status int) bool {
	doc := route.Operation.Responses.Status(status)
	return doc != nil && doc.Value != nil && doc.Value.Extensions["x-may-be-empty"] == true
}

// noRoute checks the answer to a request that the document does not have.
func noRoute(resp *http.Response, got []byte) error {
	if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
		return errors.New("the document does not have this method and path, so 404 or 405 is right")
	}
	var body api.ErrorBody
	if err := json.Unmarshal(got, &body); err != nil {
		return fmt.Errorf("the answer is not an error body: %w", err)
	}
	if len(body.Errors) == 0 {
		return errors.New("the answer is an error body without errors")
	}
	return nil
}

// keep reads a body and puts a copy in its place.
func keep(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(*body)
	_ = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(data))
	return data, err
}

func clip(b []byte) string {
	const most = 2000
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// closed returns the document with every object schema that lists properties closed to others.
func closed(document []byte) ([]byte, error) {
	var doc any
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("the OpenAPI document is not JSON: %w", err)
	}
	shut(doc)
	return json.Marshal(doc)
}

func shut(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, in := range v {
			shut(in)
		}
		_, lists := v["properties"].(map[string]any)
		if _, told := v["additionalProperties"]; lists && !told && v["type"] == "object" {
			v["additionalProperties"] = false
		}
	case []any:
		for _, in := range v {
			shut(in)
		}
	}
}
