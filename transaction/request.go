package transaction

import (
	"context"
	"sync"
	"time"

	"gd2/pkg/api"
)

// Request is what somebody asked for, on whose behalf transactions run. It travels in the context from the edge to the
// engine, so that the commands in between need not know of it. Make it anew for each request.
type Request struct {
	// By is who asked.
	By api.Actor
	// Async says that nobody waits for the end longer than Patience after the intent was written: Run then returns the Timeout
	// that says that the transaction goes on.
	Async    bool
	Patience time.Duration

	mu sync.Mutex
	id string
}

// Operation returns the id of the transaction that the request has begun, or "".
func (r *Request) Operation() string {
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.id
}

func (r *Request) began(id string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.id = id
}

type requestKey struct{}

// WithRequest returns a context for what is done on behalf of a request. A nil request ends that: for the parts of a command
// whose transactions are not what was asked for.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// requestOf returns the request of a context, or nil.
func requestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}

// patience returns a channel that tells when nobody waits any longer; it never does if that was not asked for.
func (r *Request) patience() <-chan time.Time {
	if r == nil || !r.Async {
		return nil
	}
	return time.After(r.Patience)
}

// actor is who asked, nil if it was the daemon itself.
func (r *Request) actor() *api.Actor {
	if r == nil || r.By == (api.Actor{}) {
		return nil
	}
	by := r.By
	return &by
}

// act is a decision about a transaction, by whom the context says.
func (e *Engine) act(ctx context.Context, what string) api.OperationAct {
	a := api.OperationAct{Act: what, At: time.Now().UTC().Format(time.RFC3339Nano), PeerID: e.cfg.PeerID}
	if by := requestOf(ctx).actor(); by != nil {
		a.Actor = *by
	}
	return a
}
