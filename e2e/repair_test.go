package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// deviceOf is the device that holds a brick that gd2 has made.
func (p pool) deviceOf(b api.BrickStatus) api.Device {
	p.t.Helper()
	for _, d := range p.devices() {
		if d.PeerID != b.Info.PeerID {
			continue
		}
		images, err := filepath.Glob(filepath.Join(p.onPeer(b).Path(d.Device), "brick_"+b.Info.ID+".img"))
		p.must(err)
		if len(images) == 1 {
			return d
		}
	}
	p.t.Fatalf("brick %s is on no device", b.Info.ID)
	return api.Device{}
}

// elsewhere is a brick of a volume that is not on the peer that has mounted it, node1.
func (p pool) elsewhere(status api.VolumeStatus) api.BrickStatus {
	p.t.Helper()
	for _, b := range status.Bricks {
		if p.onPeer(b) != p.Peer(1) {
			return b
		}
	}
	p.t.Fatal("all bricks are on node1")
	return api.BrickStatus{}
}

// evacuated waits until one of the devices of a peer has been emptied.
func (p pool) evacuated(peerID string) {
	p.t.Helper()
	p.eventually(180*time.Second, func(ctx context.Context) error {
		devices, err := p.rest(1).Devices(ctx, peerID)
		for _, d := range devices {
			switch {
			case d.Evacuation == nil:
			case d.Evacuation.Done:
				return nil
			default:
				err = errors.Join(err, fmt.Errorf("device %s: %+v", d.Device, *d.Evacuation))
			}
		}
		if err == nil {
			err = errors.New("no device is being emptied")
		}
		return err
	})
}

// TestDiskDies takes the disk away under a brick of a volume in use. A new disk takes its place: the brick is made anew there, healed from
// the others, and the dead one is given up.
func TestDiskDies(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.addDisks(3, 2, 900)
	p.cli("volume", "create", "gv0", "--size", "400MiB", "--replica", "3")
	p.cli("volume", "start", "gv0")
	dead := p.elsewhere(p.waitBricks("gv0"))
	d := p.deviceOf(dead)
	mount := p.mount(1, "gv0")
	fillTree(t, mount)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 10, 30*time.Second)

	host := p.onPeer(dead)
	for _, argv := range [][]string{
		{"umount", "-l", filepath.Dir(dead.Info.Path)},
		{"truncate", "-s", "0", filepath.Join(d.Device, "brick_"+dead.Info.ID+".img")},
		{"kill", "-9", fmt.Sprint(dead.Pid)}, // it would go on with what the kernel has in memory
	} {
		_, err := host.Run(t.Context(), argv...)
		p.must(err)
	}
	p.eventually(60*time.Second, func(ctx context.Context) error {
		st, err := p.rest(1).VolumeStatus(ctx, "gv0")
		for _, b := range st.Bricks {
			if b.Info.ID == dead.Info.ID && b.Online {
				err = fmt.Errorf("the brick without a disk serves")
			}
		}
		return err
	})
	w.waitMore(p, 10, 30*time.Second)
	w.finish(t)
	p.must(host.SmallDisk(t.Context(), "/srv/disk9", 900))
	made := p.replacedInSpiteOfCrash(d, "/srv/disk9")
	status := p.waitBricks("gv0")
	for _, b := range status.Bricks {
		if on := p.deviceOf(b); b.Info.ID == dead.Info.ID || b.Info.PeerID == d.PeerID && on.ID != made.ID {
			t.Errorf("the dead brick is still in the volume, or its successor is not on the new disk: %+v on %s", b.Info, on.Device)
		}
	}
	p.setsHealed("gv0", status, 3)
	left, err := os.ReadDir(host.Path(d.Device))
	p.must(err)
	for _, f := range left {
		if f.Name() != "lost+found" {
			t.Errorf("%s still holds %s", d.Device, f.Name())
		}
	}
}

// replacedInSpiteOfCrash puts a new disk in the place of one. The daemon that was asked dies at once; the operation comes to its end, and
// the old disk is not on record any more.
func (p pool) replacedInSpiteOfCrash(old api.Device, path string) (made api.Device) {
	p.t.Helper()
	ctx := p.t.Context()
	if plan := p.cli("device", "replace", old.Hostname, old.Device, path, "--dry-run"); !strings.Contains(plan, "filled from the other bricks") {
		p.t.Errorf("the plan:\n%s", plan)
	}
	before := p.devices()
	p.cli("device", "replace", old.Hostname, old.Device, path)
	p.must(p.Peer(1).KillDaemon(ctx))
	p.must(p.Peer(1).Start(ctx))
	p.eventually(180*time.Second, func(ctx context.Context) error {
		ops, err := p.rest(1).Operations(ctx, client.OperationFilter{Operation: "device.replace"})
		if err == nil && (len(ops.Operations) != 1 || ops.Operations[0].State != api.OperationDone) {
			err = fmt.Errorf("the replacement is not done: %+v", ops.Operations)
		}
		return err
	})
	devices := p.devices()
	for _, d := range devices {
		if d.ID == old.ID || d.PeerID == old.PeerID && d.Device == path && d.State != api.DeviceEnabled {
			p.t.Errorf("still there, or not in service: %+v", d)
		}
		if d.PeerID == old.PeerID && d.Device == path {
			made = d
		}
	}
	if len(devices) != len(before) || made.Tags["tier"] != old.Tags["tier"] || made.Bricks != old.Bricks {
		p.t.Errorf("%+v in the place of %+v; %d devices after %d", made, old, len(devices), len(before))
	}
	return made
}

// TestNodeDies loses two hosts for good, one after the other. The bricks of the first are made anew on a fourth peer, by the daemons
// themselves. For those of the second there is no other peer, until a new machine joins under its name and address, and takes its place.
func TestNodeDies(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 4})
	for n := 1; n <= 4; n++ {
		p.configure(n, fmt.Sprintf("pool-secret = %q\nloglevel = \"debug\"\nrepair-after = \"5s\"\n", lab.PoolSecret))
	}
	p.startAll(4)
	for n := 2; n <= 4; n++ {
		p.cli("peer", "probe", p.Peer(n).Name)
	}
	p.waitOnline(4)
	p.addDisks(4, 1, 900)
	p.cli("volume", "create", "gv0", "--size", "400MiB", "--replica", "3", "--limit-peers", "node1,node2,node3,node4")
	p.cli("volume", "start", "gv0")
	mount := p.mount(1, "gv0")
	want := fillTree(t, mount)
	w := startWriter(t.Context(), mount)
	w.waitMore(p, 10, 30*time.Second)
	p.waitVoters(3)

	lost := p.dies(w)
	p.evacuated(lost.Info.PeerID)
	p.setsHealed("gv0", p.waitBricks("gv0"), 3)
	p.cli("device", "remove", p.onPeer(lost).Name, "/srv/disk0", "--force")
	p.cli("peer", "detach", p.onPeer(lost).Name, "--force")

	named, files := p.namedBricks()
	w = startWriter(t.Context(), mount)
	w.waitMore(p, 10, 30*time.Second)
	p.waitVoters(3)
	lost = p.dies(w)
	host := p.onPeer(lost)
	_, err := host.Run(t.Context(), "sh", "-c", "umount -l /srv/disk0; rm -rf /var/lib/glusterd2/* /srv/*")
	p.must(err)
	p.must(host.Start(t.Context()))
	p.eventually(30*time.Second, func(ctx context.Context) error {
		was, err := p.rest(1).Peer(ctx, lost.Info.PeerID)
		if err == nil && was.Online {
			err = errors.New("the dead peer is still taken for alive")
		}
		return err
	})
	p.refused(1, []string{"--replaces " + host.Name}, "peer", "probe", host.Name)
	p.cli("peer", "probe", host.Name, "--replaces", host.Name)
	p.namedBrickMoves(host)
	p.must(host.SmallDisk(t.Context(), "/srv/disk0", 900))
	// The rules of gv0 name the peer that is gone, and the daemons have begun to look for a place.
	p.cli("device", "replace", host.Name+"-gone", "/srv/disk0", "/srv/disk0", "--wait")
	status := p.waitBricks("gv0")
	p.setsHealed("gv0", status, 3)
	for _, b := range status.Bricks {
		if b.Info.PeerID == lost.Info.PeerID {
			t.Errorf("a brick of the peer that is gone is still in the volume: %+v", b.Info)
		}
	}
	p.must(p.holds(mount, want))
	p.setsHealed("named", p.waitBricks("named"), 3)
	p.must(p.holds(named, files))
	p.cli("peer", "detach", host.Name+"-gone", "--force")
	p.seesAllWell(1, 3)
	p.waitVoters(3)
}

// namedBricks makes a volume of bricks that somebody names, on the peers that have those of gv0, and fills it.
func (p pool) namedBricks() (dir string, files tree) {
	p.t.Helper()
	words := []string{"volume", "create", "named", "replica", "3"}
	for _, b := range p.waitBricks("gv0").Bricks {
		words = append(words, p.onPeer(b).Name+":/srv/named")
	}
	p.cli(words...)
	p.cli("volume", "start", "named")
	p.waitBricks("named")
	dir = p.mount(1, "named")
	return dir, fillTree(p.t, dir)
}

// namedBrickMoves moves a brick that somebody has named to the peer in the place of the one that is gone: nobody else can say where.
func (p pool) namedBrickMoves(host *lab.Peer) {
	p.t.Helper()
	gone := host.Name + "-gone"
	p.refused(1, []string{"/srv/named of volume named was not made by gd2", "volume replace-brick"}, "peer", "evacuate", gone)
	p.refused(1, []string{"make sure that its host is off, then use force"}, "volume", "replace-brick", "named", gone+":/srv/named", host.Name+":/srv/named")
	p.cli("volume", "replace-brick", "named", gone+":/srv/named", host.Name+":/srv/named", "commit", "force")
}

// dies has the host of a brick of gv0 die while w writes, and returns the brick.
func (p pool) dies(w *writer) api.BrickStatus {
	p.t.Helper()
	lost := p.elsewhere(p.waitBricks("gv0"))
	p.must(p.onPeer(lost).PowerCut(p.t.Context()))
	w.waitMore(p, 10, 30*time.Second)
	w.finish(p.t)
	return lost
}
