//go:build vm

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// The tests of this file need thin pools of LVM, so they run in a virtual machine: make e2e-vm.

// isGrounded demands that LVM has what the store says.
func (p pool) isGrounded() {
	p.t.Helper()
	p.must(p.grounded(p.t.Context()))
}

// TestLVMLife is the life of volumes of a size on thin pools of LVM: devices are taken, with what they held wiped only if that is
// said; volumes are made, used, survive a power cut, grow, fill a device to its last extent, and leave nothing behind.
func TestLVMLife(t *testing.T) {
	p := newPool(t, 3, 0)
	disks := []string{"", p.addDisk(1, "a", 1600), p.addDisk(2, "a", 1600), p.addDisk(3, "a", 1600)}
	_, err := p.Peer(2).Run(t.Context(), "mkfs.ext4", "-q", disks[2])
	p.must(err)
	if _, err := p.Peer(1).CLI(t.Context(), "device", "add", "node2", disks[2]); err == nil || !strings.Contains(err.Error(), "holds ext4 at 0x438") {
		t.Errorf("a device with a filesystem: %v", err)
	}
	p.cli("device", "add", "node1", disks[1])
	p.cli("device", "add", "node2", disks[2], "--wipe")
	p.cli("device", "add", "node3", disks[3])
	p.isGrounded()

	p.cli("volume", "create", "gv0", "--size", "320MiB", "--replica", "3")
	p.isGrounded()
	p.poolsOf("gv0", 320<<20)
	p.cli("volume", "start", "gv0")
	status := p.waitBricks("gv0")
	dir := p.mount(1, "gv0")
	want := fillTree(t, dir)
	p.mountsAreGone(2, "gv0", func() {
		p.must(p.Peer(2).PowerCut(t.Context()))
		_, err := p.Peer(2).Run(t.Context(), "vgchange", "--activate", "n") // nor are volumes active after a restart
		p.must(err)
		p.must(p.Peer(2).Start(t.Context()))
	})
	sameTree(t, dir, want)
	p.healed(dir, status)
	p.isGrounded()

	// Beyond 800 MiB the pools' metadata grow too.
	_, err = p.rest(1).VolumeExpand(t.Context(), "gv0", api.VolumeExpandReq{Size: 700 << 20})
	p.must(err)
	p.isGrounded()
	p.poolsOf("gv0", 1020<<20)
	sameTree(t, dir, want)
	var fs unix.Statfs_t
	p.must(unix.Statfs(dir, &fs))
	if mib := fs.Blocks * uint64(fs.Bsize) >> 20; mib < 900 || mib > 1020 {
		t.Errorf("the volume holds %d MiB after it has grown to 1020", mib)
	}
	p.fillDevice("node3")
	p.must(p.Peer(1).Unmount(t.Context(), "gv0"))
	p.cli("volume", "stop", "gv0")
	p.cli("volume", "delete", "gv0")
	p.cli("volume", "delete", "full")
	p.isGrounded()
	if p.used() > 0 {
		t.Errorf("%d bytes of the devices are taken, of no volume", p.used())
	}
	for n := 1; n <= 3; n++ {
		p.cli("device", "remove", p.Peer(n).Name, disks[n])
		if out, err := p.Peer(n).Run(t.Context(), "pvs", "--noheadings"); err != nil || out != "" {
			t.Errorf("node%d still has physical volumes: %s, %v", n, out, err)
		}
	}
}

// poolsOf demands that each brick of a volume is a thin volume of a size in a pool as Heketi would make: in chunks of 256 KiB, with half a
// percent of the pool for its metadata, both in whole extents.
func (p pool) poolsOf(volume string, size int64) {
	p.t.Helper()
	const extent = 4 << 20
	v, err := p.rest(1).Volume(p.t.Context(), volume)
	p.must(err)
	for _, b := range v.Subvols[0].Bricks {
		have, err := p.onPeer(api.BrickStatus{Info: b}).Run(p.t.Context(), "lvs", "--noheadings", "--units=b", "--nosuffix", "--separator=,",
			"--options=lv_name,lv_size,chunk_size,lv_metadata_size", "vg_"+b.Device)
		p.must(err)
		for _, want := range []string{
			fmt.Sprintf("brick_%s,%d,0,\n", b.ID, size), fmt.Sprintf("tp_%s,%d,%d,%d\n", b.ID, size, 256<<10, (size/200+extent-1)/extent*extent),
		} {
			if !strings.Contains(have, want) {
				p.t.Errorf("%s has\n%swant %s", b.Hostname, have, want)
			}
		}
	}
}

// fillDevice makes a volume that takes all that is left of the device of a peer.
func (p pool) fillDevice(host string) {
	p.t.Helper()
	free := func() uint64 {
		for _, d := range p.devices() {
			if d.Hostname == host || p.hostOf(d.Hostname) == host {
				return d.FreeSize
			}
		}
		return 0
	}
	// A brick takes its size and, for metadata, half a percent of it, each in whole extents.
	const extent = 4 << 20
	size := free() - extent
	for size+(size/200+extent-1)/extent*extent > free() {
		size -= extent
	}
	p.cli("volume", "create", "full", "--size", fmt.Sprint(size), "--limit-peers", host)
	if left := free(); left >= extent {
		p.t.Errorf("%d bytes are left", left)
	}
	p.isGrounded()
}

// TestLVMCrash kills the daemon of a peer before and after the programs of LVM that make, grow, move and remove bricks on thin pools, and
// take and give up devices: LVM goes on without the daemon, and has what the store says afterwards, to the extent. What it costs to be killed at
// all other points does not depend on LVM: see TestProvisionCrash. With GD2_E2E_WHOLE it is killed at all programs here too.
func TestLVMCrash(t *testing.T) {
	p := newCrashPool(t)
	for n := 1; n <= 3; n++ {
		p.cli("device", "add", p.Peer(n).Name, p.addDisk(n, "a", 1000))
	}
	create, remove := p.sizedCrashes(2)
	create.runs, remove.runs = programs("lvcreate", "lvchange", "mkfs.xfs", "mount"), programs("lvremove")
	grow := p.growCrash(2)
	grow.runs = programs("lvextend", "xfs_growfs")
	for _, c := range append([]crashed{create, grow, remove}, p.deviceCrashes(3, p.addDisk(3, "b", 600))...) {
		c.onlyRuns = true
		c.run(t)
	}
	p.makeMovable()
	evict := p.evictCrash(2) // the new brick is made as any other
	evict.runs, evict.onlyRuns, evict.sampled = programs("lvremove"), true, 1
	evict.run(t)
}

// programs are those of LVM alone unless the whole sweep is wanted: TestProvisionCrash has the others.
func programs(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		return !whole() && !strings.HasPrefix(name, "lv") && !strings.HasPrefix(name, "vg") && !strings.HasPrefix(name, "pv")
	})
}

// deviceCrashes are the requests about a device of a peer, during which its daemon is killed.
func (p pool) deviceCrashes(n int, disk string) []crashed {
	known := func(p pool) bool {
		return slices.ContainsFunc(p.devices(), func(d api.Device) bool { return d.Device == disk && p.hostOf(d.Hostname) == p.Peer(n).Name })
	}
	add := func(ctx context.Context, c *client.Client, _ string) error {
		_, err := c.DeviceAdd(ctx, p.peerID(n), api.DeviceAddReq{Device: disk})
		return err
	}
	remove := func(ctx context.Context, c *client.Client, _ string) error {
		devices, err := c.Devices(ctx, p.peerID(n))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(devices, func(d api.Device) bool { return d.Device == disk })
		if i < 0 {
			return nil // the request before has removed it
		}
		return c.DeviceRemove(ctx, p.peerID(n), devices[i].ID, false)
	}
	do := func(request func(context.Context, *client.Client, string) error, when bool) func(pool, string) {
		return func(p pool, name string) {
			p.t.Helper()
			if known(p) == when {
				p.must(p.persistent(func() error { return request(p.t.Context(), p.rest(2), name) }))
			}
		}
	}
	world := func(p pool, _ string) string {
		p.t.Helper()
		out, err := p.Peer(n).Run(p.t.Context(), "pvs", "--noheadings", "--options=pv_name,vg_name")
		p.must(err)
		if err := p.grounded(p.t.Context()); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("known: %v, of LVM: %v", known(p), strings.Contains(out, disk))
	}
	base := crashed{pool: p, victim: n, world: world, clear: func(pool, string) {}}
	take, release := base, base
	take.what, take.request, take.runs = "take", add, []string{"vgcreate"}
	take.prepare, take.after = do(remove, true), "known: true, of LVM: true"
	release.what, release.request, release.runs = "release", remove, []string{"vgremove", "pvremove"}
	release.prepare, release.after = do(add, false), "known: false, of LVM: false"
	return []crashed{take, release}
}
