package brick

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"gd2/glusterd2/portmap"
	"gd2/glusterd2/process"
	"gd2/glusterd2/volgen"
	"gd2/pkg/api"

	"github.com/sirupsen/logrus"
)

// Program is where glusterfsd is unless Config says otherwise.
const Program = "/usr/sbin/glusterfsd"

const (
	// stopGrace is how long a brick may take to end after SIGTERM. glusterd allows one second; an idle brick needs
	// a few milliseconds, one with dirty files a little more.
	stopGrace = 5 * time.Second
	// signInTimeout bounds the wait for an adopted brick to find us again: it tries every 3 seconds.
	signInTimeout = 30 * time.Second
	// portTries is how many ports are tried when one is taken between our look and the brick's bind.
	portTries = 10
)

// SignIns is what is asked of the port map.
type SignIns interface {
	Wait(ctx context.Context, brick string) (portmap.Entry, error)
	Entry(brick string) (portmap.Entry, bool)
}

var _ SignIns = (*portmap.Map)(nil)

// Config says how bricks run on this host.
type Config struct {
	// PeerID is this peer's id; bricks tell it to self-heal daemons, which so know the local ones.
	PeerID string
	Layout Layout
	// Program is the path of glusterfsd; empty means Program.
	Program string
	SignIns SignIns
	Ports   *Ports
	Log     *logrus.Entry
	// StartTimeout bounds the start of one brick; 0 means process.DefaultTimeout.
	StartTimeout time.Duration
}

// Host runs bricks. Its methods may be called from many goroutines; two calls for one brick take turns.
type Host struct {
	cfg    Config
	mu     sync.Mutex
	bricks map[string]*instance // by path
}

// Running is a brick that serves.
type Running struct {
	Pid  int `json:"pid"`
	Port int `json:"port"`
}

// instance is one brick's process, as far as we know it.
type instance struct {
	turn chan struct{} // holds one token; whoever has it may change proc
	mu   sync.Mutex
	proc *process.Process
	// held is set when the brick was stopped on purpose, until somebody says again that it should run.
	held bool
}

// NewHost returns a Host that knows no bricks yet: those that run already are adopted when they are asked for.
func NewHost(cfg Config) *Host {
	if cfg.Program == "" {
		cfg.Program = Program
	}
	return &Host{cfg: cfg, bricks: map[string]*instance{}}
}

// Close ends the watch over the bricks, which go on serving. Nobody may be using the Host any more.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, b := range h.bricks {
		if p := b.process(); p != nil {
			errs = append(errs, p.Close())
			b.set(nil)
		}
	}
	return errors.Join(errs...)
}

// Start makes sure that the brick runs and has signed in at the port map. One that runs already is adopted. Errors are
// *api.Error; nothing is left running by a start that failed.
func (h *Host) Start(ctx context.Context, s Spec) (Running, error) {
	b := h.instance(s.Path)
	if err := b.lock(ctx, s); err != nil {
		return Running{}, err
	}
	defer b.unlock()
	p, err := h.ensure(ctx, b, s)
	if err != nil {
		return Running{}, err
	}
	b.hold(false)
	return h.signedIn(ctx, s, p)
}

// Stop makes sure that the brick does not run, and waits until it has ended. Its pid file and socket go too.
func (h *Host) Stop(ctx context.Context, s Spec) error {
	b := h.instance(s.Path)
	if err := b.lock(ctx, s); err != nil {
		return err
	}
	defer b.unlock()
	b.hold(true)
	p, err := h.adopt(b, s)
	if err != nil && !errors.Is(err, process.ErrNotRunning) {
		return api.Errorf(api.Internal, "stop brick %s: %v", s, err)
	}
	if err == nil {
		if err := p.Stop(ctx, stopGrace); err != nil {
			return api.Errorf(api.Internal, "stop brick %s: %v", s, err)
		}
		b.set(nil)
		h.cfg.Log.WithFields(fields(s)).WithField("pid", p.Pid()).Info("brick stopped")
	}
	if err := process.Clean(h.spec(s, 0)); err != nil {
		return api.Errorf(api.Internal, "%v", err)
	}
	return nil
}

// Process returns the brick's process if it runs. The caller must not close it. A brick that is just being started or
// stopped does not count as running.
func (h *Host) Process(s Spec) (*process.Process, bool) {
	p, err := h.find(s)
	return p, err == nil
}

// errBusy says that a brick is just being started or stopped.
var errBusy = errors.New("its process is being started or stopped")

// find returns the brick's process if it runs, without waiting.
func (h *Host) find(s Spec) (*process.Process, error) {
	b := h.instance(s.Path)
	if p := b.process(); p != nil && p.Alive() {
		return p, nil
	}
	select {
	case <-b.turn:
		defer b.unlock()
		return h.adopt(b, s)
	default:
		return nil, errBusy
	}
}

// signedIn waits for the brick's sign-in, or its end.
func (h *Host) signedIn(ctx context.Context, s Spec, p *process.Process) (Running, error) {
	ctx, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	go func() {
		select {
		case <-p.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	e, err := h.cfg.SignIns.Wait(ctx, s.Path)
	if err == nil {
		return Running{Pid: p.Pid(), Port: e.Port}, nil
	}
	if !p.Alive() {
		return Running{}, api.Errorf(api.Unavailable, "brick %s ended right after its start; its log is %s", s, h.cfg.Layout.LogFile(s))
	}
	return Running{}, api.Errorf(api.Timeout, "brick %s runs as process %d but did not sign in with this daemon: %v", s, p.Pid(), err)
}

// ensure returns the brick's process, adopted or started. The caller has the turn.
func (h *Host) ensure(ctx context.Context, b *instance, s Spec) (*process.Process, error) {
	p, err := h.adopt(b, s)
	if err == nil {
		return p, nil
	}
	if !errors.Is(err, process.ErrNotRunning) {
		return nil, api.Errorf(api.Internal, "brick %s: %v", s, err)
	}
	p, port, err := h.spawn(ctx, s)
	if err != nil {
		return nil, err
	}
	b.set(p)
	h.cfg.Log.WithFields(fields(s)).WithFields(logrus.Fields{"pid": p.Pid(), "port": port}).Info("brick started")
	return p, nil
}

// adopt returns the brick's process if it runs. The caller has the turn.
func (h *Host) adopt(b *instance, s Spec) (*process.Process, error) {
	if p := b.process(); p != nil && p.Alive() {
		return p, nil
	}
	p, err := process.Adopt(h.spec(s, 0))
	if err != nil {
		b.set(nil)
		return nil, err
	}
	b.set(p)
	h.cfg.Log.WithFields(fields(s)).WithField("pid", p.Pid()).Info("brick runs already: adopted")
	return p, nil
}

// spawn starts the brick on the first port that it gets.
func (h *Host) spawn(ctx context.Context, s Spec) (*process.Process, int, error) {
	from := 0
	for try := 1; ; try++ {
		port, release, err := h.cfg.Ports.Take(ctx, from)
		if err != nil {
			return nil, 0, err
		}
		p, err := process.Start(ctx, h.spec(s, port))
		release()
		if err == nil {
			return p, port, nil
		}
		var failed *process.StartError
		if !errors.As(err, &failed) || !failed.AddressInUse() || try == portTries {
			return nil, 0, startError(err)
		}
		from = port + 1
	}
}

// startError gives the failure of a start its kind: what may pass if it is tried again is Unavailable.
func startError(err error) error {
	var failed *process.StartError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.Timeout, "%v", err)
	case errors.As(err, &failed) && (failed.Unreachable() || failed.NoVolfile() || failed.AddressInUse()):
		return api.Errorf(api.Unavailable, "%v", err)
	}
	return api.Errorf(api.Internal, "%v", err)
}

// spec returns the brick as a process: glusterd's arguments in glusterd's order.
func (h *Host) spec(s Spec, port int) process.Spec {
	l, key, p := h.cfg.Layout, volgen.BrickKey(s.VolumeName, s.Host, s.Path), strconv.Itoa(port)
	return process.Spec{
		Name: "brick " + s.String(), Path: h.cfg.Program, Env: l.Env(), Timeout: h.cfg.StartTimeout,
		PidFile: l.PidFile(s), Socket: l.Socket(s), LogFile: l.LogFile(s), Identity: []string{key, s.Path},
		Args: []string{
			"-s", s.Host, "--volfile-id", key, "-p", l.PidFile(s), "-S", l.Socket(s), "--brick-name", s.Path,
			"-l", l.LogFile(s), "--xlator-option", "*-posix.glusterd-uuid=" + h.cfg.PeerID, "--process-name", "brick",
			"--brick-port", p, "--xlator-option", s.VolumeName + "-server.listen-port=" + p,
		},
	}
}
