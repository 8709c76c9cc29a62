package heketi

import (
	"strconv"
	"strings"

	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

// barred says why a volume cannot be taken over.
func (i *importer) barred(id string, e heketi.VolumeEntry) string {
	switch {
	case e.Pending.Id != "" || i.busy[id]:
		return "Heketi has not finished an operation on it: let it, or clean up there first"
	case e.Info.Block:
		return "it hosts block volumes, which are not supported yet"
	case i.infos[e.Info.Name] == "":
		return "glusterd's file vols/" + e.Info.Name + "/info is missing: it tells the order of the bricks"
	}
	for _, id := range e.Bricks {
		b, there := i.dump.Bricks[id]
		switch {
		case !there:
		case b.Pending.Id != "" || i.busy[id]:
			return "Heketi has not finished an operation on its brick " + id + ": let it, or clean up there first"
		case b.LvmLv != "" && b.LvmLv != "brick_"+id || b.LvmThinPool != "" && b.LvmThinPool != "tp_"+id:
			return "brick " + id + " is a clone's, in logical volumes with names of their own"
		case !strings.HasSuffix(b.Info.Path, "/vg_"+b.Info.DeviceID+"/brick_"+id+"/brick"):
			return "brick " + id + " is at " + strconv.Quote(b.Info.Path) + ", where Heketi mounts none of this device"
		}
	}
	return ""
}

// adopted is a volume of the dump, with the bricks in the order that glusterd knows.
func (i *importer) adopted(id string, e heketi.VolumeEntry) (*volume.Volume, error) {
	name := e.Info.Name
	g, err := parseInfo(name, i.infos[name])
	if err != nil {
		return nil, err
	}
	bricks, err := i.bricks(id, e, g)
	if err != nil {
		return nil, err
	}
	v, err := g.volume(name, bricks)
	if err != nil {
		return nil, err
	}
	v.Capacity, v.GID = uint64(e.Info.Size)<<30, int(e.Info.Gid)
	v.Metadata, v.Placement = map[string]string{metaID: id}, i.placement(e)
	if v.Placement.Reserve > 0 {
		v.Metadata[metaFactor] = strconv.FormatFloat(float64(e.Info.Snapshot.Factor), 'g', -1, 32)
	}
	return v, i.agrees(v)
}

// placement is how Heketi would choose further bricks of a volume.
func (i *importer) placement(e heketi.VolumeEntry) *volume.Placement {
	w := wish{req: api.VolumeCreateReq{SmartVolumeFields: api.SmartVolumeFields{SubvolZonesOverlap: true}}}
	for _, text := range e.GlusterVolumeOptions {
		key, value, _ := strings.Cut(strings.TrimSpace(text), " ")
		_ = w.placement(key, strings.TrimSpace(value)) // what is wrong with it did not matter to Heketi
	}
	p := &volume.Placement{MaxBrick: maxBrick, AverageFile: w.req.AverageFileSize, ZonesOverlap: w.req.SubvolZonesOverlap}
	for _, rule := range append(w.req.MatchTags, i.t.rule(e.Info.Cluster)) {
		if _, err := provision.ParseRule(rule); err == nil {
			p.MatchTags = append(p.MatchTags, rule)
		}
	}
	if sn := e.Info.Snapshot; sn.Enable && sn.Factor >= 1 && sn.Factor <= maxFactor {
		p.Reserve = float64(sn.Factor)
	}
	return p
}

// bricks are the bricks of a volume in glusterd's order.
func (i *importer) bricks(id string, e heketi.VolumeEntry, g *glusterdVolume) ([]volume.Brick, error) {
	byPath := map[string]volume.Brick{}
	for _, brick := range e.Bricks {
		b, err := i.brick(brick, id, e.Info.Name)
		if err != nil {
			return nil, err
		}
		byPath[strings.ReplaceAll(b.Path, "/", "-")] = b
	}
	if len(byPath) != len(g.bricks) || len(byPath) != len(e.Bricks) {
		return nil, api.FieldErrorf("volumes", "volume %s has %d bricks in the dump and %d in glusterd's info", e.Info.Name, len(e.Bricks), len(g.bricks))
	}
	out := make([]volume.Brick, len(g.bricks))
	for n, at := range g.bricks {
		_, path, _ := strings.Cut(at, ":")
		b, there := byPath[path]
		if !there {
			return nil, api.FieldErrorf("volumes", "volume %s: the brick %.120s of glusterd's info is not in the dump", e.Info.Name, at)
		}
		delete(byPath, path) // glusterd cannot have it twice either
		out[n] = b
	}
	return out, nil
}

// brick is a brick of the dump.
func (i *importer) brick(id, volumeID, name string) (volume.Brick, error) {
	b, there := i.dump.Bricks[id]
	if !there {
		return volume.Brick{}, api.FieldErrorf("dump", "volume %s: its brick %.40q is not in the dump", name, id)
	}
	p, known := i.nodes[b.Info.NodeID]
	if !known {
		return volume.Brick{}, api.FieldErrorf("dump", "volume %s: its brick %s is on node %.40q, which the dump does not have", name, id, b.Info.NodeID)
	}
	if b.Info.VolumeID != volumeID {
		return volume.Brick{}, api.FieldErrorf("dump", "brick %s is of volume %.40q, and of %s, which lists it", id, b.Info.VolumeID, volumeID)
	}
	d, inDump := i.dump.Devices[b.Info.DeviceID]
	if have := i.t.device(b.Info.DeviceID); inDump && d.NodeId != b.Info.NodeID || !inDump && (have == nil || have.PeerID != p.ID) {
		return volume.Brick{}, api.FieldErrorf("dump", "brick %s is on device %.40q, which is not on its node", id, b.Info.DeviceID)
	}
	if size := b.Info.Size; size == 0 || size > maxKiB || b.TpSize < size || b.TpSize > maxKiB || b.PoolMetadataSize > maxKiB {
		return volume.Brick{}, api.FieldErrorf("dump", "brick %s: %d KiB, in a thin pool of %d and %d KiB, are no sizes that Heketi gives one", id, size, b.TpSize, b.PoolMetadataSize)
	}
	return volume.Brick{
		ID: id, PeerID: p.ID, Path: b.Info.Path, Device: b.Info.DeviceID, Size: b.Info.Size * kib, Pool: b.TpSize * kib, Cost: (b.TpSize + b.PoolMetadataSize) * kib,
	}, nil
}

// maxKiB is the largest size of a brick that is believed: 1 PiB.
const maxKiB = 1 << 40

// agrees refuses a volume if glusterd and Heketi tell different things of it.
func (i *importer) agrees(v *volume.Volume) error {
	var room uint64
	for _, s := range v.Subvols {
		least := s.Bricks[0].Size
		for _, b := range s.Bricks {
			if sub := i.dump.Bricks[b.ID].SubType; b.Arbiter && sub == heketi.SubTypeNormal || !b.Arbiter && sub == heketi.SubTypeArbiter {
				return api.FieldErrorf("volumes", "volume %s: Heketi and glusterd do not agree whether brick %s is an arbiter", v.Name, b.ID)
			}
			if !b.Arbiter {
				least = min(least, b.Size)
			}
		}
		room += least * uint64(max(s.Disperse-s.Redundancy, 1))
	}
	// What does not divide by the number of bricks is lost, less than a KiB for each.
	if v.Capacity > room+uint64(len(v.Bricks()))*kib {
		return api.FieldErrorf("dump", "volume %s: its size is %d GiB, and its bricks hold %d KiB", v.Name, v.Capacity>>30, room/kib)
	}
	return nil
}
