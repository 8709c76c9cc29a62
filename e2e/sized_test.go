package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestTopologyLife is the life of volumes of a size, on image files on three peers in three zones with four disks each: they
// are made, used, grow where they are and elsewhere, move, survive a power cut, are refused when there is no room, and leave
// nothing behind.
func TestTopologyLife(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.addDisks(3, 4, 900)
	before := p.devices()
	plan := p.cli("volume", "create", "gv0", "--size", "320MiB", "--replica", "3", "--dry-run")
	if !strings.Contains(plan, "320") || fmt.Sprint(p.devices()) != fmt.Sprint(before) {
		t.Errorf("the plan, or what it changed:\n%s\n%v", plan, p.devices())
	}
	p.cli("volume", "create", "gv0", "--size", "320MiB", "--replica", "3")
	p.cli("volume", "start", "gv0")
	p.onDisks(p.waitBricks("gv0"), "/srv/disk0", "/srv/disk1", "/srv/disk2", "/srv/disk3")
	dir := p.mount(1, "gv0")
	want := fillTree(t, dir)
	p.sizedGrows(dir)
	p.sizedMoves(dir)

	p.mountsAreGone(1, "gv0", func() { p.must(p.Peer(2).PowerCut(t.Context())); p.must(p.Peer(2).Start(t.Context())) })
	p.waitBricks("gv0")
	p.eventually(30*time.Second, func(context.Context) error { return p.holds(dir, want) })
	p.sizedShrinks(dir)
	p.sizedIsEvacuated()
	p.must(p.holds(dir, want))
	p.evacuationIsRefused()
	p.singleIsEvacuated()

	_, err := p.Peer(1).CLI(t.Context(), "volume", "create", "big", "--size", "1TiB", "--replica", "3")
	if err == nil || !strings.Contains(err.Error(), "node2:/srv/disk1 needs") {
		t.Errorf("no refusal that names each device: %v", err)
	}
	p.cli("volume", "create", "gv1", "--size", "600MiB", "--max-brick-size", "300MiB", "--replica", "3", "--match-tag", "tier!=hdd")
	if v, err := p.rest(2).Volume(t.Context(), "gv1"); err != nil || v.DistributeCount != 2 || v.Capacity != 600<<20 {
		t.Errorf("%+v, %v", v, err)
	}
	p.must(p.Peer(1).Unmount(t.Context(), "gv0"))
	p.cli("volume", "stop", "gv0")
	for _, v := range []string{"gv0", "gv1"} {
		p.cli("volume", "delete", v)
	}
	if after := p.devices(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("devices before\n%v\nand after all volumes are gone\n%v", before, after)
	}
	p.removeDisks(3, 4)
	p.foreignDisk(2)
}

// devices are the devices as everybody sees them.
func (p pool) devices() []api.Device {
	p.t.Helper()
	list, err := p.rest(1).Devices(p.t.Context(), "")
	p.must(err)
	return list
}

// addDisks gives each of n peers, in zones of their own, disks of a size in MiB as devices /srv/disk0 and so on, by turns with
// the tags tier=ssd and tier=hdd.
func (p pool) addDisks(peers, disks, mib int) {
	p.t.Helper()
	for n := 1; n <= peers; n++ {
		name := p.Peer(n).Name
		p.cli("peer", "edit", name, "--zone", "zone"+name)
		for d := range disks {
			dir := fmt.Sprintf("/srv/disk%d", d)
			p.must(p.Peer(n).SmallDisk(p.t.Context(), dir, mib))
			p.cli("device", "add", name, dir, "--provisioner", "loop", "--tag", "tier="+[]string{"ssd", "hdd"}[d%2])
		}
	}
}

// removeDisks gives the devices of n peers up, and demands that nothing is left of them.
func (p pool) removeDisks(peers, disks int) {
	p.t.Helper()
	for n := 1; n <= peers; n++ {
		for d := range disks {
			path := fmt.Sprintf("/srv/disk%d", d)
			p.cli("device", "remove", p.Peer(n).Name, path)
			left, err := os.ReadDir(p.Peer(n).Path(path))
			p.must(err)
			for _, f := range left {
				if f.Name() != "lost+found" {
					p.t.Errorf("%s of node%d still holds %s", path, n, f.Name())
				}
			}
		}
		if out, _ := p.Peer(n).Run(p.t.Context(), "grep", "-c", "/bricks/", "/proc/mounts"); strings.TrimSpace(out) != "0" {
			p.t.Errorf("node%d still has %s filesystems of bricks mounted", n, out)
		}
	}
}

// holds fails unless a mounted volume has all that is wanted.
func (p pool) holds(dir string, want tree) error {
	got, err := readTree(dir)
	if err != nil {
		return err
	}
	for name, sum := range want {
		if got[name] != sum {
			return fmt.Errorf("%s/%s is %q, not %q", dir, name, got[name], sum)
		}
	}
	return nil
}

// room waits until a mounted volume shows that it holds at least so many MiB.
func (p pool) room(dir string, mib uint64) {
	p.t.Helper()
	p.eventually(30*time.Second, func(context.Context) error {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			return err
		}
		if got := st.Blocks * uint64(st.Bsize) >> 20; got < mib {
			return fmt.Errorf("%s holds %d MiB, not %d", dir, got, mib)
		}
		return nil
	})
}

// sizedGrows makes gv0 larger while it is in use: where it is, and then, since the disks have not the room, elsewhere.
func (p pool) sizedGrows(dir string) {
	p.t.Helper()
	w := startWriter(p.t.Context(), dir)
	w.waitMore(p, 10, 30*time.Second)
	p.cli("volume", "expand", "gv0", "--size", "+200MiB")
	p.room(dir, 430)
	w.waitMore(p, 10, 30*time.Second)
	fillMany(p.t, dir, 30)
	if out := p.cli("volume", "expand", "gv0", "--size", "+400MiB"); !strings.Contains(out, "success") {
		p.t.Errorf("%s", out)
	}
	p.room(dir, 750)
	w.waitMore(p, 10, 30*time.Second)
	w.finish(p.t)
	v, err := p.rest(2).Volume(p.t.Context(), "gv0")
	p.must(err)
	if v.Capacity != 920<<20 || v.DistributeCount != 2 {
		p.t.Errorf("%d MiB in %d subvolumes", v.Capacity>>20, v.DistributeCount)
	}
	p.waitBricks("gv0")
	p.cli("volume", "rebalance", "gv0", "start", "force")
	p.rebalanced("gv0", "completed")
}

// sizedMoves puts another brick in the place of one of gv0, wherever gd2 wants it.
func (p pool) sizedMoves(dir string) {
	p.t.Helper()
	old := p.waitBricks("gv0").Bricks[1]
	w := startWriter(p.t.Context(), dir)
	w.waitMore(p, 10, 30*time.Second)
	p.cli("volume", "replace-brick", "gv0", old.Info.Hostname+":"+old.Info.Path)
	p.ended(p.number(old), old.Pid)
	w.waitMore(p, 10, 30*time.Second)
	w.finish(p.t)
	status := p.waitBricks("gv0")
	if b := status.Bricks[1]; b.Info.ID == old.Info.ID || b.Info.PeerID != old.Info.PeerID {
		p.t.Errorf("%+v in the place of %+v", b.Info, old.Info)
	}
	p.setsHealed("gv0", status, 3)
}

// number is n of the peer that a brick is on, Peer(n).
func (p pool) number(b api.BrickStatus) int {
	n := 1
	for p.Peer(n) != p.onPeer(b) {
		n++
	}
	return n
}

// used is what the bricks on all devices take, and how many there are.
func used(devices []api.Device) (bytes uint64, bricks int) {
	for _, d := range devices {
		bytes += d.UsedSize
		bricks += d.Bricks
	}
	return bytes, bricks
}

// sizedShrinks takes a subvolume of gv0 away, with its files moved; its bricks are removed, and their room comes back.
func (p pool) sizedShrinks(dir string) {
	p.t.Helper()
	want, err := readTree(dir)
	p.must(err)
	status := p.waitBricks("gv0")
	words := []string{"volume", "remove-brick", "gv0"}
	var keeps uint64
	for i, b := range status.Bricks {
		if i < 3 {
			words = append(words, b.Info.Hostname+":"+b.Info.Path)
		} else {
			keeps += 400 << 20
		}
	}
	p.cli(append(words, "start")...)
	p.shrunk("gv0", "completed")
	p.cli(append(words, "commit")...)
	p.eventually(60*time.Second, func(context.Context) error {
		if bytes, bricks := used(p.devices()); bytes != keeps || bricks != 3 {
			return fmt.Errorf("%d bricks take %d bytes of the devices, not %d", bricks, bytes, keeps)
		}
		return nil
	})
	p.waitBricks("gv0")
	sameTree(p.t, dir, want)
	if v, err := p.rest(3).Volume(p.t.Context(), "gv0"); err != nil || v.Capacity != 400<<20 || v.DistributeCount != 1 {
		p.t.Errorf("%d MiB in %d subvolumes, %v", v.Capacity>>20, v.DistributeCount, err)
	}
}

// sizedIsEvacuated empties the device of a brick of gv0, and gives it back to the pool.
func (p pool) sizedIsEvacuated() {
	p.t.Helper()
	b := p.waitBricks("gv0").Bricks[0]
	d := p.deviceOf(b)
	if out := p.cli("device", "evacuate", d.Hostname, d.Device, "--wait"); !strings.Contains(out, "all bricks have been moved") {
		p.t.Errorf("%s", out)
	}
	d, err := p.rest(1).Device(p.t.Context(), d.PeerID, d.ID)
	if err != nil || d.Bricks != 0 || d.UsedSize != 0 || d.Evacuation == nil || d.Evacuation.Percent != 100 {
		p.t.Errorf("%+v, %v", d, err)
	}
	p.setsHealed("gv0", p.waitBricks("gv0"), 3)
	p.cli("device", "edit", d.Hostname, d.Device, "--state", "enabled")
}

// evacuationIsRefused: before the first brick of a peer moves it is clear that its copies find no place on the others.
func (p pool) evacuationIsRefused() {
	p.t.Helper()
	before := fmt.Sprint(p.devices())
	p.refused(1, []string{"of volume gv0: no room for a brick of", "node2:/srv/disk0 is to be emptied", "node1:/srv/disk0 shares its zone", "use force"},
		"peer", "evacuate", "node2")
	if now := fmt.Sprint(p.devices()); now != before {
		p.t.Errorf("devices before\n%s\nand after an evacuation that was refused\n%s", before, now)
	}
}

// singleIsEvacuated empties the device of a volume without copies while it is used: its files move, and none is lost.
func (p pool) singleIsEvacuated() {
	p.t.Helper()
	p.cli("volume", "create", "single", "--size", "310MiB")
	p.cli("volume", "start", "single")
	old := p.waitBricks("single").Bricks[0]
	dir := p.mount(1, "single")
	want := fillTree(p.t, dir)
	d := p.deviceOf(old)
	if plan := p.cli("device", "evacuate", d.Hostname, d.Device, "--dry-run"); !strings.Contains(plan, "takes its files") || p.deviceOf(old).Evacuation != nil {
		p.t.Errorf("the plan, or what it changed:\n%s", plan)
	}
	w := startWriter(p.t.Context(), dir)
	w.waitMore(p, 10, 30*time.Second)
	p.cli("device", "evacuate", d.Hostname, d.Device, "--wait")
	w.waitMore(p, 10, 30*time.Second)
	w.finish(p.t)
	p.must(p.holds(dir, want))
	v, err := p.rest(2).Volume(p.t.Context(), "single")
	if err != nil || v.DistributeCount != 1 || v.Capacity != 310<<20 || v.Subvols[0].Bricks[0].ID == old.Info.ID {
		p.t.Errorf("%+v, %v", v, err)
	}
	ops, err := p.rest(3).Operations(p.t.Context(), client.OperationFilter{State: api.OperationDone})
	p.must(err)
	for _, name := range []string{"device.evacuate", "volume.move-brick"} {
		if !slices.ContainsFunc(ops.Operations, func(o api.Operation) bool { return o.Operation == name }) {
			p.t.Errorf("no operation %s is done", name)
		}
	}
	p.must(p.Peer(1).Unmount(p.t.Context(), "single"))
	p.cli("volume", "stop", "single")
	p.cli("volume", "delete", "single")
	p.cli("device", "edit", d.Hostname, d.Device, "--state", "enabled")
}

// setsHealed waits until the bricks of each set of a volume, of so many bricks, are alike and nothing is left to heal.
func (p pool) setsHealed(volume string, status api.VolumeStatus, width int) {
	p.t.Helper()
	dirs := p.brickDirs(status)
	for set := range slices.Chunk(dirs, width) {
		p.eventually(120*time.Second, func(ctx context.Context) error {
			err := noPendingHeals(set)
			want, readErr := readTree(set[0])
			for _, dir := range set[1:] {
				got, bad := readTree(dir)
				if readErr = errors.Join(readErr, bad); err == nil && readErr == nil && !maps.Equal(want, got) {
					err = fmt.Errorf("%s differs from %s", dir, set[0])
				}
			}
			err = errors.Join(err, readErr)
			p.healAgain(ctx, volume, err)
			return err
		})
	}
}

// onDisks demands that all bricks are on certain devices of their peers, and inside filesystems of their own.
func (p pool) onDisks(status api.VolumeStatus, devices ...string) {
	p.t.Helper()
	if len(status.Bricks) != 3 {
		p.t.Fatalf("%d bricks", len(status.Bricks))
	}
	for _, b := range status.Bricks {
		if b.Size.Capacity < 250<<20 || b.Size.Capacity > 320<<20 {
			p.t.Errorf("brick %s:%s holds %d MiB", b.Info.Hostname, b.Info.Path, b.Size.Capacity>>20)
		}
		found := 0
		for _, device := range devices {
			images, err := filepath.Glob(filepath.Join(p.onPeer(b).Path(device), "brick_*"))
			p.must(err)
			found += len(images)
		}
		if found != 1 {
			p.t.Errorf("%d images in %v on %s", found, devices, b.Info.Hostname)
		}
	}
}

// mountsAreGone runs what takes the mounts of a peer's bricks away, and waits until they are there again.
func (p pool) mountsAreGone(n int, volume string, f func()) {
	p.t.Helper()
	f()
	p.eventually(60*time.Second, func(ctx context.Context) error {
		bricks, err := p.rest(n).VolumeBricks(ctx, volume)
		if err != nil {
			return err
		}
		for _, b := range bricks {
			if !b.Online {
				return fmt.Errorf("brick %s:%s is not online: %s", b.Info.Hostname, b.Info.Path, b.Error)
			}
		}
		return nil
	})
}
