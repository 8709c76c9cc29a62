package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"gd2/pkg/client"
)

// Socket is where a daemon answers local requests, on the peer.
const Socket = "/run/glusterd2/glusterd2.socket"

// Limits of what a daemon may take, far beyond what it should.
const (
	startLimit = 30 * time.Second
	stopLimit  = 30 * time.Second
)

// daemon is a running glusterd2.
type daemon struct {
	cmd  *exec.Cmd // nsenter, whose only child is the daemon
	done chan struct{}
	err  error // valid once done is closed
}

// Start starts the daemon and waits until it is ready to serve requests.
func (p *Peer) Start(ctx context.Context) error {
	if err := p.Launch(ctx); err != nil {
		return err
	}
	return p.WaitReady(ctx)
}

// Launch starts the daemon without waiting for it.
func (p *Peer) Launch(context.Context) error {
	if p.Running() {
		return fmt.Errorf("the daemon of %s runs already", p.Name)
	}
	out, err := os.OpenFile(p.DaemonLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := p.Command(context.Background(), "glusterd2") // it outlives the caller's context
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	d := &daemon{cmd: cmd, done: make(chan struct{})}
	go func() {
		d.err = cmd.Wait()
		close(d.done)
	}()
	p.daemon = d
	return nil
}

// WaitReady waits until the daemon says that it is ready, or has ended.
func (p *Peer) WaitReady(ctx context.Context) error {
	c, err := p.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	gone := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.daemon.done:
			gone <- fmt.Errorf("the daemon of %s ended: %w; its log is %s", p.Name, p.daemon.err, p.DaemonLog())
			cancel()
		case <-ctx.Done():
		}
	}()
	err = Eventually(ctx, startLimit, func(ctx context.Context) error {
		h, err := c.Ready(ctx)
		if err == nil && !h.OK {
			err = fmt.Errorf("not ready: %v", h.Checks)
		}
		return err
	})
	select {
	case dead := <-gone:
		return dead
	default:
	}
	if err != nil {
		return fmt.Errorf("the daemon of %s: %w", p.Name, err)
	}
	return nil
}

// Running tells whether the daemon runs.
func (p *Peer) Running() bool {
	if p.daemon == nil {
		return false
	}
	select {
	case <-p.daemon.done:
		return false
	default:
		return true
	}
}

// DaemonLog is the log of the daemon, as a path on the machine.
func (p *Peer) DaemonLog() string { return p.Path("/var/log/glusterfs/glusterd2.log") }

// Stop stops the daemon in order, as systemd would, and waits until it has ended.
func (p *Peer) Stop(ctx context.Context) error {
	return p.signal(ctx, syscall.SIGTERM)
}

// KillDaemon ends the daemon without a chance to clean up, and waits until it has.
func (p *Peer) KillDaemon(ctx context.Context) error {
	err := p.signal(ctx, syscall.SIGKILL)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // that is what was asked for
	}
	return err
}

func (p *Peer) signal(ctx context.Context, sig syscall.Signal) error {
	if !p.Running() {
		return fmt.Errorf("the daemon of %s does not run", p.Name)
	}
	pid, err := p.DaemonPID(ctx)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return err
	}
	limit := time.NewTimer(Patient(stopLimit))
	defer limit.Stop()
	select {
	case <-p.daemon.done:
		return p.daemon.err
	case <-limit.C:
		return fmt.Errorf("the daemon of %s still runs %v after %v", p.Name, stopLimit, sig)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DaemonPID is the process id of the daemon as the machine sees it.
func (p *Peer) DaemonPID(ctx context.Context) (int, error) {
	var pid int
	err := Eventually(ctx, startLimit, func(context.Context) error {
		kids, err := children(p.daemon.cmd.Process.Pid)
		if err == nil && len(kids) != 1 {
			err = fmt.Errorf("nsenter has %d children", len(kids))
		}
		if err == nil {
			pid = kids[0]
		}
		return err
	})
	return pid, err
}

// Client is a client of the daemon by its local socket, as root on the peer has it. The caller closes it.
func (p *Peer) Client() (*client.Client, error) {
	return client.New(client.Config{Endpoints: []string{"unix://" + p.Path(Socket)}})
}

// Mount mounts a volume on the peer at /mnt/<volume>, through the daemon at server (a host name; empty means the
// peer itself), and returns the folder's path on the machine.
func (p *Peer) Mount(ctx context.Context, server, volume string, options ...string) (string, error) {
	if server == "" {
		server = p.Name
	}
	dir := filepath.Join("/mnt", volume)
	if err := os.MkdirAll(p.Path(dir), 0o755); err != nil {
		return "", err
	}
	argv := []string{"mount", "-t", "glusterfs"}
	for _, o := range options {
		argv = append(argv, "-o", o)
	}
	_, err := p.Run(ctx, append(argv, server+":/"+volume, dir)...)
	return p.Path(dir), err
}

// Unmount unmounts a volume that Mount mounted.
func (p *Peer) Unmount(ctx context.Context, volume string) error {
	_, err := p.Run(ctx, "umount", filepath.Join("/mnt", volume))
	return err
}
