package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// storeDir is where a daemon keeps its member of the store.
const storeDir = "/var/lib/glusterd2/store"

// TestDiskFull fills the disk of the store, of a follower first and then of the leader, under load, and frees it again:
// the pool goes on, the peer says what is wrong and mends itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 4})
	for n := 1; n <= 3; n++ {
		p.must(p.Peer(n).SmallDisk(t.Context(), storeDir, 384))
	}
	p.members = 3
	p.startAll(3)
	p.cli("peer", "probe", "node2")
	p.cli("peer", "probe", "node3")
	p.waitVoters(3)
	p.waitOnline(3)
	p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount, err := p.Peer(4).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	l := p.startLoad()
	l.waitMore(10, 60*time.Second, 1, 2, 3)
	leader := p.leader(1)
	for _, n := range []int{leader%3 + 1, leader} {
		p.must(p.Peer(n).FillDisk(storeDir))
		p.saysDiskFull(n)
		l.waitMore(20, 60*time.Second, p.others(n)...)
		w.waitMore(p, 20, 30*time.Second)
		p.must(p.Peer(n).FreeDisk(storeDir))
		p.seesAllWell(n, 3)
		p.waitVoters(3)
		l.waitMore(10, 60*time.Second, 1, 2, 3)
	}
	l.finish(t)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.waitBricks("gv0")
}

// saysDiskFull waits until a peer names its disk where an administrator looks, and its log does.
func (p pool) saysDiskFull(n int) {
	p.t.Helper()
	p.eventually(30*time.Second, func(ctx context.Context) error {
		out, err := p.Peer(n).CLI(ctx, "pool", "status")
		if said := out + fmt.Sprint(err); !strings.Contains(said, "disk at "+storeDir) {
			return fmt.Errorf("pool status of node%d: %s", n, said)
		}
		return nil
	})
	if text, _ := p.logSince(n, 0); !strings.Contains(text, "disk at "+storeDir) {
		p.t.Errorf("node%d does not log that its disk is full", n)
	}
}
