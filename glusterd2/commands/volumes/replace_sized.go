package volumes

import (
	"context"

	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/store"
	"gd2/transaction"
)

// BricksOnline tells which bricks of a volume serve, by their ids.
func (c *Commands) BricksOnline(ctx context.Context, name string) (map[string]bool, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.serving(ctx, rec.Value), nil
}

// serving tells which bricks of a volume serve, by their ids.
func (c *Commands) serving(ctx context.Context, v *volume.Volume) map[string]bool {
	online := map[string]bool{}
	for _, b := range c.gather(ctx, v).Bricks {
		online[b.Info.ID] = b.Online
	}
	return online
}

// placeReplacement chooses where the replacement of a brick that gd2 has made goes.
func (c *Commands) placeReplacement(rec store.Record[*volume.Volume], sub volume.Subvol, p *replaceParams) error {
	devices, err := c.readDevices(provisionerOf(rec.Value))
	if err != nil {
		return err
	}
	made, err := devices.placeAnew(rec.Value, sub, p.Old)
	if err != nil {
		return err
	}
	b := p.Old.Replacement(volume.Placed{PeerID: made.PeerID, Path: made.Path}, made.ID)
	b.Device, b.Size, b.Cost, b.Pool = made.Device, made.Size, made.Cost, made.Pool
	p.claims = map[string]transaction.Claim{}
	devices.claim(p.claims, b.Device, b.Cost)
	p.Peers[b.PeerID] = devices.peers[b.PeerID]
	p.put(b, rec.Value)
	return nil
}

// placeAnew chooses another device for a brick that gd2 has made, by the rules of its volume, beside the bricks of its set that stay.
func (v *deviceView) placeAnew(of *volume.Volume, sub volume.Subvol, old volume.Brick) (volume.Brick, error) {
	r, err := requestOf(of, max(of.Capacity, 1), of.Name+old.ID)
	if err != nil {
		return volume.Brick{}, err
	}
	v.shun(old.Device, "what the brick is on now")
	var stay []string
	for _, b := range sub.Bricks {
		switch {
		case b.ID == old.ID:
		case b.Device == "":
			r.ExcludePeers = append(r.ExcludePeers, b.PeerID)
		default:
			stay = append(stay, b.Device)
		}
	}
	to, err := provision.Replace(r, plannersBrick(old), stay, v.list)
	if err != nil {
		return volume.Brick{}, asRefusal(err)
	}
	return v.brick(to), nil
}

// shun makes a device unusable for a plan.
func (v *deviceView) shun(id, why string) {
	for i := range v.list {
		if v.list[i].ID == id && v.list[i].Unusable == "" {
			v.list[i].Unusable = why
		}
	}
}
