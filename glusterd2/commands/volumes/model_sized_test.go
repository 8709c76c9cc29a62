package volumes

import (
	"context"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"gd2/glusterd2/device"
	"gd2/glusterd2/provision"
	"gd2/pkg/api"
)

// deviceSize is that of the one device that each peer has, if the world has devices.
const deviceSize = 4 * gib

// modelDevice is the device of a peer.
func modelDevice(peerID string) *device.Device {
	return &device.Device{ID: "device-" + peerID, PeerID: peerID, Name: "/dev/sdb", Provisioner: api.ProvisionerLVM, State: api.DeviceEnabled,
		Size: deviceSize, Unit: 4 << 20, Mounts: "/run/bricks"}
}

// made reports whether gd2 has made a brick.
func (b modelBrick) made() bool { return b.size > 0 }

// costOf is what a brick takes of its device.
func costOf(size uint64) uint64 {
	return provision.Sizing{Unit: 4 << 20, Thin: true, MinBrick: minXFS}.Cost(size, 0)
}

// free is what is left of the device of a peer; ok is false if it gets no bricks now.
func (w *world) free(id string) (bytes uint64, usable bool) {
	_, in := w.peers[id]
	bytes = deviceSize
	for _, v := range w.volumes {
		for _, b := range v.bricks {
			if b.made() && peerOf(b.at) == id {
				bytes -= costOf(b.size)
			}
		}
	}
	for at, size := range w.debts {
		if peerOf(at) == id {
			bytes -= costOf(size)
		}
	}
	return bytes, w.devices && in && w.up[id]
}

// room lists the peers that can get a brick of a size, but for some.
func (w *world) room(size uint64, but []string) []string {
	return slices.DeleteFunc(slices.Clone(modelIDs), func(id string) bool {
		bytes, usable := w.free(id)
		return !usable || bytes < costOf(size) || slices.Contains(but, id)
	})
}

// chosen is a brick of which gd2 chooses the place: the model knows where it may be, and learns where it is.
type chosen struct {
	name  string // of the volume
	index int
	on    []string // the peers
	dir   modelDir
}

// learn takes the places of bricks that gd2 has chosen from the world that there is; false if they may not be there.
func (w *world) learn(got world) bool {
	for _, c := range w.chosen {
		v, there := w.volumes[c.name]
		has := got.volumes[c.name].bricks
		if !there || c.index >= len(has) {
			continue // it is gone again, or the comparison tells
		}
		at := has[c.index].at
		if !slices.Contains(c.on, peerOf(at)) || slices.Contains(brickPeers(v.setOf(c.index)), peerOf(at)) {
			return false
		}
		v.bricks[c.index].at = at
		w.hosts[at] = c.dir
	}
	w.chosen = nil
	return true
}

// give notes that made bricks are given up: they go at once on the peers of at, and on the others when these get to it.
func (w *world) give(bricks []modelBrick, at func(id string) bool) {
	for _, b := range bricks {
		switch {
		case !b.made():
		case at(peerOf(b.at)):
			delete(w.hosts, b.at)
		default:
			w.debts[b.at] = b.size
		}
	}
}

func never(string) bool { return false }

// pay removes the bricks that were given up, where they do not run any more.
func (m *machine) pay(*rapid.T) {
	for at := range m.want.debts {
		if m.want.up[peerOf(at)] && !m.want.hosts[at].running {
			delete(m.want.debts, at)
			delete(m.want.hosts, at)
		}
	}
	for _, id := range modelIDs {
		if m.want.up[id] {
			k := &DebtKeeper{Store: m.rig.store, Host: fakeHost{m.rig.hosts, id}, PeerID: id, Log: m.rig.log}
			_ = k.once(m.rig.t.Context()) // what runs still is paid another time
		}
	}
}

// sizedDeed makes a volume of a size, of one subvolume. What fails must fail on a peer that is certain to get a brick.
type sizedDeed struct {
	about
	mishap
	replica int
	size    uint64
}

func (d sizedDeed) apply(w *world) []api.Kind {
	room := w.room(d.size, nil)
	switch _, there := w.volumes[d.name]; {
	case there:
		return only(api.Exists)
	case len(room) < d.replica:
		return only(api.State)
	case d.hits("prepare", room...) && len(room) == d.replica:
		return only(api.Internal)
	}
	v := newModelVolume(modelShape{width: d.replica})
	v.bricks, v.capacity = make([]modelBrick, d.replica), d.size
	for i := range v.bricks {
		v.bricks[i].size = d.size
		w.chosen = append(w.chosen, chosen{d.name, i, room, modelDir{owner: d.name}})
	}
	w.volumes[d.name] = v
	return only(ok)
}

func (d sizedDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Create(ctx, api.VolumeCreateReq{Name: d.name, SmartVolumeFields: api.SmartVolumeFields{
		Size: d.size, ReplicaCount: d.replica, DistributeCount: 1, SubvolZonesOverlap: true,
	}})
	return err
}

// growDeed makes a volume of a size larger, without further subvolumes.
type growDeed struct {
	about
	mishap
	size uint64
}

func (d growDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	switch {
	case refused != nil:
		return refused
	case v.busy(true), v.capacity == 0:
		return only(api.State)
	}
	sets := uint64(len(v.sets()))
	more := (d.size + sets - 1) / sets
	n := v
	n.bricks, n.capacity = slices.Clone(v.bricks), v.capacity+d.size
	need := map[string]uint64{}
	for i, b := range v.bricks {
		if !b.made() {
			return only(api.State)
		}
		n.bricks[i].size += more
		need[peerOf(b.at)] += costOf(b.size+more) - costOf(b.size)
	}
	for id, bytes := range need {
		if left, usable := w.free(id); !usable || left < bytes {
			return only(api.State)
		}
	}
	if d.hits("may-grow", brickPeers(v.bricks)...) {
		return only(api.Internal)
	}
	w.volumes[d.name] = n
	return only(ok)
}

func (d growDeed) do(ctx context.Context, r *modelRig, via string) error {
	rec, err := Find(r.store, d.name)
	if err != nil {
		return err
	}
	_, err = r.c[via].Expand(ctx, d.name, api.VolumeExpandReq{Size: d.size, DistributeCount: len(rec.Value.Subvols)})
	return err
}

// relocateDeed puts a brick that gd2 has made on another device, which gd2 chooses.
type relocateDeed struct {
	about
	mishap
	from  string
	force bool
}

func (d relocateDeed) apply(w *world) []api.Kind {
	v, old, refused := w.replaceable(d.name, d.from)
	if refused != nil {
		return refused
	}
	b := v.bricks[old]
	if !b.made() {
		return only(api.Invalid)
	}
	room := w.room(b.size, brickPeers(v.setOf(old)))
	if len(room) == 0 {
		return only(api.State)
	}
	from := peerOf(d.from)
	switch refused := w.mayServe(v, old, d.force); {
	case refused != nil:
		return refused
	case !w.up[from] && !d.force:
		return only(api.Unavailable)
	case w.neededFor(v, old):
		return only(api.State)
	case d.hits("prepare", room...):
		return only(api.Internal)
	}
	// With three peers there is one place: those of the set are taken.
	fresh := modelBrick{at: room[0] + " (chosen)", size: b.size}
	n := v
	n.bricks = slices.Clone(v.bricks)
	n.bricks[old] = fresh
	w.hosts[fresh.at] = modelDir{owner: d.name}
	refused = d.renew(w, n, b, fresh)
	dir := w.hosts[fresh.at]
	delete(w.hosts, fresh.at)
	if refused != nil {
		return refused
	}
	w.give(v.bricks[old:old+1], func(id string) bool { return w.up[id] })
	n.bricks[old].at = ""
	w.chosen = append(w.chosen, chosen{d.name, old, room, dir})
	w.volumes[d.name] = n
	return only(ok)
}

func (d relocateDeed) do(ctx context.Context, r *modelRig, via string) error {
	req := api.ReplaceBrickReq{Force: d.force}
	req.SrcPeerID, req.SrcPath, _ = strings.Cut(d.from, " ")
	_, err := r.c[via].Replace(ctx, d.name, req)
	return err
}

// lookAtDevices takes in the bricks that were given up; what devices have left must be what the bricks leave.
func (r *modelRig) lookAtDevices(w *world) {
	r.t.Helper()
	recs, err := device.Records.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	w.devices = len(recs) > 0
	debts, err := device.Debts.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range debts {
		b := rec.Value.Brick()
		w.debts[b.PeerID+" "+b.Path] = b.Size
	}
	uses, err := device.Uses(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range recs {
		if left, _ := w.free(rec.Value.PeerID); left != rec.Value.Free(uses[rec.ID]) {
			r.t.Fatalf("device %s: %+v are taken, and %d is left", rec.ID, uses[rec.ID], left)
		}
	}
}
