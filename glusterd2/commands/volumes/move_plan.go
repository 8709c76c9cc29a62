package volumes

import (
	"context"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// PlannedMove is a brick of a device that is to be emptied, and what is made elsewhere in its place; New is empty if Refused says why
// there is no place.
type PlannedMove struct {
	Volume   *volume.Volume
	Old, New volume.Brick
	// Alone says that no other brick has the files of the brick: they are moved, not healed.
	Alone   bool
	Refused error
}

// Leave are the devices that are to be emptied, by id, each with the one that is to take its place, which need not be on record yet;
// nil if there is none.
type Leave map[string]*device.Device

// PlanMoves plans where the bricks of devices would go, each beside those that are planned before it.
func (c *Commands) PlanMoves(leave Leave) ([]PlannedMove, error) {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	rooms := roomPlan{c: c, leave: leave, views: map[string]*deviceView{}}
	var out []PlannedMove
	for _, rec := range recs {
		for _, sub := range rec.Value.Subvols {
			for _, b := range sub.Bricks {
				if _, ok := leave[b.Device]; !ok {
					continue
				}
				m := PlannedMove{Volume: rec.Value, Old: b, Alone: sub.Alone()}
				if m.New, m.Refused, err = rooms.place(rec.Value, sub, b); err != nil {
					return nil, err
				}
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// roomPlan plans several bricks one after the other.
type roomPlan struct {
	c     *Commands
	leave Leave
	views map[string]*deviceView // by the kind of devices that a volume wants
	taken []volume.Brick
}

// place chooses a place for a brick, and takes its room. One that was made already is what it stays with.
func (r *roomPlan) place(v *volume.Volume, sub volume.Subvol, old volume.Brick) (b volume.Brick, refused, err error) {
	if made, ok := v.Substitute(old.ID); ok {
		return made, nil, nil
	}
	view, err := r.view(provisionerOf(v))
	if err != nil {
		return b, nil, err
	}
	if b, refused = view.placeAnew(v, sub, old); refused != nil {
		return b, refused, nil
	}
	r.taken = append(r.taken, b)
	for _, view := range r.views {
		view.use(b)
	}
	return b, nil, nil
}

// view are the devices as volumes that want a kind see them.
func (r *roomPlan) view(kind string) (*deviceView, error) {
	if v := r.views[kind]; v != nil {
		return v, nil
	}
	v, err := r.c.readDevices(kind)
	if err != nil {
		return nil, err
	}
	for id, to := range r.leave {
		v.shun(id, "to be emptied")
		if to == nil {
			continue
		}
		p, _, err := peer.Records.Get(r.c.Store, to.PeerID)
		if err != nil {
			return nil, err
		}
		v.add(r.c.candidate(to, p.Value, device.Use{}, kind), to, id)
	}
	for _, b := range r.taken {
		v.use(b)
	}
	r.views[kind] = v
	return v, nil
}

// add adds a device that is not on record yet, to take the place of another.
func (v *deviceView) add(as provision.Device, d *device.Device, keptFor string) {
	as.KeptFor = keptFor
	v.list, v.records[d.ID] = append(v.list, as), d
}

// use takes the room of a brick.
func (v *deviceView) use(b volume.Brick) {
	for i := range v.list {
		if v.list[i].ID == b.Device {
			v.list[i].Free -= min(v.list[i].Free, b.Cost)
			v.list[i].Bricks++
		}
	}
}

// MayMove refuses a brick that cannot be moved as the pool is now: because others of its set are away, because nothing else has its
// files, or because something else is done with its volume.
func (c *Commands) MayMove(ctx context.Context, v *volume.Volume, brickID string, how How) error {
	sub, old, err := v.BrickOf(brickID)
	if err != nil {
		return err
	}
	name := peer.Hosts(c.Store)(old.PeerID) + ":" + old.Path
	switch {
	case sub.Alone() && how.Gone:
		return api.Errorf(api.State, "no other brick has the files of %s: bring its host back; 'glustercli volume remove-brick %s %s force' gives the files up", name, v.Name, name)
	case sub.Alone():
		return c.mayMoveAlone(ctx, v, old)
	case v.State != volume.Started:
		return api.Errorf(api.State, "volume %s is not started: a new brick is filled from the others, for which they must run", v.Name)
	}
	if how.Unhealed {
		return c.checkService(ctx, v, old, true)
	}
	if err := c.noTask(v.Name, true); err != nil {
		return err
	}
	if _, offline := c.others(ctx, v, sub, old); offline != "" {
		return api.Errorf(api.State, "brick %s of the same set is offline: without it %s may have the last good copy", offline, name)
	}
	return nil
}
