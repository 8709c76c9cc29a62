package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestVolumeRename gives volumes other names. No file is lost, and nothing that is known about them.
func TestVolumeRename(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	t.Run("heals", func(t *testing.T) { renamedHeals(p.in(t)) })
	t.Run("spread", func(t *testing.T) { renamedSpread(p.in(t)) })
}

// renamedHeals renames a replicated volume while one of its bricks has missed files: they are healed under the new name.
func renamedHeals(p pool) {
	t := p.t
	status := p.create("old", append([]string{"replica", "3"}, p.bricks("old", 3)...)...)
	mount := p.mount(1, "old")
	p.must(os.WriteFile(filepath.Join(mount, "before"), bytes.Repeat([]byte("before\n"), 1000), 0o644))
	p.connected(mount, "old", 3)
	p.cli("volume", "set", "old", "cluster.self-heal-daemon", "off") // what is missed stays missed until it is on again
	p.must(p.Peer(3).KillDaemon(t.Context()))
	p.must(p.Peer(3).Kill9(t.Context(), status.Bricks[2].Pid))
	p.eventually(30*time.Second, func(context.Context) error {
		text, err := os.ReadFile(mount + "/.meta/graphs/active/old-client-2/private")
		if err == nil && strings.Contains(string(text), "connected = 1") {
			err = fmt.Errorf("the mount has not noticed the loss of a brick")
		}
		return err
	})
	p.must(os.WriteFile(filepath.Join(mount, "missed"), bytes.Repeat([]byte("missed\n"), 1000), 0o644))
	p.must(os.WriteFile(filepath.Join(mount, "before"), bytes.Repeat([]byte("changed\n"), 1000), 0o644))
	want, err := readTree(mount)
	p.must(err)
	p.must(p.Peer(1).Unmount(t.Context(), "old"))
	c := p.rest(1)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		peers, err := c.Peers(ctx, client.Filter{})
		for _, peer := range peers {
			if peer.Name == p.Peer(3).Name && peer.Online {
				err = fmt.Errorf("%s still counts as online", peer.Name)
			}
		}
		return err
	})
	p.cli("volume", "stop", "old")
	if attr := missedXattr(filepath.Join(p.brickDirs(status)[0], "before"), "trusted.afr.old-client-2"); attr == "" {
		t.Fatal("nothing was missed: the test would prove nothing")
	}
	p.must(p.Peer(3).Start(t.Context()))
	p.waitOnline(3)

	if out := p.cli("volume", "rename", "old", "new"); !strings.Contains(out, "now new") {
		t.Errorf("the rename says %s", out)
	}
	if _, err := p.rest(2).Volume(t.Context(), "old"); !api.IsKind(err, api.NotFound) {
		t.Errorf("the old name: %v", err)
	}
	p.cli("volume", "set", "new", "cluster.self-heal-daemon", "on")
	p.cliOn(3, "volume", "start", "new")
	status = p.waitBricks("new")
	mount = p.mount(2, "new")
	got, err := readTree(mount)
	p.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the files are not as they were:\n%s", diff)
	}
	p.connected(mount, "new", 3)
	p.cli("volume", "heal", "new")
	p.healed(mount, status)
	if attr := missedXattr(filepath.Join(p.brickDirs(status)[0], "before"), "trusted.afr.old-client-2"); attr != "" {
		t.Errorf("the brick still remembers what another had missed: %x", attr)
	}
	events := p.cli("events", "list", "--name", api.EventVolumeRenamed, "--no-headers")
	if !strings.Contains(events, "volume.former-name=old") || strings.Count(events, "\n") != 1 {
		t.Errorf("the rename's event: %s", events)
	}
}

// renamedSpread renames a distributed volume with a quota. Renamed files have left links on its bricks, which name a
// subvolume of the volume's old name.
func renamedSpread(p pool) {
	t := p.t
	p.create("dist", p.bricks("dist", 3)...)
	mount := p.mount(1, "dist")
	for i := range 30 {
		p.must(os.WriteFile(fmt.Sprintf("%s/a%02d", mount, i), fmt.Appendf(nil, "file %d\n", i), 0o644))
		p.must(os.Rename(fmt.Sprintf("%s/a%02d", mount, i), fmt.Sprintf("%s/b%02d", mount, i)))
	}
	p.must(os.Mkdir(filepath.Join(mount, "limited"), 0o755))
	p.cli("volume", "quota", "dist", "enable")
	p.counted("dist", 3)
	for _, verb := range []string{"soft-timeout", "hard-timeout"} {
		p.cli("volume", "quota", "dist", verb, "0")
	}
	p.cli("volume", "quota", "dist", "limit-usage", "/limited", "2MB")
	want, err := readTree(mount)
	p.must(err)
	p.must(p.Peer(1).Unmount(t.Context(), "dist"))
	p.cli("volume", "stop", "dist")
	p.cli("volume", "rename", "dist", "spread")
	p.cli("volume", "start", "spread")
	p.waitBricks("spread")
	mount = p.mount(3, "spread")
	for i := range 30 { // by name, before anything is listed
		text, err := os.ReadFile(fmt.Sprintf("%s/b%02d", mount, i))
		if err != nil || string(text) != fmt.Sprintf("file %d\n", i) {
			t.Errorf("b%02d: %q, %v", i, text, err)
		}
	}
	got, err := readTree(mount)
	p.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the files are not as they were:\n%s", diff)
	}
	p.useOf("spread", api.QuotaUsage, "/limited", func(l api.QuotaLimit) bool { return l.HardLimit == 2*mib && l.Used == 0 })
	p.fillUp(filepath.Join(mount, "limited"))
}

// missedXattr is an attribute by which a brick blames another, empty if there is no blame.
func missedXattr(path, name string) string {
	buf := make([]byte, 64)
	n, err := unix.Lgetxattr(path, name, buf)
	if err != nil || len(bytes.Trim(buf[:n], "\x00")) == 0 {
		return ""
	}
	return string(buf[:n])
}
