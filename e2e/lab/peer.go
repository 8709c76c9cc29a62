package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Peer is one host of a lab.
type Peer struct {
	// Name is the host name, which every peer resolves.
	Name string
	// Addr is the IP address.
	Addr string

	space  *space
	bridge *space
	port   string // the bridge's end of the peer's link
	daemon *daemon
}

// peerFlags are the namespaces of a peer.
const peerFlags = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

func (p *Peer) lay(ctx context.Context, l layout) (err error) {
	if p.space, err = newSpace(ctx, peerFlags, l); err != nil {
		return err
	}
	err = p.bridge.ip(ctx,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", p.port, p.space.pid()),
		fmt.Sprintf("link set %s master br0 up", p.port))
	if err != nil {
		return err
	}
	return p.space.ip(ctx, "link set lo up", "addr add "+p.Addr+"/24 dev eth0", "link set eth0 up")
}

func (p *Peer) end() error {
	if p.space == nil {
		return nil
	}
	if err := p.space.end(); err != nil {
		return err
	}
	if p.daemon != nil {
		<-p.daemon.done
	}
	return nil
}

// LinkDown cuts the peer off from the others; LinkUp ends that.
func (p *Peer) LinkDown(ctx context.Context) error {
	return p.bridge.ip(ctx, "link set "+p.port+" down")
}

// LinkUp joins the peer to the others again.
func (p *Peer) LinkUp(ctx context.Context) error { return p.bridge.ip(ctx, "link set "+p.port+" up") }

// Path is the name on the machine of a file of the peer: os.ReadFile(p.Path("/srv/gv0/x")) reads a file of a brick,
// and below /mnt a file of a mounted volume.
func (p *Peer) Path(name string) string {
	// A link in the peer's files would be followed in those of the machine.
	if rest, ok := strings.CutPrefix(name, "/var/run/"); ok {
		name = "/run/" + rest
	}
	return filepath.Join("/proc", strconv.Itoa(p.space.pid()), "root", name)
}

// PID is the process id, on the machine, of the peer's first process: nsenter -t PID -a enters the peer.
func (p *Peer) PID() int { return p.space.pid() }

// Command is a command that runs on the peer. It does not get the terminal's signals.
func (p *Peer) Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(p.space.pid()), "-m", "-n", "-p", "-u", "-i", "--"}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}
	cmd.Dir = "/"
	return cmd
}

// ExitError is a command that ended with a code other than 0.
type ExitError struct {
	Argv           []string
	Code           int
	Stdout, Stderr string
}

// Error shows the command, its code and what it said.
func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exit code %d: %s%s", strings.Join(e.Argv, " "), e.Code, e.Stdout, e.Stderr)
}

// Run runs a command on the peer and returns its standard output. A code other than 0 is an *ExitError.
func (p *Peer) Run(ctx context.Context, argv ...string) (string, error) {
	cmd := p.Command(ctx, argv...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.String(), &ExitError{Argv: argv, Code: exit.ExitCode(), Stdout: out.String(), Stderr: complaint.String()}
	}
	if err != nil {
		return out.String(), fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return out.String(), nil
}

// CLI runs glustercli on the peer, which answers every question with yes.
func (p *Peer) CLI(ctx context.Context, args ...string) (string, error) {
	return p.Run(ctx, append([]string{"glustercli", "--yes"}, args...)...)
}

// Kill9 ends a process of the peer, by the id that it has there, without a chance to clean up.
func (p *Peer) Kill9(ctx context.Context, pid int) error {
	if pid <= 1 {
		return fmt.Errorf("%d is not a process to kill", pid)
	}
	_, err := p.Run(ctx, "/bin/kill", "-9", strconv.Itoa(pid))
	return err
}

// DialContext connects from within the peer's network, as a program on the peer would: for http.Transport and others.
func (p *Peer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	var conn net.Conn
	err := p.inNetwork(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// Listen listens within the peer's network, for servers that the test itself runs there.
func (p *Peer) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	var l net.Listener
	err := p.inNetwork(func() (err error) {
		l, err = new(net.ListenConfig).Listen(ctx, network, addr)
		return err
	})
	return l, err
}

// inNetwork runs f in a thread that is in the peer's network. A socket stays in the network that it was made in.
// f must not resolve names or race dials in other goroutines: an IP address is dialled in the caller's thread.
func (p *Peer) inNetwork(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is not unlocked, so it ends with the goroutine and no other code ever runs in the wrong network.
		runtime.LockOSThread()
		ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.space.pid()))
		if err != nil {
			done <- err
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("network of %s: %w", p.Name, err)
			return
		}
		done <- f()
	}()
	return <-done
}
