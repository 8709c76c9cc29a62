package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

// TestShrink removes bricks from volumes that stay mounted and in use: whole subvolumes after their files have been moved, and copies.
func TestShrink(t *testing.T) {
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	t.Run("distribute", func(t *testing.T) { shrinkDistribute(p.in(t)) })
	t.Run("distributed-replicate", func(t *testing.T) { shrinkReplicate(p.in(t)) })
}

// shrunk waits until the removal of bricks is in a state.
func (p pool) shrunk(volume, state string) {
	p.t.Helper()
	c := p.rest(1)
	p.eventually(120*time.Second, func(ctx context.Context) error {
		st, err := c.ShrinkStatus(ctx, volume)
		if err == nil && st.State != state {
			err = fmt.Errorf("the removal is %s: %+v", st.State, st.Nodes)
		}
		return err
	})
}

// gone waits until the processes of the bricks have ended which the removal of some has left out.
func (p pool) gone(before api.VolumeStatus, bricks ...string) {
	p.t.Helper()
	for _, b := range before.Bricks {
		name := p.onPeer(b).Name + ":" + b.Info.Path
		path := p.onPeer(b).Path(fmt.Sprintf("/proc/%d", b.Pid))
		if _, err := os.Stat(path); err != nil && !slices.Contains(bricks, name) {
			p.t.Errorf("brick %s has ended", name)
		}
		if slices.Contains(bricks, name) {
			p.eventually(30*time.Second, func(context.Context) error {
				if _, err := os.Stat(path); err == nil {
					return fmt.Errorf("brick %s still runs", name)
				}
				return nil
			})
		}
	}
}

func shrinkDistribute(p pool) {
	t := p.t
	before := p.create("dist", p.bricks("dist", 4)...)
	mount := p.mount(3, "dist")
	fillTree(t, mount)
	fillMany(t, mount, 400)
	want, err := readTree(mount)
	p.must(err)
	leaving := []string{"node2:/srv/dist", "node1:/srv/dist-1"}
	remove := func(verb string) []string {
		return slices.Concat([]string{"volume", "remove-brick", "dist"}, leaving, []string{verb})
	}
	p.cliRefused("commit without a start", remove("commit")...)
	p.cli("volume", "set", "dist", "cluster.rebal-throttle", "lazy")
	p.cli(remove("start")...)
	c := p.rest(1)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		st, err := c.ShrinkStatus(ctx, "dist")
		if err == nil && !slices.ContainsFunc(st.Nodes, func(n api.RebalNodeStatus) bool { return n.RebalancedFiles != "0" }) {
			err = fmt.Errorf("nothing was moved: %+v", st.Nodes)
		}
		return err
	})
	p.cliRefused("commit while files are moved", remove("commit")...)
	p.cliRefused("removal by force while files are moved", remove("force")...)
	p.cliRefused("rebalance while files are moved", "volume", "rebalance", "dist", "start")
	p.cli(remove("stop")...)
	p.shrunk("dist", "stopped")
	sameTree(t, mount, want)
	p.cliRefused("commit after a stop", remove("commit")...)
	if moved := regularFiles(t, p.Peer(2).Path("/srv/dist")); len(moved) == 0 {
		t.Error("all files were moved before the stop: it was not in the middle")
	}

	p.cli("volume", "reset", "dist", "cluster.rebal-throttle")
	p.cli(remove("start")...)
	w := startWriter(t.Context(), mount)
	p.shrunk("dist", "completed")
	p.cliRefused("more bricks before the commit", "volume", "add-brick", "dist", "node3:/srv/dist-2")
	w.waitMore(p, 20, 30*time.Second)
	late := filepath.Join(p.Peer(2).Path("/srv/dist"), "left-over")
	p.must(os.WriteFile(late, []byte("x"), 0o644))
	p.cliRefused("commit with a file that was not moved", remove("commit")...)
	p.must(os.Remove(late))
	p.cli(remove("commit")...)
	p.gone(before, leaving...)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.waitHas(10*time.Second, want, mount)
	if text := p.cli("volume", "info", "dist"); strings.Contains(text, "dist-1") || strings.Contains(text, "node2:") {
		t.Errorf("the volume:\n%s", text)
	}
	again := p.mount(1, "dist")
	p.waitHas(10*time.Second, want, again)
	p.cliRefused("removal of all bricks", "volume", "remove-brick", "dist", "node1:/srv/dist", "node3:/srv/dist", "force")
}

func shrinkReplicate(p pool) {
	t := p.t
	bricks := p.bricks("dr", 6)
	before := p.create("dr", append([]string{"replica", "3"}, bricks...)...)
	mount := p.mount(2, "dr")
	fillTree(t, mount)
	fillMany(t, mount, 60)
	want, err := readTree(mount)
	p.must(err)
	p.cliRefused("half a subvolume", "volume", "remove-brick", "dr", bricks[0], "start")
	leaving := bricks[:3]
	remove := func(verb string) []string {
		return slices.Concat([]string{"volume", "remove-brick", "dr"}, leaving, []string{verb})
	}
	p.cli(remove("start")...)
	p.shrunk("dr", "completed")
	p.cli(remove("commit")...)
	p.gone(before, leaving...)
	sameTree(t, mount, want)

	before = p.waitBricks("dr")
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	p.cliRefused("copies with start", "volume", "remove-brick", "dr", "replica", "2", bricks[5], "start")
	p.cli("volume", "remove-brick", "dr", "replica", "2", bricks[5], "force")
	p.gone(before, bricks[5])
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	status := p.waitBricks("dr")
	if v := status.Info; v.ReplicaCount != 2 || len(status.Bricks) != 2 {
		t.Errorf("replica %d on %d bricks", v.ReplicaCount, len(status.Bricks))
	}
	p.waitHas(10*time.Second, want, mount)
	whole, err := readTree(mount)
	p.must(err)
	p.waitSame(60*time.Second, whole, p.brickDirs(status)...)
}
