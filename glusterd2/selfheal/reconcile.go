package selfheal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"gd2/glusterd2/process"
	"gd2/glusterd2/volgen"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

const (
	// stopGrace is how long the daemon may take to end after SIGTERM.
	stopGrace = 5 * time.Second
	// attachTimeout bounds one attach or detach, which takes milliseconds. A daemon that needs longer hangs for good.
	attachTimeout = 10 * time.Second
	// deathGrace is how long a daemon that has closed its socket may take to be gone.
	deathGrace = time.Second
)

// reconcile makes the world as wanted says.
func (d *Daemon) reconcile(ctx context.Context, wanted []Volume) error {
	err := d.attempt(ctx, wanted)
	switch {
	case err == nil || len(wanted) == 0 || ctx.Err() != nil:
		return err
	case api.IsKind(err, api.Timeout):
		// It is seen to hang for ever, now and then, when volumes go in and out at the same moment.
		d.cfg.Log.WithError(err).Warn("self-heal daemon hangs: it is started again")
		if serr := d.stop(ctx); serr != nil {
			return errors.Join(err, serr)
		}
	case d.died():
		// Its only volume was taken out for a moment, which it does not always survive.
		d.cfg.Log.WithError(err).Info("self-heal daemon ended without a volume: it is started again")
	default:
		return err
	}
	return d.attempt(ctx, wanted)
}

// died reports whether the daemon has ended, or does within a moment.
func (d *Daemon) died() bool {
	p := d.held.Process()
	if p == nil {
		return false // it was not even started
	}
	select {
	case <-p.Done():
		return true
	case <-time.After(deathGrace):
		return false
	}
}

// attempt goes on after a failure, so that one volume does not keep another from being healed. What comes comes before what goes, so
// that the daemon is without any volume as seldom as can be: then it sometimes dies.
func (d *Daemon) attempt(ctx context.Context, wanted []Volume) error {
	if err := d.find(); err != nil {
		return err
	}
	if len(wanted) == 0 {
		return d.stop(ctx)
	}
	if d.held.Process() == nil {
		if err := d.start(ctx, wanted[0]); err != nil {
			return err
		}
	}
	var errs []error
	surplus, missing := d.compare(wanted)
	slices.SortStableFunc(missing, func(a, b Volume) int { return cmp.Compare(count(d.holds(a.Name)), count(d.holds(b.Name))) })
	for _, v := range missing {
		if d.holds(v.Name) { // a volume of another shape goes out first
			if err := d.detach(ctx, v.Name); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		if err := d.attach(ctx, v); err != nil {
			errs = append(errs, err)
		}
	}
	for _, name := range surplus {
		if err := d.detach(ctx, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// find makes sure that the living daemon is held, or nothing if there is none: it may have ended, or have been started by
// an earlier life of gd2.
func (d *Daemon) find() error {
	if d.held.Living() != nil {
		return nil
	}
	d.held.Drop()
	p, volumes, err := adopt(d.cfg)
	if errors.Is(err, process.ErrNotRunning) {
		d.set(nil, "", nil)
		return nil
	}
	if err != nil {
		return api.Errorf(api.Internal, "look for the self-heal daemon: %v", err)
	}
	socket, _ := p.Arg("-S")
	d.set(p, socket, volumes)
	d.cfg.Log.WithField("pid", p.Pid()).WithField("volumes", volumes).Info("self-heal daemon runs already: adopted")
	return nil
}

// start starts the daemon for its first volume.
func (d *Daemon) start(ctx context.Context, v Volume) error {
	if err := d.clean(); err != nil { // what a crash left would look like attached volumes
		return err
	}
	s := d.spec(v.Name)
	p, err := process.Start(ctx, s)
	if err != nil {
		return api.Errorf(api.Unavailable, "%v", err)
	}
	d.set(p, s.Socket, nil)
	d.cfg.Log.WithField("pid", p.Pid()).WithField("volume", v.Name).Info("self-heal daemon started")
	return d.mark(v)
}

// stop ends the daemon and removes what it leaves.
func (d *Daemon) stop(ctx context.Context) error {
	p := d.held.Process()
	if p == nil {
		return d.clean()
	}
	if err := p.Stop(ctx, stopGrace); err != nil {
		return api.Errorf(api.Internal, "stop the self-heal daemon: %v", err)
	}
	d.held.Drop()
	if err := remove(d.socket); err != nil {
		return err
	}
	d.set(nil, "", nil)
	d.cfg.Log.WithField("pid", p.Pid()).Info("self-heal daemon stopped: no volume needs it")
	return d.clean()
}

// attach hands a volume to the running daemon. The daemon answers before the volume's graph is up.
func (d *Daemon) attach(ctx context.Context, v Volume) error {
	pidFile := d.cfg.Layout.SelfHealPidFile(v.Name)
	if err := os.MkdirAll(filepath.Dir(pidFile), 0o755); err != nil {
		return api.Errorf(api.Internal, "attach volume %s to the self-heal daemon: %v", v.Name, err)
	}
	dict := gfrpc.Strings(map[string]string{"pidfile": pidFile})
	if err := d.op(ctx, gfrpc.BrickServiceAttach, v.Name, []byte(v.Volfile), dict); err != nil {
		return fmt.Errorf("attach volume %s to the self-heal daemon: %w", v.Name, err)
	}
	// The pid file is how the next life of gd2 knows what is attached. The daemon writes it too, but only later.
	text := strconv.Itoa(d.held.Process().Pid()) + "\n"
	if err := os.WriteFile(pidFile, []byte(text), 0o644); err != nil { //nolint:gosec // as the daemon's own
		return api.Errorf(api.Internal, "attach volume %s to the self-heal daemon: %v", v.Name, err)
	}
	return d.mark(v)
}

// detach takes a volume from the running daemon.
func (d *Daemon) detach(ctx context.Context, name string) error {
	if err := d.op(ctx, gfrpc.BrickServiceDetach, name, nil, nil); err != nil {
		return fmt.Errorf("detach volume %s from the self-heal daemon: %w", name, err)
	}
	d.mu.Lock()
	delete(d.attached, name)
	d.mu.Unlock()
	return errors.Join(remove(d.cfg.Layout.SelfHealPidFile(name)), remove(d.shapeFile(name)))
}

func (d *Daemon) op(ctx context.Context, proc uint32, name string, input []byte, dict gfrpc.Dict) error {
	ctx, cancel := context.WithTimeout(ctx, attachTimeout)
	defer cancel()
	_, err := d.cfg.BrickOp(ctx, d.socket, proc, volgen.SelfHealKey(name), input, dict)
	return err
}

// spec returns the daemon as a process: glusterd's arguments in glusterd's order.
func (d *Daemon) spec(name string) process.Spec {
	l := d.cfg.Layout
	s := process.Spec{
		Name: "self-heal daemon", Path: d.cfg.Program, Env: l.Env(), PidFile: l.SelfHealPidFile(name),
		Socket: l.SelfHealSocket(name, d.cfg.PeerID), LogFile: l.SelfHealLog(), Identity: []string{processName},
	}
	s.Args = []string{
		"-s", d.cfg.Host, "--volfile-id", volgen.SelfHealKey(name), "-p", s.PidFile, "-l", s.LogFile, "-S", s.Socket,
		"--xlator-option", "*replicate*.node-uuid=" + d.cfg.PeerID, "--process-name", processName, "--client-pid=-6",
	}
	return s
}

func (d *Daemon) set(p *process.Process, socket string, volumes []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held.Hold(p)
	d.socket, d.attached = socket, map[string]string{}
	for _, v := range volumes {
		text, err := os.ReadFile(d.shapeFile(v))
		if err != nil {
			text = nil // of no shape that is wanted: it is attached again
		}
		d.attached[v] = string(text)
	}
}

// mark notes that a volume is attached, and in which shape: in memory, and for the next life of gd2.
func (d *Daemon) mark(v Volume) error {
	d.mu.Lock()
	text := d.shapeOf(v)
	d.attached[v.Name] = text
	d.mu.Unlock()
	if err := os.WriteFile(d.shapeFile(v.Name), []byte(text), 0o600); err != nil {
		return api.Errorf(api.Internal, "attach volume %s to the self-heal daemon: %v", v.Name, err)
	}
	return nil
}

// holds reports whether a volume is attached, in whatever shape.
func (d *Daemon) holds(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.attached[name]
	return ok
}

// compare tells which volumes are attached and should not be, and which have to be attached, or are in another shape.
func (d *Daemon) compare(wanted []Volume) (surplus []string, missing []Volume) {
	d.mu.Lock()
	defer d.mu.Unlock()
	want := make(map[string]bool, len(wanted))
	for _, v := range wanted {
		want[v.Name] = true
		if attached, ok := d.attached[v.Name]; !ok || attached != d.shapeOf(v) {
			missing = append(missing, v)
		}
	}
	for name := range d.attached {
		if !want[name] {
			surplus = append(surplus, name)
		}
	}
	slices.Sort(surplus)
	return surplus, missing
}

// shapeOf is the shape of a volume's volfile. The caller holds the lock.
func (d *Daemon) shapeOf(v Volume) string {
	if s, ok := d.shapes[v.Name]; ok && s.volfile == v.Volfile {
		return s.shape
	}
	return volgen.Shape(v.Volfile)
}

// shapeFile is where the shape of an attached volume is kept.
func (d *Daemon) shapeFile(name string) string {
	return filepath.Join(filepath.Dir(d.cfg.Layout.SelfHealPidFile(name)), "shape")
}
