package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

const volumeIDXattr = "trusted.glusterfs.volume-id"

// TestReplaceBrick puts other bricks in the place of those of volumes that stay mounted and in use, and compares all bricks.
func TestReplaceBrick(t *testing.T) {
	t.Parallel()
	p := newPool(t, 4, 0)
	p.waitVoters(3)
	t.Run("replicate", func(t *testing.T) { replaceReplica(p.in(t)) })
	t.Run("disperse", func(t *testing.T) { replaceDispersed(p.in(t)) })
	t.Run("refusals", func(t *testing.T) { replaceRefusals(p.in(t)) })
}

// ended waits until a process of a peer has ended.
func (p pool) ended(n, pid int) {
	p.t.Helper()
	p.eventually(30*time.Second, func(context.Context) error {
		if _, err := os.Stat(p.Peer(n).Path(fmt.Sprintf("/proc/%d", pid))); err == nil {
			return fmt.Errorf("process %d of node%d runs", pid, n)
		}
		return nil
	})
}

func replaceReplica(p pool) {
	t := p.t
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount := p.mount(1, "gv0")
	fillTree(t, mount)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	p.cli("volume", "replace-brick", "gv0", "node3:/srv/gv0", "node4:/srv/new", "commit", "force")
	p.ended(3, status.Bricks[2].Pid)
	old := p.Peer(3).Path("/srv/gv0")
	if id := p.xattr(old, volumeIDXattr); id != nil {
		t.Errorf("the old brick still bears the volume's id %x", id)
	}
	if _, err := os.Stat(filepath.Join(old, "top4096")); err != nil {
		t.Errorf("the files on the old brick have not stayed: %v", err)
	}
	p.follows(mount, "gv0", 0, 1, 2)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	status = p.waitBricks("gv0")
	if b := status.Bricks[2]; p.onPeer(b) != p.Peer(4) || b.Info.Path != "/srv/new" {
		t.Errorf("the third brick is %+v", b.Info)
	}
	p.healed(mount, status)

	// The peer of the next one is away: nothing is asked of it.
	w = startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	p.crash(2, status)
	p.waitOffline(2)
	p.cli("volume", "replace-brick", "gv0", "node2:/srv/gv0", "node3:/srv/again", "--force")
	p.follows(mount, "gv0", 0, 1, 2)
	p.must(p.Peer(2).Start(t.Context()))
	p.waitOnline(4)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.healed(mount, p.waitBricks("gv0"))
}

// waitOffline waits until the pool notices that a peer's daemon is away.
func (p pool) waitOffline(n int) {
	p.t.Helper()
	c := p.rest(1)
	p.eventually(30*time.Second, func(ctx context.Context) error {
		peers, err := c.Peers(ctx, client.Filter{})
		if err != nil {
			return err
		}
		for _, peer := range peers {
			if peer.Name == p.Peer(n).Name && peer.Online {
				return fmt.Errorf("%s is online", peer.Name)
			}
		}
		return nil
	})
}

func replaceDispersed(p pool) {
	t := p.t
	status := p.create("disp", append([]string{"disperse", "3", "redundancy", "1"}, p.bricks("disp", 3)...)...)
	mount := p.mount(1, "disp")
	want := fillTree(t, mount)
	p.cli("volume", "replace-brick", "disp", "node3:/srv/disp", "node4:/srv/disp", "commit", "force")
	p.ended(3, status.Bricks[2].Pid)
	p.follows(mount, "disp", 0, 1, 2)
	status = p.waitBricks("disp")
	p.waitNames(90*time.Second, want, p.brickDirs(status)[2])
	p.eventually(90*time.Second, func(context.Context) error { return noPendingHeals(p.brickDirs(status)) })
	// What is read without the first brick comes from the new one.
	p.crash(2, status)
	sameTree(t, mount, want)
	p.must(p.Peer(2).Start(t.Context()))
	p.waitOnline(4)
	p.waitBricks("disp")
}

func replaceRefusals(p pool) {
	t := p.t
	p.create("dist", "node1:/srv/dist", "node2:/srv/dist")
	for what, args := range map[string][]string{
		"add-brick": {"dist", "node1:/srv/dist", "node3:/srv/x"},
		"no brick":  {"gv0", "node4:/srv/nothing", "node2:/srv/x"},
		"already":   {"gv0", "node1:/srv/gv0", "node2:/srv/dist"},
		"peer":      {"gv0", "node1:/srv/gv0", "node4:/srv/x"},
	} {
		_, err := p.Peer(1).CLI(t.Context(), append([]string{"volume", "replace-brick"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v: %v, want something about %q", args, err, what)
		}
	}
}

// TestResetBrick empties a brick that is taken out of service, and makes it anew.
func TestResetBrick(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount := p.mount(1, "gv0")
	fillTree(t, mount)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	p.cli("volume", "reset-brick", "gv0", "node3:/srv/gv0", "start")
	p.ended(3, status.Bricks[2].Pid)
	if text := p.cli("volume", "status", "gv0", "node3:/srv/gv0"); !strings.Contains(text, "is being reset") {
		p.t.Errorf("a brick that is being reset:\n%s", text)
	}
	p.must(p.Peer(3).KillDaemon(t.Context())) // a daemon that starts leaves the brick alone
	p.must(p.Peer(3).Start(t.Context()))
	p.waitOnline(3)
	p.cli("volume", "start", "gv0", "force")
	if b := p.third("gv0"); b.Online {
		t.Errorf("a brick that is being reset runs: %+v", b)
	}
	if _, err := p.Peer(1).CLI(t.Context(), "volume", "replace-brick", "gv0", "node2:/srv/gv0", "node2:/srv/x"); err == nil {
		t.Error("a second brick was taken out of service")
	}
	dir := p.Peer(3).Path("/srv/gv0")
	p.must(os.RemoveAll(dir))
	p.must(os.Mkdir(dir, 0o755))
	w.waitMore(p, 20, 30*time.Second)
	_, err := p.Peer(1).CLI(t.Context(), "volume", "replace-brick", "gv0", "node2:/srv/gv0", "node2:/srv/x", "commit", "force")
	if err == nil || !strings.Contains(err.Error(), "still to be healed") {
		t.Errorf("a brick that has what another one lacks: %v", err)
	}
	p.cli("volume", "reset-brick", "gv0", "node3:/srv/gv0", "node3:/srv/gv0", "commit", "force")
	p.follows(mount, "gv0", 0, 1, 2)
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.healed(mount, p.waitBricks("gv0"))
}

// third is the state of a volume's third brick.
func (p pool) third(volume string) api.BrickStatus {
	p.t.Helper()
	st, err := p.rest(1).VolumeStatus(p.t.Context(), volume)
	p.must(err)
	return st.Bricks[2]
}
