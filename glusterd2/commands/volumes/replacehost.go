package volumes

import (
	"context"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// ReplaceHost is what the replacement of bricks asks of this peer's data plane. A part is the volume with only those of its
// bricks that are meant.
type ReplaceHost interface {
	// HealRoot begins the heal of a brick of a disperse volume that runs and is empty: the daemons go on from there. It has
	// nothing to do for other volumes, or if the peer does not hold the brick.
	HealRoot(ctx context.Context, v *volume.Volume, b volume.Brick) error
	// Release takes the volume's marks off the bricks of a part, which end if they run, so that their directories can be used for
	// something else. Files stay. A brick that cannot be looked at is left as it is.
	Release(ctx context.Context, part *volume.Volume) error
}

// HealRoot implements ReplaceHost.
func (d *DataPlane) HealRoot(ctx context.Context, v *volume.Volume, b volume.Brick) error {
	if v.Shape().Type != api.SubvolDisperse || b.PeerID != d.PeerID {
		return nil
	}
	return d.Repairer.HealRoot(ctx, selfheal.Empty{VolumeName: v.Name, Volfile: d.RepairText(v)}, func() (bool, error) {
		return brick.Dispersed(d.OS, d.where(v, b))
	})
}

// Release implements ReplaceHost.
func (d *DataPlane) Release(ctx context.Context, part *volume.Volume) error {
	if err := d.stopAgain(ctx, part); err != nil {
		return err
	}
	return d.release(ctx, d.OS, part)
}

func (d *DataPlane) release(ctx context.Context, sys brick.OS, part *volume.Volume) error {
	for _, b := range part.BricksOn(d.PeerID) {
		err := brick.Release(ctx, sys, d.where(part, b), part.ID)
		if err != nil && !api.IsKind(err, api.State) { // State: of a disk that is broken nothing can be taken
			return err
		}
	}
	return nil
}
