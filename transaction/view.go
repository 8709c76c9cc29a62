package transaction

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// Query picks transactions. Empty fields pick all.
type Query struct {
	// State is one of the states, or StatePending or StateEnded.
	State string
	// Operation is a name such as "volume.create", or the part before the dot.
	Operation string
	// Peer takes part or coordinates; Lock is held, or names what a course is about, such as "volume/gv0".
	Peer, Lock string
	// Limit is the largest number of transactions that are returned; 0 means all.
	Limit int
	// Before is the id of a transaction: only those are returned that began before it.
	Before string
}

// Groups of states for Query.State.
const (
	// StatePending are the transactions that have not ended.
	StatePending = "pending"
	// StateEnded are those that have.
	StateEnded = "ended"
)

// States returns what Query.State may be.
func States() []string {
	return []string{string(Running), string(Forward), string(Unwinding), string(Stuck), string(Done), string(Failed), string(Abandoned),
		StatePending, StateEnded}
}

// Find returns the transactions that a query picks, the newest first, and whether there are more.
func (e *Engine) Find(q Query) (found []api.Operation, more bool, err error) {
	recs, err := recordKind.List(e.cfg.Store)
	found = []api.Operation{}
	for _, r := range slices.Backward(recs) {
		if !q.picks(r) {
			continue
		}
		if q.Limit > 0 && len(found) == q.Limit {
			return found, true, err
		}
		found = append(found, e.describe(r.ID, r.Value))
	}
	return found, false, err
}

func (q Query) picks(r store.Record[Record]) bool {
	v := r.Value
	switch q.State {
	case "", string(v.State):
	case StatePending:
		if v.State.Finished() {
			return false
		}
	case StateEnded:
		if !v.State.Finished() {
			return false
		}
	default:
		return false
	}
	return (q.Before == "" || r.ID < q.Before) &&
		(q.Operation == "" || v.Operation == q.Operation || strings.HasPrefix(v.Operation, q.Operation+".")) &&
		(q.Peer == "" || slices.Contains(participants(v), q.Peer)) &&
		(q.Lock == "" || slices.Contains(v.Locks, q.Lock) || slices.Contains(v.About, q.Lock))
}

// List returns the transactions in this peer's copy of the store, the oldest first: those that have not ended and the
// last that have.
func (e *Engine) List() ([]api.Operation, error) { return List(e.cfg.Store) }

// List returns the transactions that a copy of the store has, as Engine.List does.
func List(r store.Reader) ([]api.Operation, error) {
	recs, err := recordKind.List(r)
	views := make([]api.Operation, 0, len(recs))
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
func (e *Engine) Get(id string) (api.Operation, error) {
	r, err := e.record(id)
	if err != nil {
		return api.Operation{}, err
	}
	return e.describe(id, r.Value), nil
}

// LockHeld reports whether a transaction holds the lock, by this peer's copy of the store.
func (e *Engine) LockHeld(lock string) bool {
	_, held, err := lockKind.Get(e.cfg.Store, lock)
	return held || err != nil // a lock that cannot be read is one all the same
}

func (e *Engine) record(id string) (store.Record[Record], error) {
	r, ok, err := recordKind.Get(e.cfg.Store, id)
	if err == nil && !ok {
		err = api.Errorf(api.NotFound, "operation %.40q does not exist; the last %d that ended are kept, for %s", id, e.cfg.History, e.cfg.HistoryAge)
	}
	return r, err
}

// Wait waits until a transaction has ended, or is stuck, or ctx ends, and returns it as it is then.
func (e *Engine) Wait(ctx context.Context, id string) (api.Operation, error) {
	ctx, cancel := e.joined(ctx)
	defer cancel()
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return api.Operation{}, err
	}
	rec, err := e.until(ctx, id, func(r Record) bool { return r.State.Finished() || r.State == Stuck })
	if err != nil {
		return api.Operation{}, err
	}
	return e.describe(id, rec), nil
}

// await waits until a transaction has finished, for so long at most, and returns its record then.
func (e *Engine) await(id string, atMost time.Duration) (Record, error) {
	ctx, cancel := context.WithTimeout(e.ctx, atMost)
	defer cancel()
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return Record{}, err
	}
	return e.until(ctx, id, func(r Record) bool { return r.State.Finished() })
}

// until waits for a state of a record, by this peer's copy of the store, and returns the record as it is then or when ctx ends.
func (e *Engine) until(ctx context.Context, id string, enough func(Record) bool) (Record, error) {
	signal, unsubscribe := e.cfg.Store.Subscribe(recordKind.Prefix())
	defer unsubscribe()
	for {
		r, err := e.record(id)
		if err != nil || enough(r.Value) {
			return r.Value, err
		}
		select {
		case <-signal:
		case <-ctx.Done():
			return r.Value, nil
		}
	}
}

// describe is view with what this daemon knows of the operation.
func (e *Engine) describe(id string, r Record) api.Operation {
	v := r.view(id)
	if def := e.definition(operationKey(r.Operation, r.Version)); def != nil {
		for _, s := range def.steps {
			v.Steps = append(v.Steps, s.name)
		}
	}
	return v
}

func (r Record) view(id string) api.Operation {
	v := api.Operation{
		ID: id, Operation: r.Operation, State: string(r.State), Coordinator: r.Owner.Peer,
		Peers: slices.Clone(r.Peers), Locks: slices.Clone(r.Locks), StartedAt: r.Started.Format(time.RFC3339Nano), Result: r.Result,
		PartOf: r.Course, Reversible: r.State == Running, Forward: r.Pivoted && !r.State.Finished(), RequestedBy: r.By, Acts: slices.Clone(r.Acts),
	}
	if !r.Ended.IsZero() {
		v.EndedAt = r.Ended.Format(time.RFC3339Nano)
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

// clone returns a copy whose maps and lists can be changed.
func (r Record) clone() Record {
	outs := make(Outputs, len(r.Outputs))
	for peer, values := range r.Outputs {
		outs[peer] = maps.Clone(values)
	}
	r.Outputs, r.Acts = outs, slices.Clone(r.Acts)
	return r
}

// Latest returns the id of the last transaction that ended well and held a lock; "" if none is on record.
func Latest(r store.Reader, lock string) (id string) {
	_ = history.Read(r, func(h *past) { // those that cannot be read are not the last, as far as it matters to anyone
		for _, t := range slices.Backward(h.list) {
			if t.done && slices.Contains(t.locks, lock) {
				id = t.id
				return
			}
		}
	})
	return id
}
