package devices

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type evacuateParams struct {
	// Devices are as they become, Revisions those of their records, by id.
	Devices   []device.Device  `json:"devices"`
	Revisions map[string]int64 `json:"revisions"`
}

// evacuateOperation marks devices as being emptied. It has no steps: whichever peer does the pool's work moves their bricks, one
// after the other, each with a transaction of its own.
func evacuateOperation() transaction.Operation[evacuateParams, none] {
	return transaction.Operation[evacuateParams, none]{
		Name: "device.evacuate", Version: 1,
		Commit: func(p evacuateParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			var writes []store.Write
			for i := range p.Devices {
				d := &p.Devices[i]
				writes = append(writes, device.Records.Update(d.ID, d, p.Revisions[d.ID]))
			}
			return writes, nil, none{}, nil
		},
	}
}

// Evacuate has all bricks of a device moved to others. It returns as soon as that is on record; the device tells how far it is. A
// change of its state to enabled or disabled ends it.
func (c *Commands) Evacuate(ctx context.Context, peerName, name string, req api.EvacuateReq) (api.Device, error) {
	rec, err := c.find(ctx, peerName, name)
	if err != nil {
		return api.Device{}, err
	}
	out, err := c.evacuate(ctx, rec.Value.PeerID, []store.Record[*device.Device]{rec}, req)
	if err != nil {
		return api.Device{}, err
	}
	return out[0], nil
}

// EvacuatePeer has all bricks of all devices of a peer moved to others. It refuses if the peer has bricks that somebody named: gd2
// does not know where those may go.
func (c *Commands) EvacuatePeer(ctx context.Context, name string, req api.EvacuateReq) ([]api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	p, err := peer.Find(c.Store, name)
	if err != nil {
		return nil, err
	}
	if err := peer.Records.Subject(ctx, p.ID, p.Revision); err != nil {
		return nil, err
	}
	recs, err := device.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	recs = slices.DeleteFunc(recs, func(rec store.Record[*device.Device]) bool { return rec.Value.PeerID != p.ID })
	if len(recs) == 0 {
		return nil, api.Errorf(api.State, "peer %s has no devices: move bricks that were named with volume replace-brick", p.Value.Name).With(api.FieldPeer, p.ID)
	}
	if err := c.onlyMade(p); err != nil {
		return nil, err
	}
	return c.evacuate(ctx, p.ID, recs, req)
}

// onlyMade refuses a peer with bricks that somebody named.
func (c *Commands) onlyMade(p store.Record[*peer.Peer]) error {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		for _, b := range rec.Value.BricksOn(p.ID) {
			if b.Device == "" {
				return api.Errorf(api.State, "brick %s:%s of volume %s was not made by gd2: move it first, with volume replace-brick", p.Value.Name, b.Path, rec.ID).
					With("volume", rec.ID)
			}
		}
	}
	return nil
}

// evacuate marks devices of one peer.
func (c *Commands) evacuate(ctx context.Context, peerID string, recs []store.Record[*device.Device], req api.EvacuateReq) ([]api.Device, error) {
	if err := c.mayLeave(peerID, req.Gone); err != nil {
		return nil, err
	}
	uses, err := device.Uses(c.Store)
	if err != nil {
		return nil, err
	}
	p := evacuateParams{Revisions: map[string]int64{}}
	for _, rec := range recs {
		if err := c.movable(rec.Value); err != nil {
			return nil, err
		}
		d := *rec.Value
		if d.State == api.DeviceEnabled {
			d.State = api.DeviceDisabled
		}
		d.Evacuation = &device.Evacuation{Since: time.Now().UTC(), Bricks: uses[rec.ID].Bricks, Gone: req.Gone}
		p.Devices, p.Revisions[rec.ID] = append(p.Devices, d), rec.Revision
	}
	if _, err := c.Ops.evacuate.Run(ctx, c.Engine, evacuatePlan(p)); err != nil {
		return nil, err
	}
	var out []api.Device
	for _, d := range p.Devices {
		out = append(out, d.Info(uses[d.ID], peer.Hosts(c.Store)(d.PeerID)))
	}
	return out, nil
}

func evacuatePlan(p evacuateParams) transaction.Plan[evacuateParams] {
	plan := transaction.Plan[evacuateParams]{Params: p}
	for _, d := range p.Devices {
		plan.Locks = append(plan.Locks, device.Lock(d.ID))
		plan.Guards = append(plan.Guards, device.Records.MustBe(d.ID, p.Revisions[d.ID]))
	}
	return plan
}

// mayLeave demands that the peer is at work, or that somebody says that it is gone and it is indeed away.
func (c *Commands) mayLeave(peerID string, gone bool) error {
	err := c.online(peerID)
	switch {
	case err == nil && gone:
		return api.FieldErrorf("gone", "gone: peer %s is at work: leave that out", peer.Hosts(c.Store)(peerID))
	case err != nil && !gone:
		return api.Errorf(api.Unavailable, "peer %s cannot be reached, and its bricks may serve still: start it, or make sure that its host is off and say that it is gone",
			peer.Hosts(c.Store)(peerID)).With(api.FieldPeer, peerID)
	}
	return nil
}

// movable refuses a device with bricks whose files no other brick has.
func (c *Commands) movable(d *device.Device) error {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return err
	}
	var alone []string
	for _, rec := range recs {
		for b := range rec.Value.All() {
			if _, _, err := rec.Value.Replaceable(b.ID); b.Device == d.ID && err != nil {
				alone = append(alone, fmt.Sprintf("%s:%s of volume %s", peer.Hosts(c.Store)(b.PeerID), b.Path, rec.ID))
			}
		}
	}
	if len(alone) == 0 {
		return nil
	}
	return api.Errorf(api.State, "device %s holds files that no other brick has (%s): make room elsewhere with volume expand, and move them there with remove-brick",
		d.Name, strings.Join(alone[:min(3, len(alone))], ", ")).With("device", d.ID)
}
