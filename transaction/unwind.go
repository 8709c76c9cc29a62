package transaction

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"gd2/pkg/api"
)

// followTime is how long a coordinator that lost its transaction waits to learn the outcome.
const followTime = 10 * time.Second

// failed decides what follows a failure: unwinding, or past the pivot another attempt to go on. left is the number of
// steps that may have had an effect.
func (d *drive) failed(left int, failures map[string]*api.Error, cause *api.Error) (json.RawMessage, error) {
	if d.e.ctx.Err() != nil {
		return nil, d.stopped()
	}
	if d.rec.Pivoted {
		return d.stall(failures, cause)
	}
	if why := d.cancelCause(); why != nil {
		cause = why
		d.rec.Acts = append(d.rec.Acts, *d.cancelled)
	}
	d.log().WithError(cause).Warn("transaction failed, unwinding")
	d.rec.Error, d.rec.Left = cause, left
	return d.unwind()
}

// undecided deals with a write of the record that failed. The write may have been made all the same, or another peer may
// own the transaction now; only another guarded write tells.
func (d *drive) undecided(err error) (json.RawMessage, error) {
	if d.e.ctx.Err() != nil {
		return nil, d.stopped()
	}
	cause := api.AsError(err).With(api.FieldTransaction, d.id)
	if d.rec.Pivoted {
		return d.stall(nil, cause)
	}
	rec := d.rec
	rec.State, rec.Error, rec.Left = Unwinding, cause, len(d.def.steps)
	if err := d.write(rec); err != nil {
		return d.lost(err)
	}
	return d.failed(rec.Left, nil, cause)
}

// unwind undoes the steps that are left, the last one first, and ends the transaction as failed. Its error is for the
// caller: why the transaction failed, and what keeps it from being undone.
func (d *drive) unwind() (json.RawMessage, error) {
	for d.rec.Left > 0 {
		i := d.rec.Left - 1
		if d.def.steps[i].undo {
			if failures := d.step(i, true); len(failures) > 0 {
				return d.stall(failures, d.rec.Error)
			}
		}
		d.rec.Left--
	}
	cause := d.rec.Error
	if err := d.finish(d.rec.finished(Failed, time.Now().UTC()), nil, nil); err != nil {
		return d.lost(err)
	}
	d.log().WithField("took", time.Since(d.rec.Started).Round(time.Millisecond)).Info("transaction unwound")
	if err := d.event(Event{Kind: Unwound}); err != nil {
		return nil, d.stopped()
	}
	return nil, cause
}

// stall records, once, what keeps the transaction from ending, and leaves it to the recovery loop.
func (d *drive) stall(failures map[string]*api.Error, cause *api.Error) (json.RawMessage, error) {
	if d.e.ctx.Err() != nil {
		return nil, d.stopped()
	}
	want := d.rec
	want.State, want.PeerErrors, want.Error = Unwinding, failures, cause
	if d.rec.Pivoted {
		want.State = Forward
	}
	if d.e.stalled(d.id, failures) >= d.e.cfg.StuckAfter {
		want.State = Stuck
	}
	if d.rec.State != want.State || !maps.EqualFunc(d.rec.PeerErrors, failures, sameFailure) {
		d.log().WithField("state", want.State).WithField("peers", slices.Sorted(maps.Keys(failures))).Warn("transaction cannot end yet")
		if err := d.write(want); err != nil {
			return d.lost(err)
		}
		if err := d.event(Event{Kind: StallWritten}); err != nil {
			return nil, d.stopped()
		}
	}
	return nil, d.unfinished(want.State, failures, cause)
}

// sameFailure compares what matters of two errors for the record: not the wording, which may hold times and ports.
func sameFailure(a, b *api.Error) bool { return a.Kind == b.Kind }

// unfinished is the caller's error for a transaction that has failed and not ended.
func (d *drive) unfinished(s State, failures map[string]*api.Error, cause *api.Error) error {
	out := *cause
	out.Causes = slices.Clone(cause.Causes)
	for _, p := range slices.Sorted(maps.Keys(failures)) {
		if failures[p] == cause || slices.Contains(cause.Causes, failures[p]) {
			continue
		}
		f := *failures[p]
		f.Message = fmt.Sprintf("undoing step %s on peer %s: %s", f.Fields[api.FieldStep], p, f.Message)
		out.Causes = append(out.Causes, &f)
	}
	if d.rec.Pivoted && s != Stuck && transient(&out) {
		out.Kind = api.Timeout // it goes on by itself, and will be done
	}
	out.Message = fmt.Sprintf("%s (transaction %s is %s and keeps its locks until it has ended)", cause.Message, d.id, s)
	return out.With(api.FieldTransaction, d.id)
}

// stopped is the caller's error when this engine ends in the middle.
func (d *drive) stopped() error {
	return api.Errorf(api.Unavailable, "this peer's daemon stopped during %s; transaction %s will be brought to its end by its next start or by another peer",
		d.rec.Operation, d.id).With(api.FieldTransaction, d.id)
}

// lost looks for the outcome of a transaction whose record could not be written: it has another owner, or our own
// earlier write was made after all.
func (d *drive) lost(cause error) (json.RawMessage, error) {
	if d.e.ctx.Err() != nil {
		return nil, d.stopped()
	}
	if !api.IsKind(cause, api.Conflict, api.Timeout) {
		d.e.stalled(d.id, nil)
		return nil, api.AsError(cause).With(api.FieldTransaction, d.id)
	}
	rec, err := d.e.await(d.id, followTime)
	if err != nil {
		return nil, api.AsError(err).With(api.FieldTransaction, d.id)
	}
	return d.outcome(rec)
}

// outcome is what a record says to the caller of a transaction that this engine does not own any more.
func (d *drive) outcome(rec Record) (json.RawMessage, error) {
	switch {
	case rec.State == Done:
		return rec.Result, nil
	case rec.State.Finished() && rec.Error != nil:
		return nil, rec.Error.With(api.FieldTransaction, d.id)
	}
	return nil, api.Errorf(api.Unavailable, "transaction %s (%s) was taken over by peer %s, which decides its outcome; it is %s",
		d.id, rec.Operation, rec.Owner.Peer, rec.State).With(api.FieldTransaction, d.id)
}
