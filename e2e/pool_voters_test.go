package e2e

import (
	"testing"
	"time"
)

// TestVoterKill kills each voter in turn, the leader among them, while clients change volumes through all peers and
// another client writes into a mounted volume.
func TestVoterKill(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.waitVoters(3)
	p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount, err := p.Peer(4).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	l := p.startLoad()
	for n := 1; n <= 3; n++ {
		l.waitMore(10, 60*time.Second, 1, 2, 3)
		p.must(p.Peer(n).KillDaemon(t.Context()))
		others := []int{n%3 + 1, (n+1)%3 + 1}
		l.waitMore(20, 60*time.Second, others...)
		w.waitMore(p, 20, 30*time.Second)
		p.must(p.Peer(n).Start(t.Context()))
		p.waitOnline(3)
	}
	l.waitMore(10, 60*time.Second, 1, 2, 3)
	l.finish(t)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.waitBricks("gv0")
}
