package brick

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gd2/glusterd2/process"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// join runs the brick in a process that it may share, one that runs or a new one.
func (h *Host) join(ctx context.Context, s Spec, limit int) (*process.Process, error) {
	text, err := h.cfg.Volfile(s)
	if err != nil {
		return nil, err
	}
	fit := h.fitOf(s, text)
	chosen, err := h.shared.choose(ctx)
	if err != nil {
		return nil, err
	}
	defer chosen()
	with, ok := h.shared.room(s, fit, limit, h.fitNow)
	if !ok {
		return h.spawnShared(ctx, s, fit)
	}
	chosen() // a place is reserved: others may choose while this brick is attached
	if err := h.attach(ctx, s, text, with); err != nil {
		return nil, err
	}
	p, err := process.Open(with.proc.Pid(), h.isShared)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "brick %s: the process that it was attached to ended: %v", s, err)
	}
	h.cfg.Log.WithFields(fields(s)).WithField("pid", p.Pid()).Info("brick attached to a running process")
	return p, nil
}

// fitOf is what a brick has in common with those that may share its process. The address at which the process asks for
// volfiles cannot differ either.
func (h *Host) fitOf(s Spec, volfile string) string { return s.Host + "\n" + Fit(volfile) }

// fitNow is fitOf for a brick that runs already. If it cannot be told nothing fits.
func (h *Host) fitNow(s Spec) string {
	text, err := h.cfg.Volfile(s)
	if err != nil {
		return "unknown"
	}
	return h.fitOf(s, text)
}

// spawnShared starts a process that others may share. The caller has the turn to choose, so that those wait for it.
func (h *Host) spawnShared(ctx context.Context, s Spec, fit string) (*process.Process, error) {
	p, err := h.spawn(ctx, s, true)
	if err != nil {
		return nil, err
	}
	own, err := process.Open(p.Pid(), h.isShared)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "brick %s ended right after its start: %v", s, errors.Join(err, p.Close()))
	}
	socket, _ := own.Arg("-S")
	h.shared.add(&shared{proc: own, socket: socket, fit: fit, most: capacity(own.Pid()), bricks: map[string]Spec{s.Path: s}})
	return p, nil
}

// attach puts the brick into a running process, in which a place is reserved for it.
func (h *Host) attach(ctx context.Context, s Spec, volfile string, with *shared) error {
	err := h.attachOnce(ctx, s, volfile, with)
	if err == nil {
		h.cfg.Attachments.Attached(s.Path, s.key(), volfile, with.proc.Pid())
		return nil
	}
	if !api.IsKind(err, api.Timeout) {
		h.shared.remove(with, s.Path)
		return errors.Join(err, h.clean(s))
	}
	// It may be inside by now, or come inside yet: its fresh pid file makes everybody careful.
	h.shared.remove(with, s.Path)
	return err
}

// announce tells of a brick that is inside already, as if it was attached just now.
func (h *Host) announce(s Spec, with *shared) {
	if text, err := h.cfg.Volfile(s); err == nil {
		h.cfg.Attachments.Attached(s.Path, s.key(), text, with.proc.Pid())
	}
}

func (h *Host) attachOnce(ctx context.Context, s Spec, volfile string, with *shared) error {
	file, pidFile := h.cfg.Layout.VolFile(s), h.cfg.Layout.PidFile(s)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return api.Errorf(api.Internal, "attach brick %s: %v", s, err)
	}
	if err := os.WriteFile(file, []byte(volfile), 0o600); err != nil {
		return api.Errorf(api.Internal, "attach brick %s: %v", s, err)
	}
	defer func() { _ = os.Remove(file) }() // it was read; the next attach writes it anew
	// First the pid file: if this daemon dies now, the next one finds the brick by it.
	text := strconv.Itoa(with.proc.Pid()) + "\n"
	if err := os.WriteFile(pidFile, []byte(text), 0o644); err != nil { //nolint:gosec // as the bricks' own
		return api.Errorf(api.Internal, "attach brick %s: %v", s, err)
	}
	ctx, cancel := context.WithTimeout(ctx, attachTimeout)
	defer cancel()
	_, err := h.cfg.BrickOp(ctx, with.socket, gfrpc.BrickAttach, file, nil, nil)
	if api.IsKind(err, api.Internal) {
		log, _ := with.proc.Arg("-l")
		return api.Errorf(api.Internal, "brick %s could not be attached to process %d; why is in its log %s: %v", s, with.proc.Pid(), log, err)
	}
	return err
}

// detach takes the brick out of a process that others share, and waits until it is out. The process ends by itself with
// its last brick.
func (h *Host) detach(ctx context.Context, s Spec, with *shared) error {
	defer h.cfg.Attachments.Detached(s.Path, s.key(), with.proc.Pid())
	chosen, err := h.shared.choose(ctx) // nobody may choose a process that is about to end
	if err != nil {
		return err
	}
	last := h.shared.remove(with, s.Path)
	chosen()
	now := time.Now() // should this daemon die now, the next one is careful with the brick
	_ = os.Chtimes(h.cfg.Layout.PidFile(s), now, now)
	op, cancel := context.WithTimeout(ctx, attachTimeout)
	defer cancel()
	_, err = h.cfg.BrickOp(op, with.socket, gfrpc.BrickTerminate, s.Path, nil, nil)
	// With its last brick the process ends, perhaps before it has answered.
	if err != nil && !last && !ends(op, with.proc) {
		h.shared.insert(with, s) // still inside, for all we know
		return err
	}
	if last {
		if err := with.proc.Stop(ctx, stopGrace); err != nil {
			return err
		}
		return process.Clean(process.Spec{Name: "brick " + s.String(), Socket: with.socket})
	}
	return h.left(ctx, s, with.proc)
}

// left waits until a process has let go of a brick's directory: it does so once the last client of the brick is gone.
func (h *Host) left(ctx context.Context, s Spec, p *process.Process) error {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		open, err := openDirs(p.Pid())
		if errors.Is(err, process.ErrNotRunning) || err == nil && !open[s.Path] {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("process %d still holds it: %w", p.Pid(), ctx.Err())
		}
	}
}

// endPatience is how long a process whose connection was lost is given to be seen to have ended.
const endPatience = time.Second

// ends reports whether a process has ended, or does so at once: its connections break a moment earlier.
func ends(ctx context.Context, p *process.Process) bool {
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-p.Done():
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return !p.Alive()
}
