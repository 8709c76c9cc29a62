package repair

import (
	"context"
	"errors"
	"time"

	"gd2/glusterd2/device"
	"gd2/glusterd2/event"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// findFailed has the devices emptied whose peer, or one of whose bricks, has been down for long.
func (k *Keeper) findFailed(ctx context.Context) error {
	if k.After <= 0 {
		return nil
	}
	if why, err := k.tooManyAway(); err != nil || why != "" {
		return err
	}
	faults, err := event.Faults.List(k.Store)
	if err != nil {
		return err
	}
	errs := []error{}
	for _, f := range faults {
		if time.Since(f.Value.Since) < k.After {
			continue
		}
		failed, err := k.devicesOf(f.Value)
		errs = append(errs, err)
		for _, rec := range failed {
			k.Log.WithField("device", rec.ID).Warnf("the device is emptied: %s has been down since %s", f.ID, f.Value.Since.Format(time.RFC3339))
			_, err := k.Devices.Evacuate(ctx, rec.Value.PeerID, rec.ID, api.EvacuateReq{Gone: f.Value.Kind == event.FaultPeer, Force: true})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// devicesOf are the devices that a fault says have failed: those of a peer that is away, or that of a brick. Those that hold no
// bricks, or are being emptied already, are none of them.
func (k *Keeper) devicesOf(f event.Fault) ([]store.Record[*device.Device], error) {
	recs, err := device.Records.List(k.Store)
	if err != nil {
		return nil, err
	}
	var out []store.Record[*device.Device]
	for _, rec := range recs {
		left, err := bricksOn(k.Store, rec.ID)
		if err != nil {
			return nil, err
		}
		if rec.Value.Evacuation == nil && rec.Value.PeerID == f.Data[api.DataPeerID] && concerns(f, left) {
			out = append(out, rec)
		}
	}
	return out, nil
}

// concerns reports whether a fault is of one of the bricks, or of the peer that they are on.
func concerns(f event.Fault, left []onDevice) bool {
	for _, at := range left {
		switch f.Kind {
		case event.FaultPeer:
			return true
		case event.FaultBrick:
			if at.brick.Path == f.Data[api.DataBrickPath] && at.volume.Name == f.Data[api.DataVolumeName] && at.volume.State == volume.Started {
				return true
			}
		}
	}
	return false
}
