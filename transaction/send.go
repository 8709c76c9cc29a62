package transaction

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

// The pauses between two tries to reach a peer within one step.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// fanOut is one step sent to all its peers.
type fanOut struct {
	d      *drive
	step   int
	undo   bool
	cancel context.CancelFunc
	// patience is how long a peer may be out of reach.
	patience time.Duration

	mu       sync.Mutex
	failures map[string]*api.Error
}

// step does or undoes a step on all its peers at once and waits for all of them. It returns the failures by peer.
// The first failure of a Do cancels the others; a peer that was only cancelled does not count as failed.
func (d *drive) step(i int, undo bool) map[string]*api.Error {
	timeout := d.def.steps[i].timeout
	if limit := d.e.cfg.MaxStepTimeout; limit > 0 {
		timeout = min(timeout, limit)
	}
	ctx, patience := d.ctx, DefaultStepTimeout
	if undo {
		ctx, patience = d.e.ctx, d.e.cfg.UndoPatience // a cancel is no reason not to undo
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d.at.Store(&place{step: d.def.steps[i].name, undo: undo})
	f := &fanOut{d: d, step: i, undo: undo, patience: min(timeout, patience), cancel: cancel, failures: map[string]*api.Error{}}
	var all sync.WaitGroup
	for _, peer := range d.stepPeers(i) {
		all.Go(func() { f.settle(peer, f.send(ctx, peer)) })
	}
	all.Wait()
	return f.failures
}

func (d *drive) stepPeers(i int) []string {
	peers, chosen := d.op.peers(i)
	if !chosen {
		peers = d.rec.Peers
	}
	return slices.Compact(slices.Sorted(slices.Values(peers)))
}

// settle notes the end of the step on one peer.
func (f *fanOut) settle(peer string, err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.undo && len(f.failures) > 0 && cancelled(err) {
		return
	}
	f.failures[peer] = f.d.peerError(peer, f.step, err)
	if !f.undo {
		f.cancel()
	}
}

// send runs the step on one peer and repeats it while the peer is only out of reach.
func (f *fanOut) send(ctx context.Context, peer string) error {
	if f.undo && f.gone(peer) {
		// A host that is off does not refuse, it just does not answer; the recovery loop comes back when it does.
		short, cancel := context.WithTimeout(ctx, f.patience)
		defer cancel()
		ctx = short
	}
	var until time.Time
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := f.try(ctx, peer)
		if until.IsZero() {
			until = time.Now().Add(f.patience) // what took long before the peer went away may be done again
		}
		if err == nil || !api.IsKind(err, api.Unavailable) || ctx.Err() != nil || time.Now().Add(pause).After(until) {
			return err
		}
		if !f.undo && f.gone(peer) {
			return err // it is not only out of reach for a moment
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// gone reports whether a peer gives no sign of life any more.
func (f *fanOut) gone(peer string) bool {
	return !f.d.e.alive(peer)
}

// try sends the request once.
func (f *fanOut) try(ctx context.Context, peer string) error {
	d := f.d
	ev := Event{Kind: StepSent, Step: d.def.steps[f.step].name, Peer: peer, Undo: f.undo}
	if err := d.event(ev); err != nil {
		return err
	}
	req := StepRequest{Transaction: d.id, Step: ev.Step, Undo: f.undo, Revision: d.rev, Seq: d.e.seq.Add(1)}
	reply, err := d.e.call(ctx, peer, req)
	if err == nil && !f.undo {
		f.mu.Lock()
		d.rec.Outputs.add(peer, reply.Outputs)
		f.mu.Unlock()
	}
	ev.Kind, ev.Err = StepDone, err
	if killed := d.event(ev); killed != nil {
		return killed
	}
	return err
}

// call hands the request to this peer or another.
func (e *Engine) call(ctx context.Context, peer string, req StepRequest) (StepReply, error) {
	if peer == e.cfg.PeerID {
		return e.HandleStep(ctx, req)
	}
	return e.cfg.Transport.RunStep(ctx, peer, req)
}

// cancelled reports whether an error can come from the cancellation of a step whose sibling failed.
func cancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || api.IsKind(err, api.Unavailable, api.Timeout)
}

// transient reports whether an error will pass by itself.
func transient(err *api.Error) bool {
	return err.Kind == api.Unavailable || err.Kind == api.Timeout
}

// peerError completes what a peer answered with where it happened.
func (d *drive) peerError(peer string, step int, err error) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = api.Errorf(api.Timeout, "peer %s did not answer in time", peer)
	case errors.Is(err, context.Canceled):
		e = api.Errorf(api.Unavailable, "the call to peer %s was cancelled", peer)
	default:
		e = api.AsError(err)
	}
	return e.With(api.FieldPeer, peer).With(api.FieldStep, d.def.steps[step].name).
		With(api.FieldError, e.Error()).With(api.FieldTransaction, d.id)
}

// stepFailed makes one error of the failures of a step: the only one itself, or one that has all of them as causes.
func (d *drive) stepFailed(step int, failures map[string]*api.Error) *api.Error {
	peers := slices.Sorted(maps.Keys(failures))
	if len(peers) == 1 {
		return failures[peers[0]]
	}
	e := api.Errorf("", "step %s failed on %d peers", d.def.steps[step].name, len(peers))
	for _, p := range peers {
		f := failures[p]
		if e.Kind == "" || transient(&api.Error{Kind: e.Kind}) && !transient(f) {
			e.Kind = f.Kind
		}
		e.Causes = append(e.Causes, f)
	}
	return e.With(api.FieldTransaction, d.id)
}

func (d *drive) event(ev Event) error {
	ev.Transaction, ev.Operation = d.id, d.def.key()
	return d.e.event(ev)
}

func (d *drive) log() *logrus.Entry {
	return d.e.log.WithField("transaction", d.id).WithField("operation", d.def.name)
}
