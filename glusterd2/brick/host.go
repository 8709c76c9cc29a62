package brick

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"gd2/glusterd2/portmap"
	"gd2/glusterd2/process"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"

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
	// Found tells the port map of a brick that serves in a process that was there before this daemon, Lost that the process has ended.
	Found(brick string, port, pid int)
	Lost(pid int)
}

// Attachments is told of bricks that come into running processes and leave them, since the processes do not tell: which
// brick, by its path; under which key it will ask for its volfile; which text it has now; in which process.
type Attachments interface {
	Attached(brick, key, volfile string, pid int)
	Detached(brick, key string, pid int)
}

var _ SignIns = (*portmap.Map)(nil)

// Config says how bricks run on this host.
type Config struct {
	// PeerID is this peer's id; bricks tell it to self-heal daemons, which so know the local ones.
	PeerID string
	Layout Layout
	// Program is the path of glusterfsd; empty means Program.
	Program string
	// Address is the only IP address on which bricks listen; empty means every address.
	Address string
	SignIns SignIns
	Ports   *Ports
	// Multiplex says how bricks that are started now share processes; nil means not at all.
	Multiplex func() Multiplex
	// Volfile returns the text that a brick gets for its key. It, BrickOp and Attachments are needed for bricks that share
	// a process.
	Volfile     func(Spec) (string, error)
	BrickOp     gfrpc.BrickOpFunc
	Attachments Attachments
	Log         *logrus.Entry
	// StartTimeout bounds the start of one brick; 0 means process.DefaultTimeout.
	StartTimeout time.Duration
}

// Host runs bricks. Its methods may be called from many goroutines; two calls for one brick take turns.
type Host struct {
	cfg    Config
	shared *sharedSet
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
	if cfg.Multiplex == nil {
		cfg.Multiplex = func() Multiplex { return Multiplex{} }
	}
	return &Host{cfg: cfg, shared: newSharedSet(cfg.SignIns.Lost), bricks: map[string]*instance{}}
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
	h.shared.close()
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
	if errors.Is(err, errBusy) {
		return api.Errorf(api.Unavailable, "stop brick %s: %v", s, err)
	}
	if err != nil && !errors.Is(err, process.ErrNotRunning) {
		return api.Errorf(api.Internal, "stop brick %s: %v", s, err)
	}
	if err == nil {
		if err := h.end(ctx, s, p); err != nil {
			return api.Errorf(api.Internal, "stop brick %s: %v", s, err)
		}
		b.set(nil)
		h.cfg.Log.WithFields(fields(s)).WithField("pid", p.Pid()).Info("brick stopped")
	}
	if err := h.clean(s); err != nil {
		return api.Errorf(api.Internal, "%v", err)
	}
	return nil
}

// end ends a brick's process, or takes the brick out of it if there are others inside.
func (h *Host) end(ctx context.Context, s Spec, p *process.Process) error {
	if with, ok := h.shared.of(s.Path); ok {
		return h.detach(ctx, s, with)
	}
	if err := p.Stop(ctx, stopGrace); err != nil {
		return err
	}
	// Mostly it is that which clean removes: see freeSocket.
	socket, _ := p.Arg("-S")
	return process.Clean(process.Spec{Name: "brick " + s.String(), Socket: socket})
}

// clean removes what a brick leaves behind. A socket that is named after it may belong to a process that lives on.
func (h *Host) clean(s Spec) error {
	left := process.Spec{Name: "brick " + s.String(), PidFile: h.cfg.Layout.PidFile(s), Socket: h.cfg.Layout.Socket(s)}
	if h.shared.taken(left.Socket) {
		left.Socket = ""
	}
	return process.Clean(left)
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
	go h.waitWith(ctx, cancel, s, p)
	e, err := h.cfg.SignIns.Wait(ctx, s.Path)
	if err == nil {
		return Running{Pid: p.Pid(), Port: e.Port}, nil
	}
	if !p.Alive() {
		return Running{}, api.Errorf(api.Unavailable, "brick %s ended right after its start; its log is %s", s, h.cfg.Layout.LogFile(s))
	}
	return Running{}, api.Errorf(api.Timeout, "brick %s runs as process %d but did not sign in with this daemon: %v", s, p.Pid(), err)
}

// waitWith ends a wait for a brick's sign-in when its process ends. In a process that connects to this daemon just now
// a brick that was attached a moment ago may be missing among those that it signs in.
func (h *Host) waitWith(ctx context.Context, cancel context.CancelFunc, s Spec, p *process.Process) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if with, ok := h.shared.of(s.Path); ok {
				h.announce(s, with)
			}
		case <-p.Done():
			cancel()
			return
		case <-ctx.Done():
			return
		}
	}
}

// ensure returns the brick's process, adopted or started. The caller has the turn.
func (h *Host) ensure(ctx context.Context, b *instance, s Spec) (*process.Process, error) {
	p, err := h.adopt(b, s)
	if err == nil {
		return p, nil
	}
	if errors.Is(err, errBusy) {
		return nil, api.Errorf(api.Unavailable, "brick %s: %v", s, err)
	}
	if !errors.Is(err, process.ErrNotRunning) {
		return nil, api.Errorf(api.Internal, "brick %s: %v", s, err)
	}
	if m := h.cfg.Multiplex(); m.On {
		p, err = h.join(ctx, s, m.Max)
	} else {
		p, err = h.spawn(ctx, s, false)
	}
	if err != nil {
		return nil, err
	}
	b.set(p)
	return p, nil
}

// adopt returns the brick's process if it runs. The caller has the turn.
func (h *Host) adopt(b *instance, s Spec) (*process.Process, error) {
	if p := b.process(); p != nil && p.Alive() {
		return p, nil
	}
	p, err := h.running(s)
	if err != nil {
		b.set(nil)
		return nil, err
	}
	b.set(p)
	h.cfg.Log.WithFields(fields(s)).WithField("pid", p.Pid()).Info("brick runs already: adopted")
	return p, nil
}

// running opens the process that the brick runs in: one that it shares, or one of its own.
func (h *Host) running(s Spec) (*process.Process, error) {
	if err := h.discover(); err != nil {
		return nil, err
	}
	with, ok := h.shared.of(s.Path)
	if !ok {
		var err error
		if with, err = h.unsure(s); err != nil && !errors.Is(err, process.ErrNotRunning) {
			return nil, err
		}
	}
	if with != nil {
		return process.Open(with.proc.Pid(), h.isShared)
	}
	p, err := process.Adopt(h.spec(s, 0, false))
	if err == nil && h.isShared(p.Args()) { // it was started for this brick, which has left it
		return nil, errors.Join(process.ErrNotRunning, p.Close())
	}
	return p, err
}

// spawn starts the brick on the first port that it gets, in a process that takes others in if it is to be shared.
func (h *Host) spawn(ctx context.Context, s Spec, share bool) (*process.Process, error) {
	from := 0
	for try := 1; ; try++ {
		port, release, err := h.cfg.Ports.Take(ctx, from)
		if err != nil {
			return nil, err
		}
		p, err := process.Start(ctx, h.spec(s, port, share))
		release()
		if err == nil {
			h.cfg.Log.WithFields(fields(s)).WithFields(logrus.Fields{"pid": p.Pid(), "port": port}).Info("brick started")
			return p, nil
		}
		var failed *process.StartError
		if !errors.As(err, &failed) || !failed.AddressInUse() || try == portTries {
			return nil, startError(err)
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
func (h *Host) spec(s Spec, port int, share bool) process.Spec {
	l, key, p := h.cfg.Layout, s.key(), strconv.Itoa(port)
	out := process.Spec{
		Name: "brick " + s.String(), Path: h.cfg.Program, Env: l.Env(), Timeout: h.cfg.StartTimeout,
		PidFile: l.PidFile(s), Socket: h.freeSocket(s), LogFile: l.LogFile(s), Identity: []string{key, s.Path},
	}
	out.Args = []string{
		"-s", s.Host, "--volfile-id", key, "-p", out.PidFile, "-S", out.Socket, "--brick-name", s.Path,
		"-l", out.LogFile, "--xlator-option", "*-posix.glusterd-uuid=" + h.cfg.PeerID, "--process-name", "brick",
		"--brick-port", p, "--xlator-option", s.VolumeName + "-server.listen-port=" + p,
	}
	if h.cfg.Address != "" {
		out.Args = append(out.Args, "--xlator-option", s.VolumeName+"-server.transport.socket.bind-address="+h.cfg.Address)
	}
	if share {
		out.Args = append(out.Args, flagShared)
	}
	return out
}

// freeSocket is the path of the socket for a process that is started for the brick. It is glusterd's unless a process
// that was started for the brick before, and has others inside, has it still.
func (h *Host) freeSocket(s Spec) string {
	socket := h.cfg.Layout.Socket(s)
	for n := 2; h.shared.taken(socket); n++ {
		socket = h.cfg.Layout.hashed(fmt.Sprintf("%s-%d", h.cfg.Layout.Socket(s), n))
	}
	return socket
}
