package brick

import (
	"context"

	"gd2/glusterd2/process"
	"gd2/pkg/api"

	"github.com/sirupsen/logrus"
)

// instance returns what is known of the brick at path.
func (h *Host) instance(path string) *instance {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.bricks[path]
	if b == nil {
		b = &instance{turn: make(chan struct{}, 1)}
		b.turn <- struct{}{}
		h.bricks[path] = b
	}
	return b
}

// lock waits for the turn to start or stop the brick.
func (b *instance) lock(ctx context.Context, s Spec) error {
	select {
	case <-b.turn:
		return nil
	case <-ctx.Done():
		return api.Errorf(api.Timeout, "brick %s is being started or stopped already: %v", s, ctx.Err())
	}
}

func (b *instance) unlock() { b.turn <- struct{}{} }

func (b *instance) process() *process.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.proc
}

// set replaces the process. The one before has ended, or was never there.
func (b *instance) set(p *process.Process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc != nil && b.proc != p {
		_ = b.proc.Close() // a watch that is over
	}
	b.proc = p
}

func (b *instance) hold(held bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = held
}

func (b *instance) isHeld() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

func fields(s Spec) logrus.Fields {
	return logrus.Fields{"volume": s.VolumeName, "brick": s.String()}
}
