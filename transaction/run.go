package transaction

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"gd2/pkg/api"
	"gd2/store"
)

// wish is a plan with its types erased.
type wish struct {
	params json.RawMessage
	peers  []string
	locks  []string
	about  []string
	guards []store.Guard
	answer any
	claims map[string]Claim
}

// outcome is how a transaction ended, or why it has not.
type outcome struct {
	result json.RawMessage
	err    error
}

// drive is one engine's work on one transaction, which it owns as long as the record has revision rev.
type drive struct {
	e   *Engine
	id  string
	def *definition
	op  bound
	rec Record
	rev int64
	// wrote are the keys of the records that the commit has changed.
	wrote []string
	// claims are the writes of the intent that make claims.
	claims []store.Write
	// answer is that of the request, if it has a key and the plan foresees it.
	answer *Answer

	ctx    context.Context // made by claim, for the Dos: it ends when the transaction is cancelled
	cancel context.CancelFunc
	at     atomic.Pointer[place]
	meter  *meter               // of a course
	early  chan json.RawMessage // the answer of a course that goes on

	mu        sync.Mutex
	sealed    bool // it is too late to cancel
	cancelled *api.OperationAct
}

// submit writes the intent, drives the transaction on the engine's own context and waits for it as long as ctx allows.
func (e *Engine) submit(ctx context.Context, def *definition, w wish) (json.RawMessage, error) {
	op, err := def.bind(w.params)
	if err != nil {
		return nil, api.AsError(err)
	}
	req := requestOf(ctx)
	rec := e.intent(def, w)
	rec.By, rec.Course = req.actor(), req.part()
	d := &drive{e: e, id: ulid.Make().String(), def: def, op: op, rec: rec, early: make(chan json.RawMessage, 1)}
	expected := store.ExpectationOf(ctx)
	guards, err := expected.Guard(w.guards)
	if err != nil {
		return nil, err
	}
	d.claims = claimWrites(d.id, w.claims)
	if p := planning(ctx); p != nil {
		plan, err := d.plan(ctx, guards)
		if def.course != nil && err == nil {
			return def.course.run(ctx, w.params) // its first transaction, or Propose, ends it
		}
		return nil, p.end(plan, expected.Refused(err))
	}
	if !e.claim(d) {
		return nil, errStopped
	}
	key := req.key()
	if key != nil {
		d.rec.Key = key.ID
	}
	record, foreseen := d.claimKey(key, w.answer)
	if err := d.begin(ctx, guards, record...); err != nil {
		e.release(d)
		return nil, expected.Refused(err)
	}
	expected.Met()
	req.began(d.id, foreseen)
	ended := make(chan outcome, 1)
	go func() {
		defer e.release(d)
		result, err := d.first()
		d.settle()
		ended <- outcome{result, err}
	}()
	patience := req.patience()
	if def.course != nil && def.course.early && req != nil && req.Patience > 0 {
		patience = nil // it answers soon, or not at all
	}
	select {
	case o := <-ended:
		expected.Wrote(d.wrote, d.rev)
		return o.result, o.err
	case result := <-d.early:
		return result, nil
	case <-patience:
		return nil, d.goesOn("as was asked for")
	case <-ctx.Done():
		return nil, d.goesOn(context.Cause(ctx).Error())
	}
}

// goesOn is the error for a caller that does not see the end.
func (d *drive) goesOn(why string) error {
	return api.Errorf(api.Timeout, "%s goes on as transaction %s; nobody waits for it any more: %s", d.def.name, d.id, why).
		With(api.FieldTransaction, d.id)
}

// intent is the record that a transaction begins with.
func (e *Engine) intent(def *definition, w wish) Record {
	locks := slices.Compact(slices.Sorted(slices.Values(w.locks)))
	return Record{
		Operation: def.name, Version: def.version, Params: w.params, Peers: w.peers, Locks: locks, About: w.about,
		State: Running, Owner: e.owner, Started: time.Now().UTC(), Claims: amounts(w.claims),
	}
}

// intent is the first write of the transaction.
func (d *drive) intent() []store.Write {
	writes := []store.Write{recordKind.Create(d.id, d.rec)}
	for _, l := range d.rec.Locks {
		writes = append(writes, lockKind.Create(l, Lock{Transaction: d.id, Operation: d.rec.Operation, Since: d.rec.Started}))
	}
	return append(writes, d.claims...)
}

// begin writes the intent and takes all locks, or none.
func (d *drive) begin(ctx context.Context, guards []store.Guard, more ...store.Write) error {
	ctx, cancel := d.e.joined(ctx)
	defer cancel()
	rev, err := d.e.cfg.Store.Commit(ctx, append(d.intent(), more...), guards...)
	if len(more) > 0 && api.IsKind(err, api.Conflict) && api.AsError(err).Fields[store.FieldKey] == more[0].Key() {
		return errSameKey
	}
	if api.IsKind(err, api.Conflict) {
		return d.e.conflict(ctx, d.rec.Locks, err)
	}
	if api.IsKind(err, api.Timeout) {
		// Not a Timeout of ours: that would promise that the transaction goes on.
		return api.Errorf(api.Unavailable, "%s did not begin: %v; if its intent was written after all, it is unwound", d.rec.Operation, err).
			With(api.FieldTransaction, d.id)
	}
	d.rev = rev
	return err
}

// conflict says who holds the lock because of which an intent was refused.
func (e *Engine) conflict(ctx context.Context, locks []string, refused error) error {
	key := api.AsError(refused).Fields[store.FieldKey]
	if !slices.ContainsFunc(locks, func(l string) bool { return lockKind.Prefix()+l == key }) {
		return refused
	}
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return refused
	}
	for _, l := range locks {
		rec, ok, err := lockKind.Get(e.cfg.Store, l)
		if err == nil && ok {
			return api.Errorf(api.Conflict, "%s is locked by %s (transaction %s) since %s", l, rec.Value.Operation,
				rec.Value.Transaction, rec.Value.Since.Format(time.RFC3339)).With(api.FieldTransaction, rec.Value.Transaction)
		}
	}
	return api.Errorf(api.Conflict, "%s was locked by another transaction a moment ago: try again", key[len(lockKind.Prefix()):]).
		With(store.FieldKey, key)
}

// first drives a transaction whose intent was just written.
func (d *drive) first() (json.RawMessage, error) {
	d.log().WithField("peers", d.rec.Peers).Info("transaction begins")
	if err := d.event(Event{Kind: IntentWritten}); err != nil {
		return nil, d.stopped()
	}
	if before := d.e.cfg.Before; before != nil {
		before(d.ctx, Begun{ID: d.id, Operation: d.rec.Operation, Params: d.rec.Params})
	}
	if d.def.course != nil {
		return d.conduct(false)
	}
	return d.forward(0)
}

// forward does the steps from the given one on and commits.
func (d *drive) forward(from int) (json.RawMessage, error) {
	if d.rec.Outputs == nil {
		d.rec.Outputs = Outputs{}
	}
	for i := from; i < len(d.def.steps); i++ {
		if cause := d.cancelCause(); cause != nil {
			return d.failed(i, nil, cause)
		}
		if i > 0 && i == d.def.pivot && !d.rec.Pivoted && d.anyone(i) {
			if !d.seal() {
				return d.failed(i, nil, d.cancelCause())
			}
			if err := d.pivot(); err != nil {
				return d.undecided(err)
			}
		}
		if failures := d.step(i, false); len(failures) > 0 {
			return d.failed(i+1, failures, d.stepFailed(i, failures))
		}
	}
	return d.commit()
}

// anyone reports whether a step from the given one on has a peer: without one there is nothing that could not be undone.
func (d *drive) anyone(from int) bool {
	for i := from; i < len(d.def.steps); i++ {
		if len(d.stepPeers(i)) > 0 {
			return true
		}
	}
	return false
}

// pivot marks that from here on there is no way back.
func (d *drive) pivot() error {
	rec := d.rec
	rec.State, rec.Pivoted = Forward, true
	if err := d.write(rec); err != nil {
		return err
	}
	return d.event(Event{Kind: PivotWritten})
}

// write replaces the record, if it is still ours.
func (d *drive) write(rec Record, guards ...store.Guard) error {
	rev, err := d.e.cfg.Store.Commit(d.e.ctx, []store.Write{recordKind.Update(d.id, rec, d.rev)}, guards...)
	if err != nil {
		return err
	}
	d.rec, d.rev = rec, rev
	return nil
}

// commit computes the changes of the records and writes them together with the end and the unlock.
func (d *drive) commit() (json.RawMessage, error) {
	writes, guards, result, err := d.op.commit(d.rec.Outputs)
	if err != nil {
		return d.failed(len(d.def.steps), nil, api.AsError(err).With(api.FieldTransaction, d.id))
	}
	if !d.seal() {
		return d.failed(len(d.def.steps), nil, d.cancelCause())
	}
	rec := d.rec.finished(Done, time.Now().UTC())
	rec.Error, rec.Result = nil, result
	if err := d.finish(rec, writes, guards); err != nil {
		return d.undecided(err)
	}
	return d.done()
}

// done tells of the end that was written.
func (d *drive) done() (json.RawMessage, error) {
	d.log().WithField("took", time.Since(d.rec.Started).Round(time.Millisecond)).Info("transaction done")
	if err := d.event(Event{Kind: Committed}); err != nil {
		return nil, d.stopped()
	}
	return d.rec.Result, nil
}

// settle waits until this peer's copy has what the drive wrote, so that the caller reads its own change here, and the
// recovery loop does not judge by an older record.
func (d *drive) settle() {
	_ = d.e.cfg.Store.WaitRevision(d.e.ctx, d.rev) // it fails only when the engine or the store closes
}

// finish writes the final record, drops the locks and prunes the history, in one transaction of the store.
func (d *drive) finish(rec Record, writes []store.Write, guards []store.Guard) error {
	// The locks' revisions are read in the copy, which must have seen them.
	if err := d.e.cfg.Store.WaitRevision(d.e.ctx, d.rev); err != nil {
		return err
	}
	rev, err := d.commitEnd(rec, writes, guards)
	for range keyTries {
		if !keyChanged(err, rec.Key) {
			break
		}
		if err := d.e.cfg.Store.Sync(d.e.ctx); err != nil {
			return err
		}
		rev, err = d.commitEnd(rec, writes, guards)
	}
	if err != nil {
		return err
	}
	d.rec, d.rev = rec, rev
	for _, w := range writes {
		d.wrote = append(d.wrote, w.Key())
	}
	return nil
}

// commitEnd writes the end by what the copy has of the locks, of the request's key and of the history.
func (d *drive) commitEnd(rec Record, writes []store.Write, guards []store.Guard) (int64, error) {
	all := append([]store.Write{recordKind.Update(d.id, rec, d.rev)}, writes...)
	all = append(all, d.e.unlock(d.id, d.rec.Locks)...)
	all = append(all, d.e.settleKey(d.id, rec, d.answer)...)
	old := d.e.outdated()
	rev, err := d.e.cfg.Store.Commit(d.e.ctx, append(slices.Clip(all), old...), guards...)
	if len(old) > 0 && api.IsKind(err, api.Conflict) {
		// Another coordinator may have pruned the same records at the same time; the next one to finish prunes the rest.
		rev, err = d.e.cfg.Store.Commit(d.e.ctx, all, guards...)
	}
	return rev, err
}

// unlock returns the deletion of the locks that the transaction holds.
func (e *Engine) unlock(id string, locks []string) []store.Write {
	var writes []store.Write
	for _, l := range locks {
		rec, ok, err := lockKind.Get(e.cfg.Store, l)
		if err == nil && ok && rec.Value.Transaction == id {
			writes = append(writes, lockKind.Delete(l, rec.Revision))
		}
	}
	return writes
}

// maxPruned bounds how much history one transaction clears away when it finishes.
const maxPruned = 8

// outdated returns the deletion of the transactions that began first of those that have finished, beyond those that are kept
// and those that are too old. It is asked at every commit.
func (e *Engine) outdated() []store.Write {
	oldest := time.Now().Add(-e.cfg.HistoryAge)
	var writes []store.Write
	_ = history.Read(e.cfg.Store, func(h *past) { // unreadable ones are not ours to delete
		over := len(h.list) + 1 - e.cfg.History
		for i, t := range h.list[:min(len(h.list), maxPruned)] {
			if i < over || t.ended.Before(oldest) {
				writes = append(writes, recordKind.Delete(t.id, t.revision))
			}
		}
	})
	return writes
}
