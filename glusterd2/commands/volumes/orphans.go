package volumes

import (
	"context"

	"gd2/glusterd2/backing"
	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
)

// Orphan is a brick on a device of this peer that bears our mark and that nothing knows of.
type Orphan struct {
	Brick  string
	Device *device.Device
}

// Orphans finds them. Pending reports whether any transaction runs: then it is not known who owns what, and ok is false. A device
// that cannot be looked at has none. They are told, and never removed without being asked: after the pool was brought back from an
// old backup they may be what is left of volumes that were made since.
func (d *DataPlane) Orphans(ctx context.Context, pending func() bool) (found []Orphan, ok bool, err error) {
	have, err := d.onDisks(ctx)
	if err != nil || len(have) == 0 {
		return nil, err == nil, err
	}
	// The disks are read first: what has been made since is not missed by the records.
	if pending() {
		return nil, false, nil
	}
	known, err := d.knownBricks()
	for _, o := range have {
		if !known[o.Brick] {
			found = append(found, o)
		}
	}
	return found, err == nil, err
}

// onDisks lists all bricks on the devices of this peer.
func (d *DataPlane) onDisks(ctx context.Context) ([]Orphan, error) {
	recs, err := device.Records.List(d.Store)
	var out []Orphan
	for _, rec := range recs {
		p, kindErr := d.Backing.Of(rec.Value.Provisioner)
		if rec.Value.PeerID != d.PeerID || kindErr != nil {
			continue
		}
		ids, err := p.Bricks(ctx, backing.Device{ID: rec.ID, Name: rec.Value.Name})
		if err != nil {
			continue // a disk that is not there has other signs
		}
		for _, id := range ids {
			out = append(out, Orphan{Brick: id, Device: rec.Value})
		}
	}
	return out, err
}

// knownBricks are the ids of the bricks of volumes, and of those that are still to be removed.
func (d *DataPlane) knownBricks() (map[string]bool, error) {
	known := map[string]bool{}
	recs, err := volume.Records.List(d.Store)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		for b := range rec.Value.All() {
			known[b.ID] = true
		}
	}
	debts, err := device.Debts.List(d.Store)
	for _, rec := range debts {
		known[rec.ID] = true
	}
	return known, err
}
