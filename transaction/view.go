package transaction

import (
	"context"
	"maps"
	"slices"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// List returns the transactions in this peer's copy of the store, the oldest first: those that have not ended and the
// last that have.
func (e *Engine) List() ([]api.Transaction, error) { return List(e.cfg.Store) }

// List returns the transactions that a copy of the store has, as Engine.List does.
func List(r store.Reader) ([]api.Transaction, error) {
	recs, err := recordKind.List(r)
	views := make([]api.Transaction, 0, len(recs))
	for _, r := range recs {
		views = append(views, r.Value.view(r.ID))
	}
	return views, err
}

// Pending returns those that have not ended.
func (e *Engine) Pending() []api.TransactionRef {
	recs, _ := recordKind.List(e.cfg.Store) // what cannot be read is not of this version and cannot be named either
	refs := []api.TransactionRef{}
	for _, r := range recs {
		if !r.Value.State.Finished() {
			refs = append(refs, api.TransactionRef{ID: r.ID, Operation: r.Value.Operation, State: string(r.Value.State)})
		}
	}
	return refs
}

// Get returns one transaction from this peer's copy of the store, or NotFound.
func (e *Engine) Get(id string) (api.Transaction, error) {
	r, err := e.record(id)
	if err != nil {
		return api.Transaction{}, err
	}
	return r.Value.view(id), nil
}

// LockHeld reports whether a transaction holds the lock, by this peer's copy of the store.
func (e *Engine) LockHeld(lock string) bool {
	_, held, err := lockKind.Get(e.cfg.Store, lock)
	return held || err != nil // a lock that cannot be read is one all the same
}

func (e *Engine) record(id string) (store.Record[Record], error) {
	r, ok, err := recordKind.Get(e.cfg.Store, id)
	if err == nil && !ok {
		err = api.Errorf(api.NotFound, "transaction %q does not exist; the last %d that ended are kept", id, e.cfg.History)
	}
	return r, err
}

// await waits until a transaction has finished, for so long at most, and returns its record then.
func (e *Engine) await(id string, atMost time.Duration) (Record, error) {
	ctx, cancel := context.WithTimeout(e.ctx, atMost)
	defer cancel()
	signal, unsubscribe := e.cfg.Store.Subscribe(recordKind.Prefix())
	defer unsubscribe()
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return Record{}, err
	}
	for {
		r, err := e.record(id)
		if err != nil || r.Value.State.Finished() {
			return r.Value, err
		}
		select {
		case <-signal:
		case <-ctx.Done():
			return r.Value, nil
		}
	}
}

func (r Record) view(id string) api.Transaction {
	v := api.Transaction{
		ID: id, Operation: r.Operation, State: string(r.State), Coordinator: r.Owner.Peer,
		Peers: slices.Clone(r.Peers), Locks: slices.Clone(r.Locks), StartedAt: r.Started.Format(time.RFC3339Nano), Result: r.Result,
	}
	if r.Error != nil {
		v.Error, v.ErrorKind = r.Error.Error(), r.Error.Kind
	}
	if len(r.PeerErrors) > 0 {
		v.PeerErrors = make(map[string]string, len(r.PeerErrors))
		for p, err := range r.PeerErrors {
			v.PeerErrors[p] = err.Error()
		}
	}
	return v
}

// clone returns a copy whose maps can be changed.
func (r Record) clone() Record {
	outs := make(Outputs, len(r.Outputs))
	for peer, values := range r.Outputs {
		outs[peer] = maps.Clone(values)
	}
	r.Outputs = outs
	return r
}
