package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
)

// system is a management plane under measurement. The commands are alike; what they print is not.
type system interface {
	name() string
	// cli runs the system's own command on a peer, without questions.
	cli(ctx context.Context, peer int, args ...string) (string, error)
	// start and stop start and stop one peer's daemon; start may return before the daemon answers.
	start(ctx context.Context, peer int) error
	stop(ctx context.Context, peer int) error
	// detach takes node2 out of the pool and makes it fit to be probed again.
	detach(ctx context.Context) error
	// connected counts the peers that a peer sees as connected, itself included.
	connected(ctx context.Context, peer int) (int, error)
	// online counts the bricks of a volume that are online.
	online(ctx context.Context, volume string) (int, error)
	// pidFile is where the daemon keeps its process id.
	pidFile() string
}

// gd2 is what this repository builds.
type gd2 struct{ lab *lab.Lab }

func newGD2(l *lab.Lab) system { return gd2{l} }

func (g gd2) name() string    { return "gd2" }
func (g gd2) pidFile() string { return "/run/glusterd2/glusterd2.pid" }

func (g gd2) cli(ctx context.Context, peer int, args ...string) (string, error) {
	return g.lab.Peer(peer).CLI(ctx, args...)
}

func (g gd2) start(ctx context.Context, peer int) error { return g.lab.Peer(peer).Launch(ctx) }
func (g gd2) stop(ctx context.Context, peer int) error  { return g.lab.Peer(peer).Stop(ctx) }

func (g gd2) detach(ctx context.Context) error {
	if _, err := g.cli(ctx, 1, "peer", "detach", "node2"); err != nil {
		return err
	}
	// node2 learns a moment later that it is out, and can be reset from then on.
	err := lab.Eventually(ctx, patience, func(ctx context.Context) error {
		_, err := g.cli(ctx, 2, "peer", "reset")
		return err
	})
	select {
	case <-time.After(rest):
	case <-ctx.Done():
	}
	return err
}

// rest is what gd2 needs between probes: a peer answers two calls a second of those that have not proved who they are,
// and a probe is three.
const rest = 2 * time.Second

func (g gd2) connected(ctx context.Context, peer int) (int, error) {
	var peers []api.Peer
	if err := g.ask(ctx, peer, &peers, "peer", "list"); err != nil {
		return 0, err
	}
	n := 0
	for _, p := range peers {
		if p.Online {
			n++
		}
	}
	return n, nil
}

func (g gd2) online(ctx context.Context, volume string) (int, error) {
	var status api.VolumeStatus
	if err := g.ask(ctx, 1, &status, "volume", "status", volume); err != nil {
		return 0, err
	}
	n := 0
	for _, b := range status.Bricks {
		if b.Online {
			n++
		}
	}
	return n, nil
}

func (g gd2) ask(ctx context.Context, peer int, answer any, args ...string) error {
	out, err := g.cli(ctx, peer, append([]string{"-o", "json"}, args...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), answer); err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return nil
}

// glusterd is the C daemon of the Debian package.
type glusterd struct{ lab *lab.Lab }

func newGlusterd(l *lab.Lab) system { return glusterd{l} }

func (g glusterd) name() string    { return "glusterd" }
func (g glusterd) pidFile() string { return "/run/glusterd.pid" }

func (g glusterd) cli(ctx context.Context, peer int, args ...string) (string, error) {
	return g.lab.Peer(peer).Run(ctx, append([]string{"gluster", "--mode=script"}, args...)...)
}

func (g glusterd) start(ctx context.Context, peer int) error {
	_, err := g.lab.Peer(peer).Run(ctx, "glusterd", "-p", g.pidFile())
	return err
}

func (g glusterd) detach(ctx context.Context) error {
	_, err := g.cli(ctx, 1, "peer", "detach", "node2")
	return err
}

func (g glusterd) stop(ctx context.Context, peer int) error {
	const stopAndWait = `pid=$(cat /run/glusterd.pid); kill "$pid"; tail --pid="$pid" -s 0.02 -f /dev/null`
	_, err := g.lab.Peer(peer).Run(ctx, "sh", "-c", stopAndWait)
	return err
}

func (g glusterd) connected(ctx context.Context, peer int) (int, error) {
	out, err := g.cli(ctx, peer, "peer", "status")
	return 1 + strings.Count(out, "Peer in Cluster (Connected)"), err
}

var onlineBrick = regexp.MustCompile(`(?m)^Brick .* Y +\d+ *$`)

func (g glusterd) online(ctx context.Context, volume string) (int, error) {
	out, err := g.cli(ctx, 1, "volume", "status", volume)
	return len(onlineBrick.FindAllString(out, -1)), err
}
