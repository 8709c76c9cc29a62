package volumes

import (
	"context"
	"path"
	"slices"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// What the bricks that are removed are checked for.
const (
	checkEmpty     = "empty"     // their files have all been moved
	checkBlameless = "blameless" // no other copy is to be healed from them
)

type shrinkParams struct {
	// Volume is the volume as it becomes, Removed the bricks that it loses.
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Removed  []volume.Brick `json:"removed"`
	// Check is what they are checked for on the peers of On; empty means nothing.
	Check string   `json:"check,omitempty"`
	On    []string `json:"on,omitempty"`
	// Tasks is the task that has moved the files, which is forgotten.
	Tasks TaskRecords `json:"tasks"`
}

// part is the volume with the removed bricks only.
func (p shrinkParams) part() *volume.Volume { return p.Volume.Part(p.Removed...) }

// shrinkOperation takes bricks out of a volume. Their processes are ended by the reconcilers of their peers, once the record
// lacks them: no client is to lose a brick that it still knows. Those that gd2 has made are removed after that.
func shrinkOperation(host Host) transaction.Operation[shrinkParams, none] {
	effects := func(p shrinkParams, peerID string) []api.Effect {
		_, made := split(p.part())
		gone := goneEffects(p.Volume.Part(made...), peerID)
		if p.Volume.State != volume.Started {
			return gone
		}
		return append(onBricks(p.part(), peerID, api.ActionStop, api.OnProcess, processes), gone...)
	}
	return transaction.Operation[shrinkParams, none]{
		Name: "volume.shrink", Version: 1,
		Steps: []transaction.Step[shrinkParams]{{
			Name: "check-bricks", Peers: func(p shrinkParams) []string { return p.On },
			Do: func(ctx context.Context, _ *transaction.Call, p shrinkParams) error {
				return host.MayGo(ctx, p.part(), p.Check)
			},
			Effects: effects,
			Survey: func(ctx context.Context, call *transaction.Call, p shrinkParams) ([]api.Effect, error) {
				return effects(p, call.PeerID), host.MayGo(ctx, p.part(), p.Check)
			},
		}},
		Commit: func(p shrinkParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			writes := append(p.Tasks.deletes(p.Volume.Name), volume.Records.Update(p.Volume.Name, p.Volume, p.Revision))
			return append(writes, device.Owe(p.part(), nil)...), nil, none{}, nil
		},
	}
}

// MayGo implements BrickHost.
func (d *DataPlane) MayGo(ctx context.Context, part *volume.Volume, check string) error {
	for _, b := range part.BricksOn(d.PeerID) {
		var err error
		switch check {
		case checkEmpty:
			err = brick.Empty(ctx, d.OS, d.where(part, b))
		case checkBlameless:
			if part.Shape().Type == api.SubvolDisperse {
				continue // they are looked at together: see whole
			}
			err = brick.Blameless(d.OS, d.where(part, b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Shrink removes bricks at once, without moving files: with a lower replica count copies, which the others have too; else
// whole subvolumes with their files.
func (c *Commands) Shrink(ctx context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	p, err := c.planShrink(rec, req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	copies := len(p.Volume.Subvols) == len(rec.Value.Subvols)
	switch {
	case !req.Force && copies:
		err = api.FieldErrorf("force", "copies are removed at once, since no files have to be moved: use force")
	case !req.Force:
		err = api.FieldErrorf("force", "the bricks would be removed with the files on them: use start, which moves these first, or force")
	case copies:
		err = c.planLowered(ctx, rec.Value, &p)
	default:
		err = c.planDropped(ctx, rec, &p)
	}
	if err != nil {
		return api.VolumeInfo{}, err
	}
	return c.shrink(ctx, rec, p)
}

// planShrink works out which bricks go.
func (c *Commands) planShrink(rec store.Record[*volume.Volume], req api.VolumeShrinkReq) (shrinkParams, error) {
	named, err := c.brickIDs(rec.Value, req.Bricks)
	if err != nil {
		return shrinkParams{}, err
	}
	return without(rec, req.ReplicaCount, named)
}

// without plans a volume without bricks, which its options must allow.
func without(rec store.Record[*volume.Volume], replica int, ids []string) (p shrinkParams, err error) {
	p.Revision = rec.Revision
	if p.Volume, p.Removed, err = rec.Value.Shrink(replica, ids); err != nil {
		return p, err
	}
	return p, xlator.Refit(p.Volume.Options, shapeOf(p.Volume))
}

// brickIDs finds bricks of a volume by peer and path.
func (c *Commands) brickIDs(v *volume.Volume, reqs []api.BrickReq) ([]string, error) {
	var out []string
	for _, req := range reqs {
		name := req.PeerID + ":" + path.Clean(req.Path)
		bricks := v.Bricks()
		i := slices.IndexFunc(bricks, func(b volume.Brick) bool { return NamesBrick(c.Store, b, name) })
		switch {
		case i < 0:
			return nil, NoSuchBrick(v, name).With(api.FieldField, "bricks")
		case slices.Contains(out, bricks[i].ID):
			return nil, api.FieldErrorf("bricks", "brick %.300q is given twice", name)
		}
		out = append(out, bricks[i].ID)
	}
	return out, nil
}

// planLowered completes the plan of fewer copies: those that stay must be online and as good as those that go. Peers that
// cannot be reached are not asked: copies are removed because their peer is gone, too.
func (c *Commands) planLowered(ctx context.Context, v *volume.Volume, p *shrinkParams) error {
	if err := c.noTask(v.Name, true); err != nil {
		return err
	}
	if v.State == volume.Started {
		if err := c.copiesOnline(ctx, p.Volume, false); err != nil {
			return err
		}
	}
	up, down := c.online(p.part().Peers())
	if len(down) > 0 {
		transaction.Warn(ctx, "the peers %v cannot be reached: what only their copies have is lost; they stop their bricks when they are back", c.names(down))
	}
	p.Check, p.On = checkBlameless, up
	return nil
}

// planDropped completes the plan of subvolumes that go with what is on them.
func (c *Commands) planDropped(ctx context.Context, rec store.Record[*volume.Volume], p *shrinkParams) error {
	task, _, ok, err := volume.FindTask(c.Store, rec.ID)
	if err != nil {
		return err
	}
	ends := ok && task.Value.Pending() && sameSet(task.Value.Bricks, ids(p.Removed))
	if err := c.noTask(rec.ID, !ends); err != nil {
		return err
	}
	transaction.Warn(ctx, "files that are on the removed bricks are not in the volume any more; they stay on the bricks that were named, and go with those that gd2 has made")
	_, made := split(p.part())
	p.On, _ = c.online(p.Volume.Part(made...).Peers())
	if ends {
		p.Tasks, err = forgetTask(c.Store, rec.ID)
	}
	return err
}

func ids(bricks []volume.Brick) []string {
	out := make([]string, len(bricks))
	for i, b := range bricks {
		out[i] = b.ID
	}
	return out
}

// sameSet reports whether two lists, each without duplicates, have the same elements.
func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// shrink runs the plan.
func (c *Commands) shrink(ctx context.Context, rec store.Record[*volume.Volume], p shrinkParams) (api.VolumeInfo, error) {
	endsPlan(ctx, c.Store, p.part(), p.On)
	FollowPlan(ctx, c.Store, rec.Value, p.Volume)
	_, err := c.Ops.shrink.Run(ctx, c.Engine, shrinkPlan(rec, p).Answering(c.info(p.Volume)))
	return c.after(p.Volume, err)
}

func shrinkPlan(rec store.Record[*volume.Volume], p shrinkParams) transaction.Plan[shrinkParams] {
	return onVolume(rec, p.On, p)
}
