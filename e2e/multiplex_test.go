package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
)

// TestMultiplex runs volumes of several types in one process on each peer, while a client writes to one of them.
func TestMultiplex(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.cli("volume", "set", "all", "cluster.brick-multiplex", "on")
	rep := p.create("rep", append([]string{"replica", "3"}, p.bricks("rep", 3)...)...)
	p.cli("volume", "set", "rep", "cluster.heal-timeout", "5")
	mount := p.mount(1, "rep")
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)

	disp := p.create("disp", append([]string{"disperse", "3", "redundancy", "1"}, p.bricks("disp", 3)...)...)
	p.create("dist", p.bricks("dist", 3)...)
	p.shares(rep, "rep", "disp", "dist")
	dispMount := p.mount(2, "disp")
	want := fillTree(t, dispMount)

	// Others come and go, again and again, with clients of their own: the writer must not notice.
	for i := range 3 {
		name := fmt.Sprintf("guest%d", i)
		p.create(name, append([]string{"replica", "3"}, p.bricks(name, 3)...)...)
		p.shares(rep, "rep", name)
		guest := p.mount(3, name)
		p.must(os.WriteFile(filepath.Join(guest, "file"), []byte("short lived\n"), 0o644))
		p.cli("volume", "stop", name)
		p.must(p.Peer(3).Unmount(t.Context(), name))
		if i == 1 {
			p.cli("volume", "start", name)
			p.shares(rep, "rep", name)
			p.cli("volume", "stop", name)
		}
		p.cli("volume", "delete", name)
	}
	w.waitMore(p, 20, 30*time.Second)
	w.finish(t)
	if len(w.failed) > 0 {
		t.Fatal("the volumes in one process disturb each other")
	}
	p.shares(rep, "rep", "disp", "dist")
	p.optionsOfTheProcess()
	p.processCrash(mount, rep, disp)
	sameTree(t, dispMount, want)
	p.daemonsComeBack(mount)
	p.limitedProcesses()
	sameTree(t, dispMount, want)
}

// shares waits until the volumes are online and fails unless their bricks run in the processes of one that is known.
func (p pool) shares(with api.VolumeStatus, volumes ...string) {
	p.t.Helper()
	want := map[string][2]int{}
	for _, b := range with.Bricks {
		want[b.Info.Hostname] = [2]int{b.Pid, b.Port}
	}
	for _, name := range volumes {
		for _, b := range p.waitBricks(name).Bricks {
			if got := [2]int{b.Pid, b.Port}; got != want[b.Info.Hostname] {
				p.t.Errorf("volume %s on %s: pid and port %v, not %v", name, b.Info.Hostname, got, want[b.Info.Hostname])
			}
		}
	}
}

// optionsOfTheProcess: what would change the process, and so other volumes, is refused; what is the volume's is not.
func (p pool) optionsOfTheProcess() {
	p.t.Helper()
	out, err := p.Peer(1).CLI(p.t.Context(), "volume", "set", "dist", "server.root-squash", "on")
	if err == nil || !strings.Contains(err.Error(), "stop the volume first") {
		p.t.Errorf("an option of the process is set: %s, %v", out, err)
	}
	p.cli("volume", "set", "dist", "features.read-only", "on")
	dir := p.mount(1, "dist")
	p.eventually(30*time.Second, func(context.Context) error {
		if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); !errors.Is(err, syscall.EROFS) {
			return fmt.Errorf("a write to a read-only volume ends with %w", err)
		}
		return nil
	})
	p.cli("volume", "reset", "dist", "features.read-only")
	p.eventually(30*time.Second, func(context.Context) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o644) })
	p.must(p.Peer(1).Unmount(p.t.Context(), "dist"))
	p.cli("volume", "stop", "dist")
	p.cli("volume", "set", "dist", "server.root-squash", "on")
	p.cli("volume", "start", "dist")
	dist, rep := p.waitBricks("dist"), p.waitBricks("rep")
	if dist.Bricks[0].Pid == rep.Bricks[0].Pid {
		p.t.Error("volumes that need different processes share one")
	}
	p.cli("volume", "stop", "dist")
	p.cli("volume", "reset", "dist", "server.root-squash")
	p.cli("volume", "start", "dist")
}

// processCrash kills the process of all bricks of a peer while a client writes to one of its volumes.
func (p pool) processCrash(mount string, rep, disp api.VolumeStatus) {
	p.t.Helper()
	w := startWriter(p.t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	p.must(p.Peer(2).Kill9(p.t.Context(), rep.Bricks[1].Pid))
	began := time.Now()
	c := p.rest(1)
	p.eventually(30*time.Second, func(ctx context.Context) error {
		pids := map[int]bool{}
		for _, name := range []string{"rep", "disp", "dist"} {
			s, err := c.VolumeStatus(ctx, name)
			if err != nil {
				return err
			}
			if b := s.Bricks[1]; !b.Online || b.Pid == rep.Bricks[1].Pid {
				return fmt.Errorf("volume %s has a brick with pid %d, online %v", name, b.Pid, b.Online)
			}
			pids[s.Bricks[1].Pid] = true
		}
		if len(pids) != 1 {
			return fmt.Errorf("the bricks came back in processes %v", pids)
		}
		return nil
	})
	p.t.Logf("all bricks of the process were back %v after its end", time.Since(began).Round(time.Millisecond))
	w.waitMore(p, 20, 30*time.Second)
	w.finish(p.t)
	p.connected(mount, "rep", 3)
	p.healed(mount, rep)
	p.eventually(60*time.Second, func(context.Context) error { return noPendingHeals(p.brickDirs(disp)) })
}

// daemonsComeBack kills all daemons: they find every brick in the processes that run, and go on with them.
func (p pool) daemonsComeBack(mount string) {
	p.t.Helper()
	names := []string{"rep", "disp", "dist"}
	before := map[string]string{}
	for _, name := range names {
		for where, process := range processes(p.waitBricks(name)) {
			before[name+" "+where] = process
		}
	}
	w := startWriter(p.t.Context(), mount)
	w.waitMore(p, 20, 30*time.Second)
	for _, peer := range p.Peers() {
		p.must(peer.KillDaemon(p.t.Context()))
	}
	w.waitMore(p, 20, 30*time.Second)
	p.startAll(3)
	p.waitOnline(3)
	after := map[string]string{}
	for _, name := range names {
		for where, process := range processes(p.waitBricks(name)) {
			after[name+" "+where] = process
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		p.t.Errorf("bricks were not adopted:\n%s", diff)
	}
	p.cli("volume", "stop", "dist")
	p.cli("volume", "start", "dist")
	w.waitMore(p, 20, 30*time.Second)
	w.finish(p.t)
}

// limitedProcesses: more bricks than a process may hold get another one, and with the option off one each.
func (p pool) limitedProcesses() {
	p.t.Helper()
	if out, err := p.Peer(1).CLI(p.t.Context(), "volume", "set", "all", "cluster.max-bricks-per-process", "1"); err == nil {
		p.t.Errorf("one brick to a process is no sharing: %s", out)
	}
	p.cli("volume", "set", "all", "cluster.max-bricks-per-process", "3")
	var created []string
	pids := func(words ...string) (list []int) {
		name := fmt.Sprintf("more%d", len(created))
		created = append(created, name)
		for _, b := range p.create(name, slices.Concat(words, p.bricks(name, 3))...).Bricks {
			list = append(list, b.Pid)
		}
		return list
	}
	rep := p.waitBricks("rep").Bricks[0].Pid
	a, b := pids(), pids("replica", "3")
	if a[0] == rep || !slices.Equal(a, b) {
		p.t.Errorf("bricks number 4 and 5 of peers are in processes %v and %v, the others in %d", a, b, rep)
	}
	p.cli("volume", "set", "all", "cluster.brick-multiplex", "off")
	if c := pids(); slices.Contains(c, a[0]) || slices.Contains(c, rep) {
		p.t.Errorf("a brick shares a process although that is switched off: %v", c)
	}
	for _, name := range created {
		p.cli("volume", "stop", name)
		p.cli("volume", "delete", name)
	}
	p.eventually(10*time.Second, func(ctx context.Context) error {
		out, err := p.Peer(1).Run(ctx, "pgrep", "-c", "-x", "glusterfsd")
		if err == nil && strings.TrimSpace(out) != "1" {
			err = errors.New(strings.TrimSpace(out) + " processes run bricks")
		}
		return err
	})
}
