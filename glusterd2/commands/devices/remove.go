package devices

import (
	"context"
	"maps"
	"slices"

	"gd2/glusterd2/device"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type removeParams struct {
	Device   device.Device `json:"device"`
	Revision int64         `json:"revision"`
	// Forget leaves the device as it is: its peer, or the disk itself, is gone for good.
	Forget bool `json:"forget,omitempty"`
	// Debts are the revisions of what is then never removed from it, by brick id.
	Debts map[string]int64 `json:"debts,omitempty"`
}

func removeOperation(host Host) transaction.Operation[removeParams, none] {
	return transaction.Operation[removeParams, none]{
		Name: "device.remove", Version: 1,
		Steps: []transaction.Step[removeParams]{{
			Name: "release",
			Peers: func(p removeParams) []string {
				if p.Forget {
					return []string{}
				}
				return []string{p.Device.PeerID}
			},
			Do: func(ctx context.Context, _ *transaction.Call, p removeParams) error {
				return host.Release(ctx, p.Device)
			},
			// The device was empty, so taking it again loses nothing.
			Undo: func(ctx context.Context, _ *transaction.Call, p removeParams) error {
				_, err := host.Take(ctx, p.Device, false)
				return err
			},
			Effects: func(p removeParams, _ string) []api.Effect { return releaseEffects(p.Device) },
		}},
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			writes := []store.Write{device.Records.Delete(p.Device.ID, p.Revision)}
			for _, id := range slices.Sorted(maps.Keys(p.Debts)) {
				writes = append(writes, device.Debts.Delete(id, p.Debts[id]))
			}
			return writes, nil, none{}, nil
		},
	}
}

func releaseEffects(d device.Device) []api.Effect {
	return []api.Effect{{Action: api.ActionChange, Kind: api.OnDirectory, Name: d.Name, Note: "is given up, empty"}}
}

// Remove gives up a device that holds no bricks. With force the device itself is not touched, for one that is gone.
func (c *Commands) Remove(ctx context.Context, peerName, name string, force bool) error {
	rec, err := c.find(ctx, peerName, name)
	if err != nil {
		return err
	}
	claims, err := transaction.ClaimRevision(c.Store, device.ClaimPrefix+rec.ID)
	if err != nil {
		return err
	}
	uses, err := device.Uses(c.Store)
	if err != nil {
		return err
	}
	debts, owed, err := device.DebtsOn(c.Store, rec.ID)
	if err != nil {
		return err
	}
	if !force && len(debts) > 0 {
		return api.Errorf(api.State, "device %s holds %d bricks that were given up while its peer was away: the peer removes them when it is back; "+
			"use force if it does not come back", rec.Value.Name, len(debts)).With("device", rec.ID)
	}
	if u := uses[rec.ID]; u.Bytes > owed || u.Bricks > 0 {
		return api.Errorf(api.State, "device %s holds %d bricks, or gets some just now: move them with device evacuate, or delete their volumes, first", rec.Value.Name, u.Bricks).
			With("device", rec.ID)
	}
	if !force {
		if err := c.unneeded(rec.Value); err != nil {
			return err
		}
	}
	_, err = c.Ops.remove.Run(ctx, c.Engine, removePlan(rec, claims, force, debts))
	return err
}

// unneeded demands that the peer of a device can give it up, and that it is not to take the place of another.
func (c *Commands) unneeded(d *device.Device) error {
	recs, err := device.Records.List(c.Store)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if e := rec.Value.Evacuation; e != nil && e.To == d.ID && e.Done.IsZero() {
			return api.Errorf(api.State, "device %s is to take the place of %s: cancel its device.replace first", d.Name, rec.Value.Name).With("device", rec.ID)
		}
	}
	return c.online(d.PeerID)
}

// removePlan claims nothing, which refuses those who have seen the device with its room and want to claim of it.
func removePlan(rec store.Record[*device.Device], claims int64, forget bool, debts map[string]int64) transaction.Plan[removeParams] {
	plan := transaction.Plan[removeParams]{
		Params: removeParams{Device: *rec.Value, Revision: rec.Revision, Forget: forget, Debts: debts}, Locks: []string{device.Lock(rec.ID)},
		Guards: []store.Guard{device.Records.MustBe(rec.ID, rec.Revision)},
		Claims: map[string]transaction.Claim{device.ClaimPrefix + rec.ID: {Revision: claims}},
	}
	if !forget {
		plan.Peers = []string{rec.Value.PeerID}
	}
	return plan
}
