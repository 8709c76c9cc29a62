package process

import (
	"context"
	"sync"

	"gd2/pkg/api"
)

// Requests counts what was wanted of a daemon, and tells when the last of it has been carried out. The zero value is no good:
// see NewRequests. It is safe for concurrent use.
type Requests struct {
	changed chan struct{}

	mu       sync.Mutex
	last     int // counts Add
	answered int // the request that the last round worked on
	settled  chan struct{}
	err      error // of the last round
}

// NewRequests returns a Requests without any.
func NewRequests() *Requests {
	return &Requests{changed: make(chan struct{}, 1), settled: make(chan struct{})}
}

// Add notes that something else is wanted from now on.
func (r *Requests) Add() {
	r.mu.Lock()
	r.last++
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default: // one signal already waits
	}
}

// Changed says that something else is wanted: for Watch.
func (r *Requests) Changed() <-chan struct{} { return r.changed }

// Round does one round of work and tells those who wait for it. Before the first request nothing is known, so that nothing is done.
func (r *Requests) Round(ctx context.Context, work func(ctx context.Context) error) error {
	r.mu.Lock()
	request := r.last
	r.mu.Unlock()
	var err error
	if request > 0 {
		err = work(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered, r.err = request, err
	close(r.settled)
	r.settled = make(chan struct{})
	return err
}

// Err returns why the last round could not do what was wanted.
func (r *Requests) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Settle waits until the last request has been carried out, and returns why it could not be. name is what an error calls the daemon.
func (r *Requests) Settle(ctx context.Context, name string) error {
	r.mu.Lock()
	request := r.last
	r.mu.Unlock()
	for {
		r.mu.Lock()
		settled, done, err := r.settled, r.answered >= request, r.err
		r.mu.Unlock()
		if done {
			return err
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return api.Errorf(api.Timeout, "the %s is not ready: %v", name, ctx.Err())
		}
	}
}
