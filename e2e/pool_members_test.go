package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// roles counts the parts that peers have in the store, as peer n sees them.
func (p pool) roles(ctx context.Context, n int) (map[string]int, error) {
	c, err := p.Peer(n).Client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := c.Status(ctx)
	out := map[string]int{}
	for _, m := range s.Store.Members {
		out[m.Role]++
	}
	return out, err
}

// waitRoles waits until the store has as many voters and learners as it should, as peer n sees it.
func (p pool) waitRoles(n, voters, learners int) {
	p.t.Helper()
	p.eventually(90*time.Second, func(ctx context.Context) error {
		got, err := p.roles(ctx, n)
		if err == nil && (got["voter"] != voters || got["learner"] != learners) {
			err = fmt.Errorf("%s sees %v, want %d voters and %d learners", p.Peer(n).Name, got, voters, learners)
		}
		return err
	})
}

// TestTwoPeers shows what two peers can promise: the loss of the one that does not vote stops nothing, the loss of the
// voter stops changes but no brick, and one command on the survivor brings everything back.
func TestTwoPeers(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, 1)
	p.waitRoles(1, 1, 1)
	status := p.create("gv0", "replica", "2", "node1:/srv/gv0", "node2:/srv/gv0")
	p.cli("volume", "set", "gv0", "network.ping-timeout", "3", "cluster.heal-timeout", "5")
	mount, err := p.Peer(3).Mount(t.Context(), "node1", "gv0", "backup-volfile-servers=node2")
	p.must(err)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	p.must(p.Peer(2).KillDaemon(t.Context()))
	p.cli("volume", "set", "gv0", "performance.cache-size", "64MB")
	p.must(p.Peer(2).Start(t.Context()))
	p.waitOnline(2)
	p.waitRoles(2, 1, 1)

	p.must(p.Peer(1).KillDaemon(t.Context()))
	p.saysNoQuorum(2)
	p.refused(2, []string{"quorum"}, "volume", "set", "gv0", "performance.cache-size", "32MB")
	w.waitMore(p, 20, 30*time.Second)
	p.must(p.Peer(1).Start(t.Context()))
	p.waitOnline(2)
	p.cliOn(2, "volume", "set", "gv0", "performance.cache-size", "16MB")
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 2)
	p.healed(mount, status)
	p.loseTheVoter()
}

// TestReAdd takes a peer out of the pool and brings the same host in again.
func TestReAdd(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	p.create("gv0", "node3:/srv/gv0")
	p.refused(1, []string{"gv0", "node3"}, "peer", "detach", "node3")
	p.refused(1, []string{"gv0", "node3"}, "peer", "detach", "node3", "--force")
	p.cli("volume", "stop", "gv0")
	p.cli("volume", "delete", "gv0")
	old := p.certificate(3)
	p.cli("peer", "detach", "node3")
	p.waitRoles(1, 1, 1)
	p.foreign(3, "the certificate of a detached peer", presenting(&old))

	// It keeps to itself until its operator says that its past is over.
	p.refused(1, []string{"node3", "reset"}, "peer", "probe", "node3")
	p.refused(3, []string{"reset"}, "volume", "create", "own", "node3:/srv/own")
	p.must(p.Peer(3).Stop(t.Context()))
	p.must(p.Peer(3).Launch(t.Context()))
	p.eventually(30*time.Second, func(ctx context.Context) error {
		out, err := p.Peer(3).CLI(ctx, "status")
		if said := out + fmt.Sprint(err); !strings.Contains(said, "reset") {
			err = fmt.Errorf("status of a detached peer: %s", said)
			return err
		}
		return nil
	})
	p.reset(3)
	p.must(p.Peer(3).WaitReady(t.Context()))
	if got := p.poolSize(3); got != 1 {
		t.Errorf("node3 is in a pool of %d after its reset", got)
	}
	p.cli("peer", "probe", "node3")
	p.waitOnline(3)
	p.waitVoters(3)
	p.create("gv1", append([]string{"replica", "3"}, p.bricks("gv1", 3)...)...)
}

// loseTheVoter ends node1 for good. node2 has everything that the pool knows; it goes on alone when it is told to.
func (p pool) loseTheVoter() {
	p.t.Helper()
	p.must(p.Peer(1).KillDaemon(p.t.Context()))
	p.must(p.Peer(2).Stop(p.t.Context()))
	out, err := p.Peer(2).Run(p.t.Context(), "glusterd2", "recover", "--force-new-pool", "--dry-run")
	p.must(err)
	p.t.Logf("what would be done:\n%s", out)
	_, err = p.Peer(2).Run(p.t.Context(), "glusterd2", "recover", "--force-new-pool", "--yes")
	p.must(err)
	p.must(p.Peer(2).Start(p.t.Context()))
	p.cliOn(2, "volume", "set", "gv0", "performance.cache-size", "8MB")
	if out := p.cliOn(2, "volume", "info", "gv0"); !strings.Contains(out, "node1:/srv/gv0") {
		p.t.Errorf("the volume is not as it was:\n%s", out)
	}
	// If node1 comes back after all, it finds the pool that was brought back, and follows.
	p.must(p.Peer(1).Start(p.t.Context()))
	p.waitOnline(2)
	p.waitRoles(1, 1, 1)
	p.cli("volume", "set", "gv0", "performance.cache-size", "4MB")
}
