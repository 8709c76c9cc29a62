package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

// TestTopologyLife is the life of volumes of a size, on image files on three peers in three zones: they are made, used,
// survive a power cut, are refused when there is no room, and leave nothing behind.
func TestTopologyLife(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	for n := 1; n <= 3; n++ {
		name := p.Peer(n).Name
		p.cli("peer", "edit", name, "--zone", "zone"+name)
		for d := range 2 {
			dir := fmt.Sprintf("/srv/disk%d", d)
			p.must(os.Mkdir(p.Peer(n).Path(dir), 0o755))
			p.cli("device", "add", name, dir, "--provisioner", "loop", "--tag", "tier="+[]string{"ssd", "hdd"}[d])
		}
	}
	before := p.devices()
	plan := p.cli("volume", "create", "gv0", "--size", "320MiB", "--replica", "3", "--dry-run")
	if !strings.Contains(plan, "320") || fmt.Sprint(p.devices()) != fmt.Sprint(before) {
		t.Errorf("the plan, or what it changed:\n%s\n%v", plan, p.devices())
	}
	p.cli("volume", "create", "gv0", "--size", "320MiB", "--replica", "3", "--match-tag", "tier=ssd")
	p.cli("volume", "start", "gv0")
	status := p.waitBricks("gv0")
	p.onTagged(status, "/srv/disk0")
	dir := p.mount(1, "gv0")
	want := fillTree(t, dir)
	p.mountsAreGone(1, "gv0", func() { p.must(p.Peer(2).PowerCut(t.Context())); p.must(p.Peer(2).Start(t.Context())) })
	status = p.waitBricks("gv0")
	sameTree(t, dir, want)
	p.healed(dir, status)

	_, err := p.Peer(1).CLI(t.Context(), "volume", "create", "big", "--size", "1TiB", "--replica", "3")
	if err == nil || !strings.Contains(err.Error(), "node2:/srv/disk1 needs") {
		t.Errorf("no refusal that names each device: %v", err)
	}
	p.cli("volume", "create", "gv1", "--size", "600MiB", "--max-brick-size", "300MiB", "--replica", "3")
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
	for n := 1; n <= 3; n++ {
		for d := range 2 {
			path := fmt.Sprintf("/srv/disk%d", d)
			p.cli("device", "remove", p.Peer(n).Name, path)
			if left, err := os.ReadDir(p.Peer(n).Path(path)); err != nil || len(left) > 0 {
				t.Errorf("%s of node%d: %v, %v", path, n, left, err)
			}
		}
		if out, _ := p.Peer(n).Run(t.Context(), "grep", "-c", "/bricks/", "/proc/mounts"); strings.TrimSpace(out) != "0" {
			t.Errorf("node%d still has %s filesystems of bricks mounted", n, out)
		}
	}
}

// devices are the devices as everybody sees them.
func (p pool) devices() []api.Device {
	p.t.Helper()
	list, err := p.rest(1).Devices(p.t.Context(), "")
	p.must(err)
	return list
}

// onTagged demands that all bricks are on one device of each peer, and inside filesystems of their own.
func (p pool) onTagged(status api.VolumeStatus, device string) {
	p.t.Helper()
	if len(status.Bricks) != 3 {
		p.t.Fatalf("%d bricks", len(status.Bricks))
	}
	for _, b := range status.Bricks {
		if b.Size.Capacity < 250<<20 || b.Size.Capacity > 320<<20 {
			p.t.Errorf("brick %s:%s holds %d MiB", b.Info.Hostname, b.Info.Path, b.Size.Capacity>>20)
		}
		images, err := os.ReadDir(p.onPeer(b).Path(device))
		if err != nil || len(images) != 2 { // the image and the mark of the device
			p.t.Errorf("%s on %s: %v, %v", device, b.Info.Hostname, images, err)
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
