package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/e2e/lab"
	"gd2/pkg/api"
)

// brickDirs are the folders of a volume's bricks, as paths on the machine.
func (p pool) brickDirs(status api.VolumeStatus) []string {
	dirs := make([]string, 0, len(status.Bricks))
	for _, b := range status.Bricks {
		dirs = append(dirs, p.onPeer(b).Path(b.Info.Path))
	}
	return dirs
}

func (p pool) onPeer(b api.BrickStatus) *lab.Peer {
	for _, peer := range p.Peers() {
		if peer.Name == b.Info.Hostname || peer.Addr == b.Info.Hostname {
			return peer
		}
	}
	p.t.Fatalf("no peer is called %q", b.Info.Hostname)
	return nil
}

// noPendingHeals fails unless no brick remembers a file that another brick has missed.
func noPendingHeals(dirs []string) error {
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(dir, ".glusterfs/indices/xattrop"))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "xattrop-") {
				return fmt.Errorf("%s still has %s to heal", dir, e.Name())
			}
		}
	}
	return nil
}

// healed waits until the bricks of a replica set are the same as the mounted volume and nothing is left to heal.
func (p pool) healed(mount string, status api.VolumeStatus) {
	p.t.Helper()
	want, err := readTree(mount)
	p.must(err)
	dirs := p.brickDirs(status)
	p.waitSame(90*time.Second, want, dirs...)
	p.eventually(60*time.Second, func(context.Context) error { return noPendingHeals(dirs) })
}

// connected waits until a mounted volume has a connection to each of its first n bricks: a client looks for a brick
// that it has lost every three seconds only.
func (p pool) connected(mount, volume string, n int) {
	p.t.Helper()
	p.eventually(30*time.Second, func(context.Context) error {
		for i := range n {
			if err := connectedTo(mount, volume, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// connectedTo fails unless a mounted volume has a connection to the brick of a client.
func connectedTo(mount, volume string, client int) error {
	text, err := os.ReadFile(fmt.Sprintf("%s/.meta/graphs/active/%s-client-%d/private", mount, volume, client))
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "connected = 1") {
		return fmt.Errorf("the mount is not connected to brick %d:\n%s", client, text)
	}
	return nil
}

// TestBrickCrashHeal kills a brick of a replica 3 volume while a client writes, twice: under a daemon that brings it
// back, and without one, so that the brick misses files for sure. The bricks themselves are compared in the end.
func TestBrickCrashHeal(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount := p.mount(1, "gv0")
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	old := status.Bricks[1].Pid
	p.must(p.Peer(2).Kill9(t.Context(), old))
	w.waitMore(p, 20, 30*time.Second)
	c := p.rest(1)
	p.eventually(30*time.Second, func(ctx context.Context) error {
		now, err := c.VolumeStatus(ctx, "gv0")
		if err == nil && (!now.Bricks[1].Online || now.Bricks[1].Pid == old) {
			err = fmt.Errorf("brick has pid %d, online %v; it crashed with pid %d", now.Bricks[1].Pid, now.Bricks[1].Online, old)
		}
		return err
	})

	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 3)
	p.healed(mount, status) // else the next crash could take the last good copy of a file away

	w = startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	p.must(p.Peer(3).KillDaemon(t.Context()))
	p.must(p.Peer(3).Kill9(t.Context(), status.Bricks[2].Pid))
	missed := filepath.Join(mount, "missed")
	p.must(os.WriteFile(missed, []byte("written while the third brick was down\n"), 0o644))
	w.waitMore(p, 50, 60*time.Second)
	if _, err := os.Stat(p.Peer(3).Path("/srv/gv0/missed")); err == nil {
		t.Error("a brick that is down has a new file")
	}
	p.must(p.Peer(3).Start(t.Context()))
	p.waitBricks("gv0")
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 3)
	p.healed(mount, status)
	if _, err := os.Stat(p.Peer(3).Path("/srv/gv0/missed")); err != nil {
		t.Errorf("what the brick has missed was not healed: %v", err)
	}
}

// TestDaemonCrash kills all three daemons while a client writes. I/O goes on; the daemons come back, adopt the
// bricks as they are, and say the same as before.
func TestDaemonCrash(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	before := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	p.cli("volume", "set", "gv0", "performance.cache-size", "64MB")
	info := p.cli("volume", "info", "-o", "json")
	mount := p.mount(1, "gv0")
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	for _, peer := range p.Peers() {
		p.must(peer.KillDaemon(t.Context()))
	}
	w.waitMore(p, 100, 30*time.Second)
	p.startAll(3)
	p.waitOnline(3)
	after := p.waitBricks("gv0")
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)

	if diff := cmp.Diff(processes(before), processes(after)); diff != "" {
		t.Errorf("bricks and self-heal daemons were not adopted:\n%s", diff)
	}
	for i := range 3 {
		if diff := cmp.Diff(asJSON(t, info), asJSON(t, p.cliOn(i+1, "volume", "info", "-o", "json"))); diff != "" {
			t.Errorf("%s does not say the same as before:\n%s", p.Peer(i+1).Name, diff)
		}
		out, err := p.Peer(i+1).Run(t.Context(), "pgrep", "-c", "-x", "glusterfsd")
		if err != nil || strings.TrimSpace(out) != "1" {
			t.Errorf("%s has %s bricks running: %v", p.Peer(i+1).Name, strings.TrimSpace(out), err)
		}
	}
	p.healed(mount, after)
	p.cli("volume", "set", "gv0", "performance.cache-size", "32MB")
}

// processes are the processes of a volume: pid and port by place.
func processes(s api.VolumeStatus) map[string]string {
	out := map[string]string{}
	for _, b := range s.Bricks {
		out[b.Info.Hostname+":"+b.Info.Path] = fmt.Sprintf("pid %d port %d", b.Pid, b.Port)
	}
	for _, d := range s.Daemons {
		out[d.Name+" on "+d.Hostname] = fmt.Sprintf("pid %d", d.Pid)
	}
	return out
}

func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// TestPeerCutOff takes a peer's link away while a client writes, and gives it back. A self-heal daemon that had nothing
// to do may not notice that a brick was away; it looks for work every heal-timeout seconds.
func TestPeerCutOff(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	p.cli("volume", "set", "gv0", "network.ping-timeout", "3", "cluster.heal-timeout", "5")
	mount := p.mount(1, "gv0")
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	p.waitVoters(3)
	p.must(p.Peer(3).LinkDown(t.Context()))
	c := p.rest(1)
	p.eventually(30*time.Second, func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err == nil && s.Healthy {
			err = errors.New("the pool says that it is healthy with a peer cut off")
		}
		return err
	})
	w.waitMore(p, 50, 60*time.Second)
	p.cli("volume", "set", "gv0", "performance.cache-size", "16MB") // a majority still changes things
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if out, err := p.Peer(3).CLI(ctx, "--timeout", "5s", "volume", "set", "gv0", "performance.cache-size", "8MB"); err == nil {
		t.Errorf("the peer that is cut off changed the pool: %s", out)
	}

	p.must(p.Peer(3).LinkUp(t.Context()))
	p.waitOnline(3)
	p.waitBricks("gv0")
	c = p.rest(3)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		o, err := c.VolumeOption(ctx, "gv0", "performance.cache-size")
		if err == nil && o.Value != "16MB" {
			err = fmt.Errorf("node3 has cache-size %s", o.Value)
		}
		return err
	})
	w.waitMore(p, 20, 60*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 3)
	p.healed(mount, status)
}

// TestMountFailover mounts a volume on a host outside the pool through node1, and takes node1 away: the client goes on
// with the other bricks, and still hears of changes, from another peer.
func TestMountFailover(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 1)
	status := p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	p.cli("volume", "set", "gv0", "network.ping-timeout", "3", "cluster.heal-timeout", "5")
	mount, err := p.Peer(4).Mount(t.Context(), "node1", "gv0")
	p.must(err)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	p.waitVoters(3)
	p.must(p.Peer(1).LinkDown(t.Context()))
	w.waitMore(p, 50, 60*time.Second)
	p.cliOn(2, "volume", "set", "gv0", "performance.quick-read", "off")
	p.eventually(120*time.Second, func(context.Context) error {
		entries, err := os.ReadDir(filepath.Join(mount, ".meta/graphs/active"))
		for _, e := range entries {
			if e.Name() == "gv0-quick-read" {
				return errors.New("the client still has quick-read, which node2 switched off")
			}
		}
		return err
	})
	w.waitMore(p, 20, 60*time.Second)

	p.must(p.Peer(1).LinkUp(t.Context()))
	p.waitOnline(3)
	p.waitBricks("gv0")
	w.waitMore(p, 20, 60*time.Second)
	w.finish(t)
	p.connected(mount, "gv0", 3)
	p.healed(mount, status)
}
