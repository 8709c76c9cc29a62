// Package lab lays a pool of hosts on one machine: each peer has network, mount, process, host-name and IPC
// namespaces of its own, a disk of its own and an address on a bridge that only the peers see. Tests, the demo and the
// benchmark run real daemons and real GlusterFS processes in it, as root.
//
// Nothing is named on the machine, so several labs may run side by side. A peer lives as long as its first process
// does, and that ends when its standard input does: however the program that made the lab dies, the kernel ends the
// processes of the peers, and with them their mounts, links and loop devices. The one thing that can stay is the
// folder of the lab; the next lab removes it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// network is the address range of every lab; no two labs and no lab and machine ever meet on a wire.
const network = "10.77.0."

// PoolSecret is the pool-secret of every peer of a lab.
const PoolSecret = "a secret of the lab, nothing more"

// Options describe a lab.
type Options struct {
	// Peers is how many peers are laid; they are named node1, node2, …
	Peers int
	// Bin is the folder of glusterd2 and glustercli.
	Bin string
	// Dir is where the folder of the lab is made; empty means /var/tmp.
	Dir string
	// DiskMiB is the size of each peer's disk, sparse; 0 means 4096.
	DiskMiB int
	// LogLevel is the daemons' log level; empty means debug.
	LogLevel string
	// Config is added to the daemons' configuration, as TOML.
	Config string
}

// Lab is a set of peers. Close ends it.
type Lab struct {
	dir    string
	bridge *space
	peers  []*Peer

	closing sync.Mutex
}

// New lays a lab: it is complete when New returns, with no daemon running yet. ctx bounds the laying only.
func New(ctx context.Context, o Options) (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("a lab needs root: it makes namespaces and mounts")
	}
	if o.Dir == "" {
		o.Dir = "/var/tmp"
	}
	if o.DiskMiB == 0 {
		o.DiskMiB = 4096
	}
	if err := removeLeftovers(o.Dir); err != nil {
		return nil, err
	}
	dir, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir}
	if err := l.lay(ctx, o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) lay(ctx context.Context, o Options) error {
	bin, err := filepath.Abs(o.Bin)
	if err != nil {
		return err
	}
	if l.bridge, err = newBridge(ctx); err != nil {
		return err
	}
	for i := range o.Peers {
		p := &Peer{Name: fmt.Sprintf("node%d", i+1), Addr: address(i), bridge: l.bridge, port: fmt.Sprintf("p%d", i+1)}
		l.peers = append(l.peers, p)
		err := p.lay(ctx, layout{
			Dir: filepath.Join(l.dir, p.Name), Host: p.Name, Bin: bin, DiskMiB: o.DiskMiB, Hosts: hosts(o.Peers),
			Config: config(o.LogLevel) + o.Config,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// config is the glusterd2.toml of a peer. Its address is left to the daemon: the host name leads to it.
func config(level string) string {
	if level == "" {
		level = "debug"
	}
	return fmt.Sprintf("pool-secret = %q\nloglevel = %q\n", PoolSecret, level)
}

func address(i int) string { return fmt.Sprintf("%s%d", network, 11+i) }

func hosts(n int) string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for i := range n {
		fmt.Fprintf(&b, "%s node%d\n", address(i), i+1)
	}
	return b.String()
}

// Peer returns a peer by its number: Peer(1) is node1.
func (l *Lab) Peer(n int) *Peer { return l.peers[n-1] }

// Peers returns all peers in order.
func (l *Lab) Peers() []*Peer { return l.peers }

// Close ends everything that runs in the lab and removes what it left. A lab may be closed twice.
func (l *Lab) Close() error {
	l.closing.Lock()
	defer l.closing.Unlock()
	var errs []error
	for _, p := range l.peers {
		errs = append(errs, p.end())
	}
	if l.bridge != nil {
		errs = append(errs, l.bridge.end())
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

// SaveLogs copies the logs of every peer and of its bricks to dir, one folder for each peer.
func (l *Lab) SaveLogs(dir string) error {
	var errs []error
	for _, p := range l.peers {
		to := filepath.Join(dir, p.Name)
		errs = append(errs, os.MkdirAll(to, 0o755))
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		out, err := exec.CommandContext(ctx, "cp", "-r", p.Path("/var/log/glusterfs")+"/.", to).CombinedOutput()
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("logs of %s: %w: %s", p.Name, err, out))
		}
	}
	return errors.Join(errs...)
}

// Patient is how long to wait for what takes d at most on a machine of its own: GD2_E2E_PATIENCE times that, if it is set, as for an
// emulated one.
func Patient(d time.Duration) time.Duration {
	if times, err := strconv.Atoi(os.Getenv("GD2_E2E_PATIENCE")); err == nil && times > 1 {
		d *= time.Duration(times)
	}
	return d
}

// Eventually calls check until it returns nil, every 25 ms, for at most limit, patiently. It returns the last error then.
func Eventually(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	limit = Patient(limit)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", limit, err)
		case <-tick.C:
		}
	}
}
