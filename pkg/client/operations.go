package client

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gd2/pkg/api"
)

// pollWait is how long one request waits for the end of an operation, and followWait if progress is to be told meanwhile.
// pollPause is the pause after an answer that did not bring the end.
const (
	pollWait   = 15 * time.Second
	followWait = time.Second
	pollPause  = 50 * time.Millisecond
)

// Pending is the error for a request that the server has accepted and not finished: ID is the operation that carries it out.
// Waited says that the caller's context ended the wait; otherwise the caller did not want to wait.
type Pending struct {
	ID     string
	Waited bool
}

// Error says that the operation goes on.
func (p *Pending) Error() string { return "operation " + p.ID + " goes on" }

// OperationFilter picks operations; the zero value picks all. State is one of the api.Operation constants, "pending" or "ended".
type OperationFilter struct {
	State, Operation, Peer, Volume, Lock string
	// Limit is the largest number that is wanted, Cursor the Next of the page before.
	Limit  int
	Cursor string
}

func (f OperationFilter) query() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{
		"state": f.State, "operation": f.Operation, "peer": f.Peer, "volume": f.Volume, "lock": f.Lock, "cursor": f.Cursor,
	} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

func operationPath(id string, more ...string) []string {
	return append([]string{"v1", "operations", id}, more...)
}

// Operations lists the operations that the pool remembers, those that run and the last ones that ended, the newest first.
func (c *Client) Operations(ctx context.Context, f OperationFilter) (api.OperationList, error) {
	return ask[api.OperationList](ctx, c, request{method: http.MethodGet, path: []string{"v1", "operations"}, query: f.query()})
}

// Operation returns one operation as it is now. Errors: NotFound.
func (c *Client) Operation(ctx context.Context, id string) (api.Operation, error) {
	return c.operation(ctx, id, 0)
}

// operation returns an operation when it has ended or is stuck, or after the wait.
func (c *Client) operation(ctx context.Context, id string, wait time.Duration) (api.Operation, error) {
	q := url.Values{}
	if wait > 0 {
		q.Set("wait", wait.String())
	}
	return ask[api.Operation](ctx, c, request{method: http.MethodGet, path: operationPath(id), query: q})
}

// OperationLogs returns what the peers remember of the log of an operation. Errors: NotFound.
func (c *Client) OperationLogs(ctx context.Context, id string) (api.OperationLogs, error) {
	return ask[api.OperationLogs](ctx, c, request{method: http.MethodGet, path: operationPath(id, "logs")})
}

// OperationRetry makes an operation that is stuck or waits try again now. Errors: NotFound; State when it runs or has ended.
func (c *Client) OperationRetry(ctx context.Context, id string) (api.Operation, error) {
	return ask[api.Operation](ctx, c, request{method: http.MethodPost, path: operationPath(id, "retry"), result: operationPath(id)})
}

// OperationAbandon gives an operation up and releases its locks; what it left on peers stays there.
// Errors: NotFound; State when it runs or has ended.
func (c *Client) OperationAbandon(ctx context.Context, id string) (api.Operation, error) {
	return ask[api.Operation](ctx, c, request{method: http.MethodPost, path: operationPath(id, "abandon")})
}

// OperationCancel makes a running operation undo what it did. Errors: NotFound; State when it is too late for that.
func (c *Client) OperationCancel(ctx context.Context, id string) (api.Operation, error) {
	return ask[api.Operation](ctx, c, request{method: http.MethodPost, path: operationPath(id, "cancel")})
}

// finish follows a 202 to its end and reads into out what the request would have been answered with: the resource at
// result if there is a path, or else the operation's own result.
func (c *Client) finish(ctx context.Context, a *answer, result []string, out any) error {
	id := transactionOf(a)
	if id == "" {
		return api.Errorf(api.Internal, "the server accepted the request but named no operation: %.200q", a.body)
	}
	if c.cfg.Async {
		return &Pending{ID: id}
	}
	t, err := c.Wait(ctx, id)
	if err != nil {
		return err
	}
	if len(result) == 0 {
		return decode(t.Result, out)
	}
	if err := c.call(ctx, request{method: http.MethodGet, path: result}, out); err != nil {
		// Not the error as it is: who asked would take it for a failure of the change.
		return api.Errorf(api.State, "the change was carried out (operation %s), but what it has made cannot be read any more: %v", id, err).
			With(api.FieldTransaction, id)
	}
	return nil
}

func transactionOf(a *answer) string {
	if loc := a.header.Get("Location"); loc != "" {
		return loc[strings.LastIndexByte(loc, '/')+1:]
	}
	var t api.TransactionRef
	if decode(a.body, &t) != nil {
		return ""
	}
	return t.ID
}

// Wait follows an operation until it has ended and returns it. Errors: *Pending when ctx ends first; the operation's own
// error when it failed; State when it is stuck.
func (c *Client) Wait(ctx context.Context, id string) (api.Operation, error) {
	wait := pollWait
	if c.cfg.Progress != nil {
		wait = followWait
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return api.Operation{}, &Pending{ID: id, Waited: true}
		case <-pause.C:
		}
		op, err := c.operation(ctx, id, wait)
		if err == nil && c.cfg.Progress != nil {
			c.cfg.Progress(op)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return op, &Pending{ID: id, Waited: true}
		case err != nil && !api.IsKind(err, api.Unavailable):
			return op, err
		case err == nil && op.State == api.OperationDone:
			return op, nil
		case err == nil && (op.Ended() || op.State == api.OperationStuck):
			return op, failure(op)
		}
		pause.Reset(pollPause)
	}
}

// failure is the error of an operation that did not succeed.
func failure(t api.Operation) error {
	kind := t.ErrorKind
	if kind == "" {
		kind = api.Internal
	}
	msg := t.Error
	switch {
	case t.State == api.OperationStuck || t.State == api.OperationAbandoned:
		kind = api.State
		msg = strings.TrimSuffix("operation "+t.ID+" is "+t.State+": "+t.Error, ": ")
	case msg == "":
		msg = "transaction " + t.ID + " failed"
	}
	e := api.Errorf(kind, "%s", msg).With(api.FieldTransaction, t.ID)
	for _, peer := range slices.Sorted(maps.Keys(t.PeerErrors)) {
		e.Causes = append(e.Causes, api.Errorf(kind, "%s: %s", peer, t.PeerErrors[peer]).With(api.FieldPeer, peer))
	}
	return e
}

// IsPending reports whether err says that the request goes on, and as which transaction.
func IsPending(err error) (*Pending, bool) {
	var p *Pending
	return p, errors.As(err, &p)
}
