package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// leader is the number of the peer whose member leads the store, as peer n sees it.
func (p pool) leader(n int) int {
	p.t.Helper()
	c, found := p.rest(n), 0
	p.eventually(30*time.Second, func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		for _, peer := range s.Peers {
			if peer.ID == s.Store.Leader {
				_, err := fmt.Sscanf(peer.Name, "node%d", &found)
				return err
			}
		}
		return fmt.Errorf("no peer leads the store: %+v", s.Store)
	})
	return found
}

// others are the numbers of the members of the pool but one.
func (p pool) others(n int) (out []int) {
	for i := 1; i <= p.members; i++ {
		if i != n {
			out = append(out, i)
		}
	}
	return out
}

// saysNoQuorum waits until a peer says, where an administrator looks, that it waits for the others.
func (p pool) saysNoQuorum(n int) {
	p.t.Helper()
	c := p.rest(n)
	p.eventually(30*time.Second, func(ctx context.Context) error {
		h, err := c.Ready(ctx)
		if err != nil {
			return err
		}
		if h.OK || !strings.Contains(fmt.Sprint(h.Checks), "quorum") {
			return fmt.Errorf("/readyz says %+v", h)
		}
		return nil
	})
}

// cut is one way to cut a peer off.
type cut struct {
	name    string
	leader  bool // cut the leader off, else a follower
	clients bool // clients of volumes do not reach it either
	begin   func(ctx context.Context, p pool, n int) error
	end     func(ctx context.Context, p pool, n int) error
}

func cuts() []cut {
	drop := func(d lab.Direction) func(ctx context.Context, p pool, n int) error {
		return func(ctx context.Context, p pool, n int) error {
			var others []*lab.Peer
			for _, i := range p.others(n) {
				others = append(others, p.Peer(i))
			}
			return p.Peer(n).Drop(ctx, d, others...)
		}
	}
	pass := func(ctx context.Context, p pool, n int) error { return p.Peer(n).Pass(ctx) }
	return []cut{
		{"the leader's link down", true, true,
			func(ctx context.Context, p pool, n int) error { return p.Peer(n).LinkDown(ctx) },
			func(ctx context.Context, p pool, n int) error { return p.Peer(n).LinkUp(ctx) }},
		{"a follower's packets dropped", false, false, drop(lab.Both), pass},
		{"the leader deaf", true, false, drop(lab.Incoming), pass},
		{"a follower mute", false, false, drop(lab.Outgoing), pass},
	}
}

// TestPartition cuts one of three voters off in several ways and joins it again, under load: the majority goes on, the
// minority acknowledges nothing and says why, and nothing that was acknowledged is lost.
func TestPartition(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.waitVoters(3)
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	p.cli("volume", "set", "gv0", "network.ping-timeout", "3", "cluster.heal-timeout", "5")
	mount, err := p.Peer(4).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	l := p.startLoad()
	l.waitMore(5, 60*time.Second, 1, 2, 3)
	for _, c := range cuts() {
		began := time.Now()
		n := p.leader(1)
		if !c.leader {
			n = n%3 + 1
		}
		p.must(c.begin(t.Context(), p, n))
		p.saysNoQuorum(n)
		during := l.acknowledged(n)
		l.waitMore(20, 60*time.Second, p.others(n)...)
		w.waitMore(p, 20, 30*time.Second)
		if more := l.acknowledged(n) - during; more > 0 {
			t.Errorf("%s: node%d acknowledged %d changes while it was cut off", c.name, n, more)
		}
		p.must(c.end(t.Context(), p, n))
		healed := time.Now()
		p.waitOnline(3)
		l.waitMore(5, 60*time.Second, 1, 2, 3)
		t.Logf("%s (node%d): cut for %v, whole again after %v", c.name, n,
			healed.Sub(began).Round(time.Millisecond), time.Since(healed).Round(time.Millisecond))
		if c.clients {
			w.finish(t)
			p.connected(mount, "gv0", 3)
			p.healed(mount, status)
			w = startWriter(t.Context(), mount)
		}
	}
	l.finish(t)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.waitBricks("gv0")
}
