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

	// Key, if set, is what the first transaction of the request is remembered by. Resumed says that this is a Course which was
	// begun before, by a daemon that stopped: what is done already is no reason to refuse it.
	Key     *Key
	Resumed bool

	course   string // the id of the Course of which its transactions are parts
	drive    *drive // of the Course itself
	mu       sync.Mutex
	id       string
	used     bool // the key belongs to a transaction now
	foreseen bool // and its record has the answer
}

// Resumed reports whether a Course was begun before: see Request.
func Resumed(ctx context.Context) bool {
	r := requestOf(ctx)
	return r != nil && r.Resumed
}

// Foreseen reports whether the answer to the request is kept together with its transaction.
func (r *Request) Foreseen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.foreseen
}

// key returns the key for the transaction that is about to begin; the first that begins has it.
func (r *Request) key() *Key {
	if r == nil || r.Key == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used {
		return nil
	}
	return r.Key
}

// Operation returns the id of the transaction that the request has begun last, or "".
func (r *Request) Operation() string {
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.id
}

func (r *Request) began(id string, foreseen bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.id, r.used = id, true
	r.foreseen = r.foreseen || foreseen
}

type requestKey struct{}

// WithRequest returns a context for what is done on behalf of a request.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Part returns a context for the parts of a command that is more than one transaction: they are waited for, and none of them is what
// the request is remembered by.
func Part(ctx context.Context) context.Context {
	r := requestOf(ctx)
	if r == nil {
		return ctx
	}
	return WithRequest(ctx, &Request{By: r.By, Resumed: r.Resumed, course: r.course})
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

// part is the id of the Course of which a transaction is a part, "" for none.
func (r *Request) part() string {
	if r == nil {
		return ""
	}
	return r.course
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
