package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// TestClockSkew puts one peer's clock off by ten minutes, first ahead and then behind: while it joins, as a follower and
// as the leader, under load. Whatever a daemon decides by the clock of the day must bear that: tokens, certificates,
// signs of life.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	const skew = 10 * time.Minute
	p := newLab(t, lab.Options{Peers: 5})
	p.startAll(4)
	p.members = 3
	p.must(p.Peer(2).ShiftClock(t.Context(), skew))
	p.must(p.Peer(4).ShiftClock(t.Context(), -skew))
	p.cli("peer", "probe", "node2")
	p.clockIsOff(2, skew)
	p.cli("peer", "probe", "node3")
	p.waitVoters(3)
	p.waitOnline(3)
	// A token's time is the issuer's; one that was made by a clock ahead is good for a peer behind, and the other way.
	token := strings.Fields(p.cliOn(2, "peer", "token"))[0]
	p.cliOn(4, p.joining(4, token)...)
	p.clockIsOff(4, -skew)
	p.cli("peer", "detach", "node4")

	p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount, err := p.Peer(5).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	l := p.startLoad()
	l.waitMore(10, 60*time.Second, 1, 2, 3)
	for _, offset := range []time.Duration{skew, -skew} {
		n := p.leader(1)
		p.must(p.Peer(n).ShiftClock(t.Context(), offset))
		p.clockIsOff(n, offset)
		l.waitMore(20, 60*time.Second, 1, 2, 3)
		p.allOnline(3)
		p.must(p.Peer(n).KillDaemon(t.Context()))
		l.waitMore(10, 60*time.Second, p.others(n)...)
		p.must(p.Peer(n).Launch(t.Context()))
		p.must(p.Peer(n).ShiftClock(t.Context(), offset))
		p.must(p.Peer(n).WaitReady(t.Context()))
		p.waitOnline(3)
		l.waitMore(10, 60*time.Second, 1, 2, 3)
	}
	l.finish(t)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.waitBricks("gv0")
}

// clockIsOff checks, by its log, that a daemon believes in another time than the machine.
func (p pool) clockIsOff(n int, by time.Duration) {
	p.t.Helper()
	p.eventually(30*time.Second, func(context.Context) error {
		text, _ := p.logSince(n, 0)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		stamp, _, _ := strings.Cut(strings.TrimPrefix(lines[len(lines)-1], `time="`), `"`)
		at, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			return err
		}
		if off := time.Until(at); (off - by).Abs() > time.Minute {
			return fmt.Errorf("the clock of %s is off by %v, not %v", p.Peer(n).Name, off, by)
		}
		return nil
	})
}

// allOnline fails the test unless every one of the first n peers sees n peers online just now.
func (p pool) allOnline(n int) {
	p.t.Helper()
	for i := 1; i <= n; i++ {
		s, err := p.rest(i).Status(p.t.Context())
		p.must(err)
		for _, peer := range s.Peers {
			if !peer.Online {
				p.t.Errorf("%s sees %s offline", p.Peer(i).Name, peer.Name)
			}
		}
	}
}
