package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestHeal breaks copies on real bricks in every way that heals are for, and compares the bricks afterwards.
func TestHeal(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.waitVoters(3)
	t.Run("split-brain", func(t *testing.T) { splitBrains(p.in(t)) })
	t.Run("distributed-replicate", func(t *testing.T) {
		p := p.in(t)
		status := p.create("dr", append([]string{"replica", "3"}, p.bricks("dr", 6)...)...)
		healIndex(p, "dr", status)
		healFull(p, "dr", status)
		healFigures(p, "dr")
		healGranular(p, "dr", status)
	})
	t.Run("disperse", func(t *testing.T) {
		p := p.in(t)
		status := p.create("disp", append([]string{"disperse", "3", "redundancy", "1"}, p.bricks("disp", 3)...)...)
		healIndex(p, "disp", status)
		healFull(p, "disp", status)
	})
	t.Run("refusals", func(t *testing.T) { healRefusals(p.in(t)) })
}

// crash ends a peer's daemon and the bricks of a volume that it has, which stay down until it is started again.
func (p pool) crash(n int, status api.VolumeStatus) {
	p.t.Helper()
	p.must(p.Peer(n).KillDaemon(p.t.Context()))
	for _, b := range status.Bricks {
		if p.onPeer(b) == p.Peer(n) {
			p.must(p.Peer(n).Kill9(p.t.Context(), b.Pid))
		}
	}
}

// revive starts a peer's daemon and waits for all bricks of a volume.
func (p pool) revive(n int, volume string) api.VolumeStatus {
	p.t.Helper()
	p.must(p.Peer(n).Start(p.t.Context()))
	p.waitOnline(3)
	return p.waitBricks(volume)
}

// write puts files into a volume through a mount that knows nothing of what was before.
func (p pool) write(volume string, bricks []int, files map[string]string) {
	p.t.Helper()
	mount := p.mount(3, volume)
	for _, n := range bricks {
		p.eventually(30*time.Second, func(context.Context) error {
			text, err := os.ReadFile(fmt.Sprintf("%s/.meta/graphs/active/%s-client-%d/private", mount, volume, n))
			if err == nil && !strings.Contains(string(text), "connected = 1") {
				err = fmt.Errorf("the mount is not connected to brick %d", n)
			}
			return err
		})
	}
	for name, text := range files {
		p.must(os.WriteFile(filepath.Join(mount, name), []byte(text), 0o644))
	}
	p.must(p.Peer(3).Unmount(p.t.Context(), volume))
}

// The files in split-brain: what brick 0 has, what brick 1 has, and who shall win.
var contradictions = map[string]struct {
	first, second string
	winner        int
}{
	"bigger": {"the first copy is much bigger", "second", 0},
	"latest": {"an old copy that is bigger", "the latest", 1},
	"source": {"the chosen one", "the other one, bigger and later", 0},
	"bygfid": {"known by its gfid", "short", 0},
	"rest1":  {"loses, although it is bigger", "wins1", 1},
	"rest2":  {"loses, although it is bigger", "wins2", 1},
}

// splitBrains makes files whose copies contradict each other: each brick was written while the other was down.
func splitBrains(p pool) {
	t := p.t
	status := p.create("sb", append([]string{"replica", "2", "force"}, p.bricks("sb", 2)...)...)
	p.cli("volume", "heal", "sb", "disable")
	before, first, second := map[string]string{}, map[string]string{}, map[string]string{}
	for name, c := range contradictions {
		before[name], first[name], second[name] = "same", c.first, c.second
	}
	p.write("sb", []int{0, 1}, before)
	p.crash(2, status)
	p.write("sb", []int{0}, first)
	written := time.Now()
	status = p.revive(2, "sb")
	p.crash(1, status)
	p.eventually(10*time.Second, func(context.Context) error { // copies are compared by the second
		if time.Now().Unix() <= written.Unix() {
			return errors.New("the second has not passed")
		}
		return nil
	})
	p.write("sb", []int{1}, second)
	status = p.revive(1, "sb")

	p.eventually(60*time.Second, func(ctx context.Context) error {
		left, err := p.splitBrainFiles(ctx)
		if err == nil && len(left) != len(contradictions) {
			err = fmt.Errorf("in split-brain: %q", left)
		}
		return err
	})
	mount := p.mount(3, "sb")
	p.connected(mount, "sb", 2)
	if _, err := os.ReadFile(filepath.Join(mount, "bigger")); !errors.Is(err, unix.EIO) {
		t.Errorf("a file in split-brain is read: %v", err)
	}
	if text := p.cli("volume", "heal", "sb", "info", "split-brain"); !strings.Contains(text, fmt.Sprintf("Number of entries in split-brain: %d", len(contradictions))) {
		t.Errorf("report of split-brains:\n%s", text)
	}
	resolve(p, status)
	dirs := p.brickDirs(status)
	for name, c := range contradictions {
		want := []string{c.first, c.second}[c.winner]
		for _, dir := range append(dirs, mount) {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != want {
				t.Errorf("%s/%s: %q, %v; want %q", dir, name, text, err, want)
			}
		}
	}
	if left, err := p.splitBrainFiles(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("still in split-brain: %q, %v", left, err)
	}
}

// resolve ends the split-brains, each in another way.
func resolve(p pool, status api.VolumeStatus) {
	t := p.t
	if out := p.cli("volume", "heal", "sb", "split-brain", "bigger-file", "/bigger"); !strings.Contains(out, "Healed /bigger") {
		t.Errorf("bigger-file: %s", out)
	}
	p.cliOn(2, "volume", "heal", "sb", "split-brain", "latest-mtime", "/latest")
	p.cliOn(3, "volume", "heal", "sb", "split-brain", "source-brick", p.Peer(1).Name+":/srv/sb", "/source")
	p.cli("volume", "heal", "sb", "split-brain", "bigger-file", "gfid:"+gfidOf(p, filepath.Join(p.brickDirs(status)[0], "bygfid")))
	if _, err := p.rest(1).VolumeSplitBrain(t.Context(), "sb", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/bigger"}); !api.IsKind(err, api.State) {
		t.Errorf("a file that is not in split-brain any more: %v", err)
	}
	if left, err := p.splitBrainFiles(t.Context()); err != nil || len(left) != 2 {
		t.Errorf("left in split-brain: %q, %v", left, err)
	}
	if out := p.cli("volume", "heal", "sb", "split-brain", "source-brick", p.Peer(2).Name+":/srv/sb"); !strings.Contains(out, "Number of healed entries: 2") {
		t.Errorf("source-brick for all files: %s", out)
	}
}

// gfidOf reads the gfid of a file on a brick.
func gfidOf(p pool, file string) string {
	p.t.Helper()
	id := make([]byte, 16)
	if n, err := unix.Getxattr(file, "trusted.gfid", id); err != nil || n != len(id) {
		p.t.Fatalf("gfid of %s: %v", file, err)
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// splitBrainFiles lists the files of the volume sb in split-brain, by path or gfid.
func (p pool) splitBrainFiles(ctx context.Context) ([]string, error) {
	bricks, err := p.rest(1).VolumeHealInfo(ctx, "sb", client.HealInfoSplitBrain)
	if err != nil {
		return nil, err
	}
	for _, b := range bricks {
		if *b.Status != "Connected" || *b.Entries != int64(len(b.Files)) {
			return nil, fmt.Errorf("brick %s: %s, %d entries, files %q", *b.Name, *b.Status, *b.Entries, b.Files)
		}
	}
	return bricks[0].Files, nil
}

// healIndex lets the bricks of one peer miss files, while nobody heals, and then heals them.
func healIndex(p pool, volume string, status api.VolumeStatus) {
	t := p.t
	p.cli("volume", "heal", volume, "disable")
	p.crash(2, status)
	mount := p.mount(1, volume)
	want := fillTree(t, mount)
	status = p.revive(2, volume)
	p.connected(mount, volume, len(status.Bricks))
	if _, err := p.rest(1).VolumeHeal(t.Context(), volume, client.HealIndex); !api.IsKind(err, api.State) {
		t.Errorf("%s heals although that is switched off: %v", volume, err)
	}
	bricks, err := p.rest(3).VolumeHealInfo(t.Context(), volume, client.HealInfoSummary)
	p.must(err)
	for _, b := range bricks {
		if onPeer2 := strings.HasPrefix(*b.Name, p.Peer(2).Name+":"); (*b.EntriesInHealPending > 0) == onPeer2 || *b.Status != "Connected" {
			t.Errorf("%s: %s has %d entries to heal", volume, *b.Name, *b.EntriesInHealPending)
		}
	}
	p.cli("volume", "heal", volume, "enable")
	p.eventually(60*time.Second, func(ctx context.Context) error {
		started, err := p.rest(1).VolumeHeal(ctx, volume, client.HealIndex)
		for _, b := range started {
			if !b.Started {
				err = fmt.Errorf("brick %s: %s", b.Brick, b.Status)
			}
		}
		return err
	})
	dirs := p.brickDirs(status)
	p.eventually(90*time.Second, func(context.Context) error { return noPendingHeals(dirs) })
	sameTree(t, mount, want)
	p.must(p.Peer(1).Unmount(t.Context(), volume))
	if text := p.cli("volume", "heal", volume, "info"); strings.Count(text, "Number of entries: 0") != len(status.Bricks) {
		t.Errorf("something is left to heal:\n%s", text)
	}
}

// healFull takes a file away behind the back of the bricks: only a full heal can find that.
func healFull(p pool, volume string, status api.VolumeStatus) {
	t := p.t
	lost := map[string][]byte{}
	for _, dir := range p.brickDirs(status) {
		name := filepath.Join(dir, "top1048576")
		text, err := os.ReadFile(name)
		if !strings.Contains(dir, fmt.Sprintf("/proc/%d/", p.Peer(2).PID())) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		p.must(err)
		lost[name] = text
		id := gfidOf(p, name)
		p.must(os.Remove(name))
		p.must(os.Remove(filepath.Join(dir, ".glusterfs", id[:2], id[2:4], id)))
	}
	if len(lost) != 1 {
		t.Fatalf("%d copies were to be lost", len(lost))
	}
	p.cli("volume", "heal", volume, "full")
	p.eventually(90*time.Second, func(context.Context) error {
		for name, text := range lost {
			if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, text) {
				return fmt.Errorf("%s is not as it was: %d of %d bytes, %w", name, len(now), len(text), err)
			}
		}
		return nil
	})
}

// healFigures looks at what the daemons counted.
func healFigures(p pool, volume string) {
	t := p.t
	stats, err := p.rest(2).VolumeHealStatistics(t.Context(), volume)
	p.must(err)
	types, healed := map[string]bool{}, uint64(0)
	for _, b := range stats {
		if b.Error != "" {
			t.Errorf("statistics of %s: %+v", b.Brick, b)
		}
		for _, c := range b.Crawls {
			types[c.Type] = true
			healed += c.Healed
			if _, err := time.Parse(time.RFC3339, c.StartedAt); err != nil {
				t.Errorf("crawl %+v: %v", c, err)
			}
		}
	}
	if !types["INDEX"] || !types["FULL"] || healed == 0 {
		t.Errorf("crawls of the types %v healed %d entries", types, healed)
	}
	if text := p.cli("volume", "heal", volume, "statistics"); !strings.Contains(text, "Type of crawl: FULL") {
		t.Errorf("statistics as text:\n%s", text)
	}
	var all []api.BrickHealCount
	p.eventually(60*time.Second, func(ctx context.Context) error { // the note of a heal goes after the heal
		all, err = p.rest(1).VolumeHealCount(ctx, volume, "")
		for _, b := range all {
			if b.Entries != 0 || b.Error != "" {
				err = fmt.Errorf("count of %s: %+v", b.Brick, b)
			}
		}
		return err
	})
	one, err := p.rest(1).VolumeHealCount(t.Context(), volume, p.Peer(1).Name+":/srv/"+volume+"-1")
	p.must(err)
	if len(all) != 6 || len(one) != 3 || one[0].Brick != all[3].Brick {
		t.Errorf("counts: %+v, of one set %+v", all, one)
	}
}

// healGranular switches the healing of folders entry by entry, which needs all bricks.
func healGranular(p pool, volume string, status api.VolumeStatus) {
	p.cli("volume", "heal", volume, "granular-entry-heal", "disable")
	if text := p.cli("volume", "get", volume, "cluster.granular-entry-heal"); !strings.Contains(text, "off") {
		p.t.Errorf("granular-entry-heal: %s", text)
	}
	// Among other options nobody would look whether something is left to heal.
	if _, err := p.rest(2).VolumeSet(p.t.Context(), volume, api.VolumeOptionReq{Options: map[string]string{"cluster.granular-entry-heal": "on"}}); !api.IsKind(err, api.State) {
		p.t.Errorf("granular-entry-heal as an option: %v", err)
	}
	p.crash(3, p.waitBricks(volume))
	if _, err := p.rest(1).VolumeGranularHeal(p.t.Context(), volume, true); !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "bricks could be down") {
		p.t.Errorf("granular-entry-heal without all bricks: %v", err)
	}
	p.revive(3, volume)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		_, err := p.rest(1).VolumeGranularHeal(ctx, volume, true)
		p.healAgain(ctx, volume, err)
		return err
	})
}

func healRefusals(p pool) {
	c := p.rest(1)
	ctx := p.t.Context()
	for _, r := range []struct {
		volume, operation string
		req               api.SplitBrainReq
		kind              api.Kind
		field             string
	}{
		{"sb", "smaller-file", api.SplitBrainReq{FileName: "/f"}, api.Invalid, "operation"},
		{"sb", api.SplitBrainBiggerFile, api.SplitBrainReq{}, api.Invalid, "filename"},
		{"sb", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "f"}, api.Invalid, "filename"},
		{"sb", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/a/../f"}, api.Invalid, "filename"},
		{"sb", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "gfid:1234"}, api.Invalid, "filename"},
		{"sb", api.SplitBrainSource, api.SplitBrainReq{HostName: "node1", BrickName: "/srv/other"}, api.NotFound, "brickname"},
		{"sb", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/nothing"}, api.State, ""},
		{"disp", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/f"}, api.State, ""},
		{"nothing", api.SplitBrainBiggerFile, api.SplitBrainReq{FileName: "/f"}, api.NotFound, ""},
	} {
		_, err := c.VolumeSplitBrain(ctx, r.volume, r.operation, r.req)
		if e := api.AsError(err); e == nil || e.Kind != r.kind || e.Fields[api.FieldField] != r.field {
			p.t.Errorf("%s %+v of %s: %v", r.operation, r.req, r.volume, err)
		}
	}
	if _, err := c.VolumeGranularHeal(ctx, "disp", true); !api.IsKind(err, api.State) {
		p.t.Errorf("granular-entry-heal of a disperse volume: %v", err)
	}
	if _, err := c.VolumeHealStatistics(ctx, "disp"); !api.IsKind(err, api.State) {
		p.t.Errorf("statistics of a disperse volume: %v", err)
	}
	if _, err := c.VolumeHealCount(ctx, "dr", "node1:/srv/other"); !api.IsKind(err, api.NotFound) {
		p.t.Errorf("count of no brick: %v", err)
	}
	p.create("plain", p.bricks("plain", 1)...)
	if _, err := c.VolumeSelfHeal(ctx, "plain", true); !api.IsKind(err, api.State) {
		p.t.Errorf("self-heal of a volume without copies: %v", err)
	}
}

// healAgain has what is left healed, if there is something: a self-heal daemon that met a lock looks again by itself only after ten minutes.
func (p pool) healAgain(ctx context.Context, volume string, left error) {
	if left != nil {
		_, _ = p.rest(1).VolumeHeal(ctx, volume, "index") // if it is too early it is asked for again
	}
}
