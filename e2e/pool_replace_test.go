package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// voters are the numbers of the peers that vote, as peer n sees them.
func (p pool) voters(ctx context.Context, n int) ([]int, error) {
	c, err := p.Peer(n).Client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, m := range s.Store.Members {
		for _, peer := range s.Peers {
			var number int
			if _, err := fmt.Sscanf(peer.Name, "node%d", &number); err == nil && peer.ID == m.PeerID && m.Role == "voter" {
				out = append(out, number)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// waitVotersWithout waits until n voters are there, none of them the dead peer, as peer on sees them.
func (p pool) waitVotersWithout(on, n, dead int) {
	p.t.Helper()
	p.eventually(90*time.Second, func(ctx context.Context) error {
		got, err := p.voters(ctx, on)
		if err == nil && (len(got) != n || slices.Contains(got, dead)) {
			err = fmt.Errorf("node%v vote; node%d is dead", got, dead)
		}
		return err
	})
}

// TestVoterReplacement takes two of the three voters of a pool of five away, one after the other, for good. Each time
// another peer gets the vote; then the dead are detached and new hosts join.
func TestVoterReplacement(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 8})
	for n := 1; n <= 7; n++ {
		p.configure(n, fmt.Sprintf("pool-secret = %q\nloglevel = \"debug\"\nvoter-replace-after = \"10s\"\n", lab.PoolSecret))
	}
	p.startAll(7)
	p.members = 5
	for n := 2; n <= 5; n++ {
		p.cli("peer", "probe", p.Peer(n).Name)
	}
	p.waitVoters(3)
	p.waitOnline(5)
	before, err := p.voters(t.Context(), 1)
	p.must(err)
	dead, alive := before[:2], before[2]
	bricks := []string{"replica", "3"}
	for n := 1; n <= 5; n++ {
		if !slices.Contains(dead, n) {
			bricks = append(bricks, fmt.Sprintf("node%d:/srv/gv0", n))
		}
	}
	p.create("gv0", bricks...)
	mount, err := p.Peer(8).Mount(t.Context(), fmt.Sprintf("node%d", alive), "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)

	for _, n := range dead {
		p.must(p.Peer(n).KillDaemon(t.Context()))
		p.cliOn(alive, "volume", "set", "gv0", loadOption, fmt.Sprintf("%dMB", 10+n))
		p.waitVotersWithout(alive, 3, n)
	}
	// The first one comes back for a moment: its vote is gone, but it works.
	p.must(p.Peer(dead[0]).Start(t.Context()))
	p.cliOn(dead[0], "volume", "set", "gv0", loadOption, "20MB")
	p.waitVotersWithout(alive, 3, dead[0])
	p.must(p.Peer(dead[0]).KillDaemon(t.Context()))

	for _, n := range dead {
		p.eventually(30*time.Second, func(ctx context.Context) error { // its sign of life must have ended
			_, err := p.Peer(alive).CLI(ctx, "peer", "detach", p.Peer(n).Name, "--force")
			return err
		})
	}
	for _, n := range []int{6, 7} {
		p.cliOn(alive, "peer", "probe", p.Peer(n).Name)
	}
	for n := 1; n <= 7; n++ {
		if !slices.Contains(dead, n) {
			p.seesAllWell(n, 5)
		}
	}
	p.waitVotersWithout(alive, 3, 0)
	p.cliOn(7, "volume", "create", "gv1", "replica", "3", fmt.Sprintf("node%d:/srv/gv1", alive), "node6:/srv/gv1", "node7:/srv/gv1")
	p.cliOn(6, "volume", "start", "gv1")
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
}

// seesAllWell waits until a peer sees a healthy pool of so many peers.
func (p pool) seesAllWell(n, peers int) {
	p.t.Helper()
	c := p.rest(n)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err == nil && (!s.Healthy || len(s.Peers) != peers) {
			err = fmt.Errorf("%s sees %d of %d peers, healthy %v: %v", p.Peer(n).Name, len(s.Peers), peers, s.Healthy, s.Warnings)
		}
		return err
	})
}
