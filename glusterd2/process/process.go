package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a living process on this host, or one that was living. Its methods may be called from many goroutines.
type Process struct {
	pid     int
	started uint64
	argv    []string
	file    *os.File // the pidfd
	conn    syscall.RawConn
	done    chan struct{}
	close   func() error
}

// Open returns the process that has the pid now, if match accepts its command line; otherwise ErrNotRunning.
// Whoever opens a process has to Close it, whether it ended or not.
func Open(pid int, match func(argv []string) bool) (*Process, error) {
	if pid <= 0 {
		return nil, fmt.Errorf("pid %d: %w", pid, ErrNotRunning)
	}
	// The pidfd comes first: what is read of /proc afterwards belongs to the same process if that one still lives at
	// the end, because its pid cannot have been given away before.
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL): // EINVAL: a thread, not a process
		return nil, fmt.Errorf("pid %d: %w", pid, ErrNotRunning)
	case err != nil:
		return nil, fmt.Errorf("watch pid %d: %w", pid, err)
	}
	p := &Process{pid: pid, file: os.NewFile(uintptr(fd), "pidfd"), done: make(chan struct{})}
	p.close = sync.OnceValue(p.file.Close)
	if err := p.identify(match); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	go p.watch()
	return p, nil
}

func (p *Process) identify(match func(argv []string) bool) (err error) {
	gone := fmt.Errorf("pid %d: %w", p.pid, ErrNotRunning)
	if p.conn, err = p.file.SyscallConn(); err != nil {
		return fmt.Errorf("watch pid %d: %w", p.pid, err)
	}
	st, err := readStat(p.pid)
	if err != nil || st.state == 'Z' || st.state == 'X' {
		return gone
	}
	p.started = st.started
	if p.argv, err = readCmdline(p.pid); err != nil || !match(p.argv) {
		return gone
	}
	if err := p.Signal(0); err != nil {
		return gone
	}
	return nil
}

// watch waits on the runtime's own poller until the pidfd is readable, which is when the process has ended. It costs a
// goroutine and no thread.
func (p *Process) watch() {
	if err := p.conn.Read(ended); err == nil {
		close(p.done)
	}
}

// ended reports whether the process of a pidfd has ended. A zombie has: it may stay one for long if the host's first
// process is slow to collect it.
func ended(fd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}

// Pid returns the process's number.
func (p *Process) Pid() int { return p.pid }

// Started returns when the process started, in clock ticks since the host booted.
func (p *Process) Started() uint64 { return p.started }

// Args returns the command line, the program's name first.
func (p *Process) Args() []string { return slices.Clone(p.argv) }

// Arg returns the argument that follows name on the command line, and whether there is one.
func (p *Process) Arg(name string) (string, bool) {
	i := slices.Index(p.argv, name)
	if i < 0 || i+1 >= len(p.argv) {
		return "", false
	}
	return p.argv[i+1], true
}

// Done returns a channel that is closed as soon as the process has ended. After Close it may stay open for ever.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive reports whether the process has not ended yet.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to this very process; to one that ended it gives ErrNotRunning.
func (p *Process) Signal(sig syscall.Signal) error {
	var sent error
	err := p.conn.Control(func(fd uintptr) {
		if sent = unix.ESRCH; !ended(fd) {
			sent = unix.PidfdSendSignal(int(fd), sig, nil, 0)
		}
	})
	if err != nil && p.Alive() {
		return fmt.Errorf("signal pid %d: %w", p.pid, err)
	}
	// The watch over a process that has ended may have been closed.
	if err != nil || errors.Is(sent, unix.ESRCH) {
		return fmt.Errorf("pid %d: %w", p.pid, ErrNotRunning)
	}
	if sent != nil {
		return fmt.Errorf("signal pid %d: %w", p.pid, sent)
	}
	return nil
}

// Stop ends the process and waits until it has ended: SIGTERM first, SIGKILL if it is still there after grace.
// When ctx ends first, Stop returns its cause and sends nothing more: a process that has SIGTERM may still end by itself.
func (p *Process) Stop(ctx context.Context, grace time.Duration) error {
	if err := p.signalIfAlive(unix.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	case <-ctx.Done():
		return p.notEnded(ctx)
	}
	if err := p.signalIfAlive(unix.SIGKILL); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return p.notEnded(ctx)
	}
}

func (p *Process) notEnded(ctx context.Context) error {
	return fmt.Errorf("pid %d has not ended yet: %w", p.pid, context.Cause(ctx))
}

func (p *Process) signalIfAlive(sig syscall.Signal) error {
	if err := p.Signal(sig); !errors.Is(err, ErrNotRunning) {
		return err
	}
	return nil
}

// Close ends the watch. It does nothing to the process itself.
func (p *Process) Close() error { return p.close() }
