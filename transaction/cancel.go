package transaction

import (
	"context"

	"gd2/pkg/api"
	"gd2/store"
)

// CancelRequest asks the coordinator of a transaction to undo it.
type CancelRequest struct {
	Transaction string           `json:"transaction"`
	Act         api.OperationAct `json:"act"`
}

// Cancel makes a running transaction fail, so that it is undone, and waits for that as long as ctx allows. It is refused
// from the pivot on, and while the end is being written.
func (e *Engine) Cancel(ctx context.Context, id string) (api.Operation, error) {
	if err := e.cfg.Store.Sync(ctx); err != nil {
		return api.Operation{}, err
	}
	r, err := e.record(id)
	if err != nil {
		return api.Operation{}, err
	}
	if err := cancellable(id, r.Value); err != nil {
		return api.Operation{}, err
	}
	if err := Propose(ctx, e.cancelPlan(r)); err != nil {
		return api.Operation{}, err
	}
	req := CancelRequest{Transaction: id, Act: e.act(ctx, "cancel")}
	if owner := r.Value.Owner.Peer; owner == e.cfg.PeerID {
		err = e.HandleCancel(req)
	} else {
		err = e.cfg.Transport.Cancel(ctx, owner, req)
	}
	if err != nil {
		return api.Operation{}, err
	}
	return e.Wait(ctx, id)
}

// cancelPlan tells what is undone, as far as this daemon knows the operation.
func (e *Engine) cancelPlan(r store.Record[Record]) api.OperationPlan {
	d := e.adopter(r)
	if d == nil {
		return api.OperationPlan{Operation: r.Value.Operation, Warnings: []string{"this peer does not know the operation: its coordinator knows what is undone"}}
	}
	d.rec.Left = len(d.def.steps)
	return d.retryPlan()
}

// cancellable says why a transaction in this state cannot be cancelled.
func cancellable(id string, r Record) error {
	var why string
	switch {
	case r.State.Finished():
		why = "has ended already (" + string(r.State) + ")"
	case r.Pivoted:
		why = "is past the point from which it could be undone: it can only go on"
	case r.State != Running:
		why = "has failed and is being undone already"
	default:
		return nil
	}
	return api.Errorf(api.State, "operation %s %s", id, why).With(api.FieldTransaction, id)
}

// HandleCancel cancels a transaction that this engine drives.
func (e *Engine) HandleCancel(req CancelRequest) error {
	e.mu.Lock()
	d := e.active[req.Transaction]
	e.mu.Unlock()
	if d == nil {
		return api.Errorf(api.Conflict, "operation %s is not worked on by peer %s just now: if its daemon has restarted, the operation is undone by itself; look again",
			req.Transaction, e.cfg.PeerID).With(api.FieldTransaction, req.Transaction)
	}
	return d.stopFor(req.Act)
}

// stopFor makes the drive fail as soon as it can, unless it is too late for that.
func (d *drive) stopFor(act api.OperationAct) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sealed {
		return api.Errorf(api.State, "operation %s is past the point from which it could be undone: it can only go on", d.id).
			With(api.FieldTransaction, d.id)
	}
	if d.cancelled == nil {
		d.cancelled = &act
		d.cancel()
		d.log().WithField("user", act.User).WithField("from", act.From).Warn("operation cancelled")
	}
	return nil
}

// seal closes the time for a cancel: what follows cannot be undone. It returns false if somebody was faster.
func (d *drive) seal() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancelled != nil {
		return false
	}
	d.sealed = true
	return true
}

// cancelCause is the error of a transaction that was cancelled, and nil for others.
func (d *drive) cancelCause() *api.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancelled == nil {
		return nil
	}
	return api.Errorf(api.State, "operation %s (%s) was cancelled by %s (%s)", d.id, d.rec.Operation, d.cancelled.User, d.cancelled.From).
		With(api.FieldTransaction, d.id)
}
