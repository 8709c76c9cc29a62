package heketi

import (
	"cmp"
	"slices"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/heketi"
)

// kib is the unit of devices and bricks on the wire.
const kib = 1 << 10

// madeVolume is a volume of bricks that gd2 has made: those that Heketi's clients see.
type madeVolume struct {
	*volume.Volume
	id, cluster string
}

// volumeID is the id of a volume: that of the Heketi that it was taken over from, or its own.
func volumeID(v *volume.Volume) string {
	if id := v.Metadata[metaID]; id != "" {
		return id
	}
	return hexID(v.ID)
}

// made reports whether gd2 has made all bricks of a volume.
func made(v *volume.Volume) bool {
	for b := range v.All() {
		if b.Device == "" {
			return false
		}
	}
	return true
}

// firstPeer is the peer of the first brick, whose cluster is the volume's.
func firstPeer(v *volume.Volume) string { return v.Subvols[0].Bricks[0].PeerID }

// volumes lists the volumes in the order of ids.
func (s *service) volumes(t *topology) ([]madeVolume, error) {
	recs, err := volume.Records.List(s.Store)
	if err != nil {
		return nil, err
	}
	clusters := t.clusterOfPeers()
	out := make([]madeVolume, 0, len(recs))
	for _, rec := range recs {
		if v := rec.Value; made(v) {
			out = append(out, madeVolume{v, volumeID(v), clusters[firstPeer(v)]})
		}
	}
	slices.SortFunc(out, func(a, b madeVolume) int { return cmp.Compare(a.id, b.id) })
	return out, nil
}

// uses is what is on the devices.
type uses struct {
	room   map[string]device.Use
	bricks map[string][]heketi.BrickInfo // by device id
}

func (s *service) uses(t *topology) (*uses, error) {
	room, err := device.Uses(s.Store)
	if err != nil {
		return nil, err
	}
	recs, err := volume.Records.List(s.Store)
	if err != nil {
		return nil, err
	}
	u := &uses{room: room, bricks: map[string][]heketi.BrickInfo{}}
	for _, rec := range recs {
		id := volumeID(rec.Value)
		for b := range rec.Value.All() {
			if b.Device != "" {
				u.bricks[b.Device] = append(u.bricks[b.Device], t.brick(b, id))
			}
		}
	}
	return u, nil
}

// brick is a brick as clients see it.
func (t *topology) brick(b volume.Brick, volumeID string) heketi.BrickInfo {
	info := heketi.BrickInfo{ID: hexID(b.ID), Path: b.Path, DeviceID: b.Device, NodeID: hexID(b.PeerID), VolumeID: volumeID, Size: b.Size / kib}
	if n := t.ofPeer(b.PeerID); n != nil {
		info.NodeID = n.ID
	}
	return info
}

// device is a device as clients see it.
func (u *uses) device(d *device.Device) heketi.DeviceInfo {
	total, free := d.Size/kib, d.Free(u.room[d.ID])/kib
	info := heketi.DeviceInfo{
		Name: d.Name, Tags: d.Tags, Storage: heketi.Storage{Total: total, Free: free, Used: total - free}, ID: d.ID, PvUUID: d.UUID,
		State: stateOf(d), Bricks: u.bricks[d.ID],
	}
	if info.Bricks == nil {
		info.Bricks = []heketi.BrickInfo{}
	}
	return info
}
