package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestServerQuorum: the bricks of a peer that is cut off from the others stop, those of the majority go on serving; then
// the majority is made too small by the ratio.
func TestServerQuorum(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.cli("volume", "set", "all", "cluster.brick-multiplex", "on")
	p.cli("volume", "create", "gv0", "replica", "3", p.bricks("gv0", 3)[0], p.bricks("gv0", 3)[1], p.bricks("gv0", 3)[2])
	p.cli("volume", "set", "gv0", "cluster.server-quorum-type", "server", "network.ping-timeout", "3", "cluster.heal-timeout", "5")
	p.cli("volume", "start", "gv0")
	status := p.waitBricks("gv0")
	free := p.create("free", p.bricks("free", 3)...) // without the option: it goes on everywhere
	mount, err := p.Peer(4).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	p.waitVoters(3)

	p.must(p.Peer(3).LinkDown(t.Context()))
	began := time.Now()
	p.eventually(60*time.Second, func(ctx context.Context) error { return p.servesHere(ctx, 3, "gv0", false) })
	t.Logf("the bricks of the peer that is cut off stopped after %v", time.Since(began).Round(100*time.Millisecond))
	p.must(p.servesHere(t.Context(), 3, "free", true))
	w.waitMore(p, 50, 60*time.Second)
	for n := 1; n <= 2; n++ {
		p.must(p.servesHere(t.Context(), n, "gv0", true))
	}
	p.cli("volume", "set", "gv0", "performance.cache-size", "16MB") // the majority has the quorum

	p.must(p.Peer(3).LinkUp(t.Context()))
	p.waitOnline(3)
	again := p.waitBricks("gv0")
	w.waitMore(p, 20, 60*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 3)
	p.healed(mount, again)
	if now := p.waitBricks("free"); now.Bricks[2].Pid != free.Bricks[2].Pid {
		t.Error("a volume without the option was restarted")
	}
	if again.Bricks[0].Pid != status.Bricks[0].Pid {
		t.Error("a brick of the majority was restarted")
	}
	p.quorumRatio()
}

// quorumRatio asks for more peers than a majority, and lacks one.
func (p pool) quorumRatio() {
	p.t.Helper()
	p.cli("volume", "set", "all", "cluster.server-quorum-ratio", "80%")
	p.must(p.Peer(3).KillDaemon(p.t.Context()))
	p.eventually(60*time.Second, func(ctx context.Context) error {
		return errors.Join(p.servesHere(ctx, 1, "gv0", false), p.servesHere(ctx, 2, "gv0", false))
	})
	out, err := p.Peer(1).CLI(p.t.Context(), "volume", "set", "gv0", "performance.cache-size", "8MB")
	if err == nil || !strings.Contains(err.Error(), "server quorum is not met: 2 of 3 peers") {
		p.t.Errorf("a change without the server quorum: %s, %v", out, err)
	}
	if text := p.cli("volume", "status", "gv0", "-o", "json"); !strings.Contains(text, "server quorum is not met") {
		p.t.Errorf("the status does not say why the bricks are down: %s", text)
	}
	p.cli("volume", "set", "free", "performance.cache-size", "8MB")
	p.cli("volume", "reset", "gv0", "cluster.server-quorum-type")
	p.eventually(30*time.Second, func(ctx context.Context) error {
		return errors.Join(p.servesHere(ctx, 1, "gv0", true), p.servesHere(ctx, 2, "gv0", true))
	})
}

// servesHere fails unless a peer's own brick of a volume is in a process there, or is in none.
func (p pool) servesHere(ctx context.Context, n int, volume string, want bool) error {
	out, err := p.Peer(n).Run(ctx, "sh", "-c", "ls -d /run/glusterd2/vols/"+volume+"/*.pid 2>/dev/null || true")
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(out) != ""; got != want {
		return fmt.Errorf("on %s the brick of %s runs: %v, want %v", p.Peer(n).Name, volume, got, want)
	}
	return nil
}
