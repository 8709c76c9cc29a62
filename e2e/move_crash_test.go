package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// movable is a volume of two sets, whose copies are on node1 and node2: one that has to move goes to node3, for there is no other place.
const movable = "movable"

// moveCrashes kills daemons while bricks of a volume in use move from node2 to node3: one that is evicted, and all of a device and of a
// peer that are emptied.
func (p pool) moveCrashes(t *testing.T) {
	p = p.in(t)
	p.makeMovable()
	dir := p.mount(1, movable)
	want := fillTree(t, dir)
	for victim := 1; victim <= 3; victim++ {
		p.evictCrash(victim).run(t)
	}
	for _, c := range p.evacuateCrashes() {
		c.run(t)
	}
	p.moveBack("")
	sameTree(t, dir, want)
	p.must(p.Peer(1).Unmount(t.Context(), movable))
	p.dropSized(movable)
}

// makeMovable makes the volume, and starts it.
func (p pool) makeMovable() {
	p.t.Helper()
	p.offer(1, 2)
	p.cli("volume", "create", movable, "--size", "600MiB", "--replica", "2", "--distribute", "2")
	p.cli("volume", "start", movable)
	p.offer(1, 2, 3)
	p.waitBricks(movable)
}

// setDevice puts the device of a peer into a state.
func (p pool) setDevice(n int, state string) {
	p.t.Helper()
	d := p.deviceOn(n)
	if d.State == state {
		return
	}
	_, err := p.rest(2).DeviceEdit(p.t.Context(), d.PeerID, d.ID, api.DeviceEditReq{State: state})
	p.must(err)
}

// deviceOn is the device of a peer.
func (p pool) deviceOn(n int) api.Device {
	p.t.Helper()
	list := p.devices()
	i := slices.IndexFunc(list, func(d api.Device) bool { return p.hostOf(d.Hostname) == p.Peer(n).Name })
	if i < 0 {
		p.t.Fatalf("node%d has no device", n)
	}
	return list[i]
}

// moveBack brings the bricks of the volume from node3 to node2, and waits until they are whole.
func (p pool) moveBack(string) {
	p.t.Helper()
	p.setDevice(2, api.DeviceEnabled)
	p.setsHealed(movable, p.waitBricks(movable), 2)
	for _, b := range p.waitBricks(movable).Bricks {
		if p.onPeer(b) == p.Peer(3) {
			_, err := p.rest(2).VolumeReplaceBrick(p.t.Context(), movable, api.ReplaceBrickReq{SrcPeerID: b.Info.PeerID, SrcPath: b.Info.Path})
			p.must(err)
			p.setsHealed(movable, p.waitBricks(movable), 2)
		}
	}
	p.setDevice(3, api.DeviceEnabled)
}

// movedWorld describes where the bricks of the volume are.
func (p pool) movedWorld(string) string {
	p.t.Helper()
	return p.placesOf(movable)
}

// placesOf describes where the bricks of a volume are, whether node2 is being emptied, and whether the hosts have what the store says.
func (p pool) placesOf(volume string) string {
	p.t.Helper()
	devices, err := p.rest(2).Devices(p.t.Context(), p.peerID(2))
	if err != nil || len(devices) != 1 {
		return fmt.Sprintf("devices of node2: %v, %v", devices, err)
	}
	v, err := p.rest(2).Volume(p.t.Context(), volume)
	if err != nil {
		return err.Error()
	}
	var hosts []string
	for _, s := range v.Subvols {
		var set []string
		for _, b := range s.Bricks {
			set = append(set, p.hostOf(b.Hostname))
		}
		hosts = append(hosts, slices.Sorted(slices.Values(set))...)
	}
	text := strings.Join(hosts, " ")
	if e := devices[0].Evacuation; e != nil && !e.Done {
		text += ", being emptied: " + e.Waits
	}
	serve, err := p.serving(volume)
	if err != nil {
		return err.Error()
	}
	if err := p.grounded(p.t.Context()); err != nil {
		return text + ", not as on record: " + err.Error()
	}
	return fmt.Sprintf("%s, %d serve, as on record", text, serve)
}

// evictCrash is the eviction of a brick from node2, to wherever gd2 finds a place.
func (p pool) evictCrash(victim int) crashed {
	var evicted api.BrickInfo
	return crashed{
		pool: p, what: fmt.Sprintf("evict-%d", victim), victim: victim, sampled: min(victim, 2), seldom: victim > 2,
		prepare: func(p pool, _ string) {
			p.t.Helper()
			p.moveBack("")
			v, err := p.rest(2).Volume(p.t.Context(), movable)
			p.must(err)
			set := v.Subvols[0].Bricks
			evicted = set[slices.IndexFunc(set, func(b api.BrickInfo) bool { return p.hostOf(b.Hostname) == "node2" })]
		},
		request: func(ctx context.Context, c *client.Client, _ string) error {
			_, err := c.VolumeReplaceBrick(ctx, movable, api.ReplaceBrickReq{SrcPeerID: evicted.PeerID, SrcPath: evicted.Path})
			return err
		},
		world: pool.movedWorld, after: "node1 node3 node1 node2, 4 serve, as on record",
		clear: func(pool, string) {},
	}
}

// evacuateCrashes empty the device of node2, while the peer dies that moves the bricks, and the whole of node2 while that dies.
func (p pool) evacuateCrashes() []crashed {
	d := p.deviceOn(2)
	device := crashed{
		pool: p, what: "evacuate-device", victim: p.mover(), seldom: true, prepare: pool.moveBack, clear: func(pool, string) {},
		world: pool.movedWorld, after: "node1 node3 node1 node3, 4 serve, as on record", request: emptied(d),
	}
	peer := device
	peer.what, peer.victim = "evacuate-peer", 2
	peer.request = func(ctx context.Context, c *client.Client, _ string) error {
		if _, err := c.PeerEvacuate(ctx, d.PeerID, api.EvacuateReq{}); err != nil {
			return err
		}
		return waitEmpty(ctx, c, d)
	}
	return []crashed{device, peer}
}

// emptied is the request to empty a device.
func emptied(d api.Device) func(context.Context, *client.Client, string) error {
	return func(ctx context.Context, c *client.Client, _ string) error {
		if _, err := c.DeviceEvacuate(ctx, d.PeerID, d.ID, api.EvacuateReq{}); err != nil {
			return err
		}
		return waitEmpty(ctx, c, d)
	}
}

// filesCrashes kill daemons while the files of a brick that no other has move from node2 to node3: a new one is made there, filled by a
// process on node2, and takes the place of the old one.
func (p pool) filesCrashes(t *testing.T) {
	p = p.in(t)
	mover := p.mover()
	for victim := 1; victim <= 3; victim++ {
		if c := p.filesCrash(victim); victim == mover || victim > 1 { // node1 has no part in it, unless it moves them
			c.seldom = victim != mover
			c.run(t)
		}
	}
}

// filesCrash is the evacuation of a device that has one of the two bricks of a volume without copies, which is in use. Not one file is lost.
func (p pool) filesCrash(victim int) crashed {
	var dir string
	var want tree
	return crashed{
		pool: p, what: fmt.Sprintf("move-brick-%d", victim), victim: victim, sampled: 1, alone: true, request: emptied(p.deviceOn(2)),
		prepare: func(p pool, name string) {
			p.t.Helper()
			p.offer(1, 2)
			p.cli("volume", "create", name, "--size", "600MiB", "--distribute", "2")
			p.cli("volume", "start", name)
			p.offer(2, 3)
			p.waitBricks(name)
			dir = p.mount(1, name)
			want = fillTree(p.t, dir)
		},
		world: pool.placesOf, after: "node1 node3, 2 serve, as on record",
		clear: func(p pool, name string) {
			p.t.Helper()
			p.waitSame(60*time.Second, want, dir)
			p.must(p.Peer(1).Unmount(p.t.Context(), name))
			p.dropSized(name)
			p.offer(1, 2, 3)
		},
	}
}

// offer has new bricks go to the devices of these peers only.
func (p pool) offer(peers ...int) {
	p.t.Helper()
	for n := 1; n <= 3; n++ {
		state := api.DeviceDisabled
		if slices.Contains(peers, n) {
			state = api.DeviceEnabled
		}
		p.setDevice(n, state)
	}
}

// waitEmpty waits until a device has been emptied.
func waitEmpty(ctx context.Context, c *client.Client, d api.Device) error {
	return lab.Eventually(ctx, 2*time.Minute, func(ctx context.Context) error {
		now, err := c.Device(ctx, d.PeerID, d.ID)
		if err == nil && (now.Evacuation == nil || !now.Evacuation.Done) {
			err = fmt.Errorf("%s of %s is not empty yet: %+v", d.Device, d.Hostname, now.Evacuation)
		}
		return err
	})
}

// mover is the number of the peer that moves the bricks of devices that are emptied: of those at work the one with the lowest id.
func (p pool) mover() int {
	p.t.Helper()
	n := 1
	for i := 2; i <= 3; i++ {
		if p.peerID(i) < p.peerID(n) {
			n = i
		}
	}
	return n
}
