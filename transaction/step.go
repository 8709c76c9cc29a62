package transaction

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// StepRequest asks a peer to do or undo one step. Operation and parameters are not in it: the peer reads them in the
// intent, in its own copy of the store.
type StepRequest struct {
	Transaction string `json:"transaction"`
	Step        string `json:"step"`
	Undo        bool   `json:"undo,omitempty"`
	// Revision is that of the intent as the sender, its owner, wrote it last. A peer that knows a newer one refuses.
	Revision int64 `json:"revision"`
	// Seq counts the requests of the sender; a peer refuses one that was overtaken by a later one.
	Seq uint64 `json:"seq"`
}

// StepReply is a peer's answer to a step that went well.
type StepReply struct {
	Outputs map[string]json.RawMessage `json:"outputs,omitempty"`
}

// HandleStep runs a step on this peer for a coordinator, this one or another. It waits, as long as ctx allows, until
// this peer's copy of the store has the intent; refuses, with Conflict, what an older owner sent; and cancels and
// awaits an earlier request of the same transaction that still runs here. Its error is always an *api.Error.
func (e *Engine) HandleStep(ctx context.Context, req StepRequest) (StepReply, error) {
	end, err := e.begin()
	if err != nil {
		return StepReply{}, err
	}
	defer end()
	ctx, cancel := e.joined(ctx)
	defer cancel()
	if err := e.admit(ctx, req); err != nil {
		return StepReply{}, err
	}
	ctx, leave, err := e.gate(req.Transaction).enter(ctx, fence{req.Revision, req.Seq})
	if err != nil {
		return StepReply{}, err
	}
	defer leave()
	// Again, now that no other request of this transaction can come between: it may have ended since, and its gate with
	// all that it knew of later requests have been forgotten.
	rec, err := e.owned(req)
	if err != nil {
		return StepReply{}, err
	}
	if ctx.Err() != nil {
		return StepReply{}, api.Errorf(api.Unavailable, "the step was cancelled before it began: %v", context.Cause(ctx))
	}
	return e.perform(ctx, rec.Value, req)
}

// admit waits for the intent and checks that the sender owns it.
func (e *Engine) admit(ctx context.Context, req StepRequest) error {
	if err := e.cfg.Store.WaitRevision(ctx, req.Revision); err != nil {
		return api.Errorf(api.Unavailable, "this peer's copy of the store does not have revision %d of transaction %s: %v",
			req.Revision, req.Transaction, err)
	}
	_, err := e.owned(req)
	return err
}

// owned checks that the transaction runs, and that the sender owns it.
func (e *Engine) owned(req StepRequest) (store.Record[Record], error) {
	var none store.Record[Record]
	rec, ok, err := recordKind.Get(e.cfg.Store, req.Transaction)
	switch {
	case err != nil:
		return none, api.AsError(err)
	case !ok:
		return none, api.Errorf(api.Conflict, "step refused: transaction %s is not in the store, or no longer", req.Transaction)
	case rec.Value.State.Finished():
		return none, api.Errorf(api.Conflict, "step refused: transaction %s has ended (%s)", req.Transaction, rec.Value.State)
	case rec.Revision != req.Revision:
		return none, api.Errorf(api.Conflict, "step refused: it comes from an owner of transaction %s at revision %d, the owner is now peer %s at revision %d",
			req.Transaction, req.Revision, rec.Value.Owner.Peer, rec.Revision)
	}
	return rec, nil
}

func (e *Engine) gate(id string) *gate {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := e.gates[id]
	if g == nil {
		g = newGate()
		e.gates[id] = g
	}
	return g
}

// perform runs the Do or Undo.
func (e *Engine) perform(ctx context.Context, rec Record, req StepRequest) (StepReply, error) {
	key := operationKey(rec.Operation, rec.Version)
	def := e.definition(key)
	if def == nil || def.step(req.Step) < 0 {
		return StepReply{}, api.Errorf(api.NotSupported, "step %s of operation %s is not known to this peer: it runs another version of gd2", req.Step, key)
	}
	b, err := def.bind(rec.Params)
	if err != nil {
		return StepReply{}, api.AsError(err)
	}
	log := e.log.WithField("transaction", req.Transaction).WithField("step", req.Step)
	call := &Call{PeerID: e.cfg.PeerID, TransactionID: req.Transaction, Log: log, meter: e.measure(req.Transaction, req.Step)}
	began := time.Now()
	run := func(ctx context.Context) error { return guarded(ctx, call, b.do, def.step(req.Step)) }
	if req.Undo {
		run = func(ctx context.Context) error { return guarded(ctx, call, b.undo, def.step(req.Step)) }
	}
	if e.cfg.Around != nil {
		err = e.cfg.Around(ctx, StepInfo{Transaction: req.Transaction, Operation: key, Step: req.Step, Undo: req.Undo}, run)
	} else {
		err = run(ctx)
	}
	log.WithError(err).WithField("undo", req.Undo).WithField("took", time.Since(began).Round(time.Microsecond)).Info("step ended")
	if err != nil {
		return StepReply{}, stepError(ctx, err)
	}
	return StepReply{Outputs: call.outputs}, nil
}

// guarded turns a panic of a step into an error, so that a fault in one operation does not take the daemon down and
// the step is undone like any other that failed.
func guarded(ctx context.Context, c *Call, do func(context.Context, int, *Call) error, step int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Log.WithField("stack", string(debug.Stack())).Errorf("step panicked: %v", p)
			err = fmt.Errorf("the step panicked: %v", p)
		}
	}()
	if err := do(ctx, step, c); err != nil {
		return err
	}
	return c.failed
}

// stepError makes an *api.Error of what a step returned. A step that was cut short says so.
func stepError(ctx context.Context, err error) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return api.Errorf(api.Timeout, "the step did not end in time: %v", err)
	case ctx.Err() != nil:
		return api.Errorf(api.Unavailable, "the step was cancelled: %v", err)
	}
	return api.AsError(err)
}
