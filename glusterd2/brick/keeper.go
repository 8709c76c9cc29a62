package brick

import (
	"context"
	"sync"
	"time"

	"gd2/glusterd2/process"
)

// keeper keeps one brick running.
type keeper struct {
	cfg     SupervisorConfig
	spec    Spec
	backoff process.Backoff
	dismiss context.CancelFunc
	kick    chan struct{}

	mu    sync.Mutex
	state State
}

func newKeeper(cfg SupervisorConfig, spec Spec, dismiss context.CancelFunc) *keeper {
	return &keeper{
		cfg: cfg, spec: spec, backoff: cfg.Backoff, dismiss: dismiss, kick: make(chan struct{}, 1), state: State{Spec: spec},
	}
}

// run looks after the brick until ctx ends.
func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		p, started, err := k.bring(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil:
			k.pause(ctx, k.backoff.Next(0), err)
		case p == nil:
			k.idle(ctx)
		default:
			k.watch(ctx, p, started)
		}
	}
}

// bring adopts or starts the brick; without an error and a process the brick is to be left alone.
func (k *keeper) bring(ctx context.Context) (p *process.Process, started bool, err error) {
	unlock, err := k.cfg.Locks.Share(ctx, k.spec.VolumeName)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	return k.cfg.Host.keep(ctx, k.spec, k.cfg.Skip)
}

// watch waits for the end of the brick's process.
func (k *keeper) watch(ctx context.Context, p *process.Process, started bool) {
	since := time.Now()
	k.note(func(s *State) {
		s.Pid, s.Down, s.LastError, s.NextStart = p.Pid(), false, "", time.Time{}
		if started {
			s.Starts++
		}
	})
	select {
	case <-p.Done():
	case <-ctx.Done():
		return
	}
	k.note(func(s *State) { s.Pid = 0 })
	log := k.cfg.Log.WithFields(fields(k.spec)).WithField("pid", p.Pid())
	if k.cfg.Host.instance(k.spec.Path).isHeld() || k.cfg.Skip(k.spec.VolumeName) {
		log.Debug("brick ended")
		return
	}
	k.note(func(s *State) { s.Down, s.EndedAt, s.Ends = true, time.Now(), s.Ends+1 })
	log.Warn("brick ended unexpectedly: it will be started again")
	k.pause(ctx, k.backoff.Next(time.Since(since)), nil)
}

// pause waits before the next start. err is why the last one failed, nil for a brick that ended.
func (k *keeper) pause(ctx context.Context, wait time.Duration, err error) {
	if err != nil {
		k.cfg.Log.WithFields(fields(k.spec)).WithError(err).WithField("retry", wait).Warn("brick did not start")
	}
	k.note(func(s *State) {
		s.NextStart = time.Now().Add(wait)
		if err != nil {
			s.Down, s.LastError = true, err.Error()
		}
	})
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// idle waits until it is worth looking at a brick again that must be left alone.
func (k *keeper) idle(ctx context.Context) {
	t := time.NewTimer(recheck)
	defer t.Stop()
	select {
	case <-t.C:
	case <-k.kick:
	case <-ctx.Done():
	}
}

// look wakes a keeper that idles.
func (k *keeper) look() {
	select {
	case k.kick <- struct{}{}:
	default: // it is about to look
	}
}

func (k *keeper) note(f func(*State)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(&k.state)
}

func (k *keeper) current() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// keep adopts or starts a brick unless it is held or its volume is to be skipped. Both are looked at while no step can
// be starting or stopping the brick.
func (h *Host) keep(ctx context.Context, s Spec, skip func(string) bool) (p *process.Process, started bool, err error) {
	b := h.instance(s.Path)
	if err := b.lock(ctx, s); err != nil {
		return nil, false, err
	}
	defer b.unlock()
	if b.isHeld() {
		return nil, false, nil
	}
	if p, err := h.adopt(b, s); err == nil {
		return p, false, nil
	}
	if skip(s.VolumeName) {
		return nil, false, nil
	}
	p, err = h.ensure(ctx, b, s)
	return p, err == nil, err
}
