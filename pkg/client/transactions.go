package client

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

// The states in which a transaction has ended, or goes on only when somebody acts.
const (
	stateDone      = "done"
	stateFailed    = "failed"
	stateStuck     = "stuck"
	stateAbandoned = "abandoned"
)

// Waiting for a transaction begins by asking often and grows to once in a second.
const (
	pollFirst = 50 * time.Millisecond
	pollLast  = time.Second
)

// Pending is the error for a request that the server has accepted and not finished: ID is the transaction that carries it out.
// Waited says that the caller's context ended the wait; otherwise the caller did not want to wait.
type Pending struct {
	ID     string
	Waited bool
}

// Error says that the transaction goes on.
func (p *Pending) Error() string { return "transaction " + p.ID + " goes on" }

// Transactions lists the transactions that the pool remembers, those that run and the last ones that ended.
func (c *Client) Transactions(ctx context.Context) ([]api.Transaction, error) {
	return ask[[]api.Transaction](ctx, c, request{method: http.MethodGet, path: []string{"v1", "transactions"}})
}

// Transaction returns one transaction. Errors: NotFound.
func (c *Client) Transaction(ctx context.Context, id string) (api.Transaction, error) {
	return ask[api.Transaction](ctx, c, request{method: http.MethodGet, path: []string{"v1", "transactions", id}})
}

// TransactionRetry makes a stuck transaction try again. Errors: NotFound; State when it is not stuck.
func (c *Client) TransactionRetry(ctx context.Context, id string) (api.Transaction, error) {
	return ask[api.Transaction](ctx, c, request{method: http.MethodPost, path: []string{"v1", "transactions", id, "retry"}})
}

// TransactionAbandon gives a stuck transaction up and releases its locks; what it left on peers stays there.
// Errors: NotFound; State when it is not stuck.
func (c *Client) TransactionAbandon(ctx context.Context, id string) (api.Transaction, error) {
	return ask[api.Transaction](ctx, c, request{method: http.MethodPost, path: []string{"v1", "transactions", id, "abandon"}})
}

// finish follows a 202 to its end and reads into out what the request would have been answered with: the resource at
// result if there is a path, or else the transaction's own result.
func (c *Client) finish(ctx context.Context, a *answer, result []string, out any) error {
	id := transactionOf(a)
	if id == "" {
		return api.Errorf(api.Internal, "the server accepted the request but named no transaction: %.200q", a.body)
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
		return api.Errorf(api.State, "the change was carried out (transaction %s), but what it has made cannot be read any more: %v", id, err).
			With(api.FieldTransaction, id)
	}
	return nil
}

func transactionOf(a *answer) string {
	if loc := a.header.Get("Location"); loc != "" {
		return loc[strings.LastIndexByte(loc, '/')+1:]
	}
	var t api.Transaction
	if decode(a.body, &t) != nil {
		return ""
	}
	return t.ID
}

// Wait follows a transaction until it has ended and returns it. Errors: *Pending when ctx ends first; the transaction's own
// error when it failed; State when it is stuck.
func (c *Client) Wait(ctx context.Context, id string) (api.Transaction, error) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for next := pollFirst; ; next = min(next*3/2, pollLast) {
		select {
		case <-ctx.Done():
			return api.Transaction{}, &Pending{ID: id, Waited: true}
		case <-pause.C:
		}
		t, err := c.Transaction(ctx, id)
		switch {
		case err != nil && ctx.Err() != nil:
			return t, &Pending{ID: id, Waited: true}
		case err != nil && !api.IsKind(err, api.Unavailable):
			return t, err
		case err == nil && t.State == stateDone:
			return t, nil
		case err == nil && (t.State == stateFailed || t.State == stateStuck || t.State == stateAbandoned):
			return t, failure(t)
		}
		pause.Reset(next)
	}
}

// failure is the error of a transaction that did not succeed.
func failure(t api.Transaction) error {
	kind := t.ErrorKind
	if kind == "" {
		kind = api.Internal
	}
	msg := t.Error
	switch {
	case t.State == stateStuck || t.State == stateAbandoned:
		kind = api.State
		msg = strings.TrimSuffix("transaction "+t.ID+" is "+t.State+": "+t.Error, ": ")
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
