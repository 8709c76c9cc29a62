package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAddressChange gives a peer that votes and serves a brick another address while a client writes: the client hears
// of it, and nothing else changes.
func TestAddressChange(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	p.waitVoters(3)
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	p.cli("volume", "set", "gv0", "network.ping-timeout", "3", "cluster.heal-timeout", "5")
	mount, err := p.Peer(4).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	const fresh = "10.77.0.99"
	moving := p.Peer(3)
	p.refused(1, []string{fresh, "does not answer"}, "peer", "edit", "node3", "--address", fresh)
	p.must(moving.AddAddress(t.Context(), fresh))
	p.eventually(20*time.Second, func(ctx context.Context) error { // the kernel remembers for a moment that nobody was there
		_, err := p.Peer(1).CLI(ctx, "peer", "edit", "node3", "--address", fresh)
		return err
	})
	p.eventually(30*time.Second, func(context.Context) error {
		text, err := os.ReadFile(filepath.Join(mount, ".meta/graphs/active/gv0-client-2/options/remote-host"))
		if err == nil && strings.TrimSpace(string(text)) != fresh {
			err = fmt.Errorf("the client has the brick at %s", text)
		}
		return err
	})
	p.must(moving.MoveTo(t.Context(), fresh))
	p.waitOnline(3)
	p.waitVoters(3)
	p.waitBricks("gv0")
	w.waitMore(p, 50, 60*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 3)
	p.healed(mount, status)

	// The other voters find it: without node1 it takes both.
	p.must(p.Peer(1).KillDaemon(t.Context()))
	p.cliOn(2, "volume", "set", "gv0", loadOption, "16MB")
	p.must(p.Peer(1).Start(t.Context()))
	p.must(moving.Stop(t.Context()))
	p.must(moving.Start(t.Context()))
	p.waitOnline(3)
	if out := p.cliOn(3, "peer", "list"); !strings.Contains(out, fresh) || strings.Contains(out, "10.77.0.13") {
		t.Errorf("node3 after its restart:\n%s", out)
	}
	p.cliOn(3, "volume", "set", "gv0", loadOption, "32MB")
}
