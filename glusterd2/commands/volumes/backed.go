package volumes

import (
	"context"
	"path/filepath"

	"gd2/glusterd2/backing"
	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// backed calls do for each brick of a volume on this peer that gd2 has made on a device.
func (d *DataPlane) backed(v *volume.Volume, do func(p backing.Provisioner, on backing.Device, b backing.Brick) error) error {
	for _, b := range v.BricksOn(d.PeerID) {
		if b.Device == "" {
			continue
		}
		rec, ok, err := device.Records.Get(d.Store, b.Device)
		if err != nil {
			return err
		}
		if !ok {
			return api.Errorf(api.Internal, "brick %s of volume %s is on device %s, which is not on record", b.Path, v.Name, b.Device)
		}
		p, err := d.Backing.Of(rec.Value.Provisioner)
		if err != nil {
			return err
		}
		made := backing.Brick{ID: b.ID, Size: b.Size, Pool: b.Pool, Metadata: b.Cost - b.Pool, Arbiter: b.Arbiter, At: filepath.Dir(b.Path)}
		if err := do(p, backing.Device{ID: rec.ID, Name: rec.Value.Name}, made); err != nil {
			return err
		}
	}
	return nil
}

// split tells the bricks of a volume that somebody named from those that gd2 makes.
func split(v *volume.Volume) (named, made []volume.Brick) {
	for _, b := range v.Bricks() {
		if b.Device == "" {
			named = append(named, b)
		} else {
			made = append(made, b)
		}
	}
	return named, made
}

// madeEffects says for a plan what is made on a peer for the bricks of a part that gd2 makes.
func madeEffects(part *volume.Volume, peerID string) []api.Effect {
	var out []api.Effect
	for _, b := range part.BricksOn(peerID) {
		out = append(out, api.Effect{Action: api.ActionCreate, Kind: api.OnBrick, Name: b.Path, Bytes: b.Cost, Note: "in a filesystem of its own on device " + b.Device})
	}
	return out
}

// goneEffects says for a plan what is removed on a peer with a part that gd2 has made.
func goneEffects(part *volume.Volume, peerID string) []api.Effect {
	out := madeEffects(part, peerID)
	for i := range out {
		out[i].Action, out[i].Irreversible, out[i].Note = api.ActionDestroy, true, "with all files on it"
	}
	return out
}

// preparedEffects says for a plan what the preparation of a part creates on a peer.
func preparedEffects(part *volume.Volume, peerID string) []api.Effect {
	named, made := split(part)
	return append(onBricks(part.Part(named...), peerID, api.ActionCreate, api.OnBrick, ""), madeEffects(part.Part(made...), peerID)...)
}

// back makes the filesystems of the bricks that gd2 makes, and mounts them.
func (d *DataPlane) back(ctx context.Context, v *volume.Volume) error {
	return d.backed(v, func(p backing.Provisioner, on backing.Device, b backing.Brick) error { return p.Make(ctx, on, b) })
}

// Reclaim implements BrickHost.
func (d *DataPlane) Reclaim(ctx context.Context, part *volume.Volume) error {
	if err := d.stopAgain(ctx, part); err != nil {
		return err
	}
	d.preparing.Lock()
	defer d.preparing.Unlock()
	return d.unback(ctx, part)
}

// unback removes them, with all that is on them.
func (d *DataPlane) unback(ctx context.Context, v *volume.Volume) error {
	return d.backed(v, func(p backing.Provisioner, on backing.Device, b backing.Brick) error { return p.Unmake(ctx, on, b) })
}

// mountBacked mounts them again, as after a restart of the host.
func (d *DataPlane) mountBacked(ctx context.Context, v *volume.Volume) error {
	return d.backed(v, func(p backing.Provisioner, on backing.Device, b backing.Brick) error { return p.Mount(ctx, on, b) })
}
