package transaction

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
	if err := Propose(ctx, d.retryPlan()); err != nil {
		return r.Value.view(id), err
	}
	if !e.claim(d) {
		return r.Value.view(id), api.Errorf(api.Conflict, "transaction %s is being worked on just now", id).With(api.FieldTransaction, id)
	}
	act := e.act(ctx, "retry")
	d.rec.Acts = append(d.rec.Acts, act)
	d.log().WithField("user", act.User).WithField("from", act.From).Warn("operation retried")
	e.mu.Lock()
	delete(e.stalls, id)
	e.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		defer e.release(d)
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

// retryPlan tells what another attempt does: the steps that are left, forward or back.
func (d *drive) retryPlan() api.OperationPlan {
	p := d.outline()
	if d.rec.Pivoted {
		for i := d.def.pivot; i < len(d.def.steps); i++ {
			p.Steps = append(p.Steps, d.planStep(i))
		}
		return p
	}
	for i := d.rec.Left - 1; i >= 0; i-- {
		if !d.def.steps[i].undo {
			continue
		}
		s := d.planStep(i)
		s.Name = "undo " + s.Name
		for _, on := range s.Peers {
			for j := range on.Effects {
				on.Effects[j].Note = "taken back, as far as it was done"
			}
		}
		p.Steps = append(p.Steps, s)
	}
	return p
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
	if err := Propose(ctx, e.abandonPlan(r)); err != nil {
		return api.Transaction{}, err
	}
	act := e.act(ctx, "abandon")
	rec := r.Value.clone().finished(Abandoned, time.Now().UTC())
	rec.Acts = append(rec.Acts, act)
	writes := append([]store.Write{recordKind.Update(id, rec, r.Revision)}, e.unlock(id, rec.Locks)...)
	writes = append(writes, e.settleKey(id, rec, nil)...)
	rev, err := e.cfg.Store.Commit(ctx, writes)
	if err != nil {
		return api.Transaction{}, api.AsError(err).With(api.FieldTransaction, id)
	}
	_ = e.cfg.Store.WaitRevision(ctx, rev) // only so that the caller reads its own change here
	e.log.WithField("transaction", id).WithField("operation", rec.Operation).WithField("user", act.User).WithField("from", act.From).
		WithField("peers", slices.Sorted(maps.Keys(rec.PeerErrors))).Warn("operation abandoned: what it has done stays, its locks are free")
	return rec.view(id), nil
}

// abandonPlan tells what is given up.
func (e *Engine) abandonPlan(r store.Record[Record]) api.OperationPlan {
	p := api.OperationPlan{Operation: r.Value.Operation, Peers: slices.Clone(r.Value.Peers)}
	p.Warnings = append(p.Warnings, "what the transaction has done on its peers stays as it is")
	for peer, err := range r.Value.PeerErrors {
		p.Warnings = append(p.Warnings, fmt.Sprintf("peer %s has not done its part: %v", peer, err))
	}
	slices.Sort(p.Warnings[1:])
	for _, w := range append([]store.Write{recordKind.Update(r.ID, r.Value, r.Revision)}, e.unlock(r.ID, r.Value.Locks)...) {
		p.Records = append(p.Records, effectOf(e.cfg.Store.Preview(w)))
	}
	return p
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
