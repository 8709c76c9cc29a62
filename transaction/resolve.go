package transaction

import (
	"context"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// Retry makes this peer the owner of a transaction that is stuck or waits for another attempt, makes the attempt and
// waits for it as long as ctx allows. It returns the transaction as it is then, and the error that still keeps it from
// ending, if any.
func (e *Engine) Retry(ctx context.Context, id string) (api.Transaction, error) {
	r, err := e.unfinished(ctx, id)
	if err != nil {
		return api.Transaction{}, err
	}
	d := e.adopter(r)
	if d == nil {
		return r.Value.view(id), api.Errorf(api.NotSupported, "operation %s of transaction %s is not known to this peer: ask a peer with another version of gd2",
			operationKey(r.Value.Operation, r.Value.Version), id)
	}
	if !e.claim(id) {
		return r.Value.view(id), api.Errorf(api.Conflict, "transaction %s is being worked on just now", id).With(api.FieldTransaction, id)
	}
	e.mu.Lock()
	delete(e.stalls, id)
	e.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		defer e.release(id)
		err := d.retry()
		d.settle()
		ended <- err
	}()
	select {
	case err := <-ended:
		return d.rec.view(id), err
	case <-ctx.Done():
		return r.Value.view(id), api.Errorf(api.Timeout, "the attempt to end transaction %s goes on", id).With(api.FieldTransaction, id)
	}
}

// retry is one attempt by a new owner. Its error is nil if the transaction has finished, in whatever way.
func (d *drive) retry() error {
	if !d.adopt() {
		return api.Errorf(api.Conflict, "transaction %s has changed meanwhile: look again", d.id).With(api.FieldTransaction, d.id)
	}
	_, err := d.proceed()
	if d.rec.State.Finished() {
		return nil
	}
	return err
}

// Abandon gives up a transaction that is stuck or waits for another attempt: its locks are dropped, what it has done on
// the peers stays as it is, and its record is kept with the state Abandoned and the peers' errors.
func (e *Engine) Abandon(ctx context.Context, id string) (api.Transaction, error) {
	r, err := e.unfinished(ctx, id)
	if err != nil {
		return api.Transaction{}, err
	}
	rec := r.Value.finished(Abandoned, time.Now().UTC())
	writes := append([]store.Write{recordKind.Update(id, rec, r.Revision)}, e.unlock(id, rec.Locks)...)
	rev, err := e.cfg.Store.Commit(ctx, writes)
	if err != nil {
		return api.Transaction{}, api.AsError(err).With(api.FieldTransaction, id)
	}
	_ = e.cfg.Store.WaitRevision(ctx, rev) // only so that the caller reads its own change here
	e.log.WithField("transaction", id).WithField("operation", rec.Operation).Warn("transaction abandoned")
	return rec.view(id), nil
}

// unfinished returns a transaction that a person may decide about.
func (e *Engine) unfinished(ctx context.Context, id string) (store.Record[Record], error) {
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return store.Record[Record]{}, err
	}
	r, err := e.record(id)
	switch {
	case err != nil:
	case r.Value.State.Finished():
		err = api.Errorf(api.State, "transaction %s has ended already (%s)", id, r.Value.State).With(api.FieldTransaction, id)
	case r.Value.State == Running:
		err = api.Errorf(api.State, "transaction %s is running on peer %s: it must fail first, or that peer must stop", id, r.Value.Owner.Peer).
			With(api.FieldTransaction, id)
	}
	return r, err
}
