package transaction

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	"gd2/pkg/api"
)

// Course defines a change that is more than one transaction, or that waits for others in between, such as the way of a new peer into
// the pool. It has a record, locks and an outcome as an operation has, but no steps and no undo: Run does it all, by
// transactions of operations that are each whole.
type Course[P, R any] struct {
	Name    string
	Version int
	// Run goes through the course, on the peer that was asked. If that peer's daemon stops Run is called again, there or on
	// another peer, with a context of which Resumed is true: it must recognise what is done already, and come to the same end. What
	// it has done by halves when it fails it takes back itself. Its result must survive JSON.
	Run func(ctx context.Context, p P) (R, error)
	// Avoid, if set, returns the id of a peer that must not go on with the course: one that it is about.
	Avoid func(p P) string
	// Timeout bounds one Run; 0 means that nothing does.
	Timeout time.Duration
	// Early says that Run tells its result with Tell, and goes on.
	Early bool
}

// course is a Course with its types erased.
type course struct {
	run     func(ctx context.Context, params json.RawMessage) (json.RawMessage, error)
	avoid   func(params json.RawMessage) string
	timeout time.Duration
	early   bool
}

// Conduct makes a course known to an engine, in place of one with the same name. It panics if that is the name of an operation.
func Conduct[P, R any](e *Engine, c Course[P, R]) Handle[P, R] {
	def := &definition{name: c.Name, version: c.Version, bind: func(json.RawMessage) (bound, error) { return bound{}, nil }}
	if c.Run == nil || e.cfg.Registry.definitions[def.key()] != nil {
		panic(fmt.Sprintf("transaction: course %s needs a Run and a name of its own", def.key()))
	}
	def.course = &course{timeout: c.Timeout, early: c.Early, avoid: func(raw json.RawMessage) string {
		var p P
		if err := json.Unmarshal(raw, &p); err != nil || c.Avoid == nil {
			return ""
		}
		return c.Avoid(p)
	}, run: func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
		var p P
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, fmt.Errorf("parameters of course %s: %w", def.key(), err)
		}
		r, err := c.Run(ctx, p)
		if err != nil {
			return nil, err
		}
		return json.Marshal(r)
	}}
	e.mu.Lock()
	e.courses[def.key()] = def
	e.mu.Unlock()
	e.wake()
	return Handle[P, R]{def: def}
}

// definition returns what name@version is here, or nil.
func (e *Engine) definition(key string) *definition {
	if def := e.cfg.Registry.definitions[key]; def != nil {
		return def
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.courses[key]
}

// conduct goes through a course that has begun, or goes on with it.
func (d *drive) conduct(resumed bool) (json.RawMessage, error) {
	req := &Request{Resumed: resumed, course: d.id, drive: d}
	if d.rec.By != nil {
		req.By = *d.rec.By
	}
	d.at.Store(&place{step: d.def.name})
	d.meter = d.e.measure(d.id, d.def.name)
	ctx, cancel := WithRequest(d.ctx, req), context.CancelFunc(func() {})
	if t := d.def.course.timeout; t > 0 {
		ctx, cancel = context.WithTimeout(ctx, t)
	}
	defer cancel()
	if resumed {
		d.awaitParts(ctx)
	}
	result, err := d.whole(ctx)
	switch {
	case d.e.ctx.Err() != nil, err != nil && d.e.draining():
		return nil, d.stopped() // the next run goes on
	case err != nil:
		cause := api.AsError(err)
		if cause.Kind == api.Timeout {
			c := *cause
			c.Kind = api.Unavailable // a Timeout would promise that it goes on
			cause = &c
		}
		return d.failed(0, nil, cause.With(api.FieldTransaction, d.id))
	}
	if !d.seal() { // a cancel that came when there was nothing left to cancel
		d.rec.Acts = append(d.rec.Acts, *d.cancelled)
	}
	rec := d.rec.finished(Done, time.Now().UTC())
	rec.Error, rec.Result = nil, result
	if err := d.finish(rec, nil, nil); err != nil {
		return d.lost(err)
	}
	return d.done()
}

// Tell gives who asked for a course its result, while Run goes on: what it returns in the end is for the record.
func Tell(ctx context.Context, result any) error {
	d := driveOf(ctx)
	if d == nil {
		return nil
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return api.Errorf(api.Internal, "result of course %s: %v", d.def.key(), err)
	}
	select {
	case d.early <- raw:
	default: // it has one
	}
	return nil
}

// Progress tells how far a course is, as Call.Progress does for a step.
func Progress(ctx context.Context, done, total int64, unit string) {
	if d := driveOf(ctx); d != nil {
		d.meter.set(done, total, unit)
	}
}

// Note tells in words what a course is at, or waits for; empty takes that back.
func Note(ctx context.Context, text string) {
	if d := driveOf(ctx); d != nil {
		d.meter.note(text)
	}
}

// Cancelled reports whether a course ends because somebody has cancelled it, and not because its daemon stops.
func Cancelled(ctx context.Context) bool {
	d := driveOf(ctx)
	return d != nil && d.cancelCause() != nil
}

// driveOf returns the drive of a course that runs with the context, or nil.
func driveOf(ctx context.Context) *drive {
	if r := requestOf(ctx); r != nil {
		return r.drive
	}
	return nil
}

// awaitParts waits until the transactions that an earlier Run has begun have been brought to an end, which does not need this
// one. What is stuck is not waited for: its locks will refuse what is to follow.
func (d *drive) awaitParts(ctx context.Context) {
	recs, _ := recordKind.List(d.e.cfg.Store) // what cannot be read is no part of what this daemon knows
	for _, r := range recs {
		if r.Value.Course == d.id && !r.Value.State.Finished() {
			_, _ = d.e.until(ctx, r.ID, func(r Record) bool { return r.State.Finished() || r.State == Stuck })
		}
	}
}

// whole calls Run and turns a panic into an error.
func (d *drive) whole(ctx context.Context) (result json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log().WithField("stack", string(debug.Stack())).Errorf("the course panicked: %v", p)
			err = fmt.Errorf("the course panicked: %v", p)
		}
	}()
	return d.def.course.run(ctx, d.rec.Params)
}

// draining reports whether no transaction may begin any more.
func (e *Engine) draining() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.drained != nil || e.closed
}
