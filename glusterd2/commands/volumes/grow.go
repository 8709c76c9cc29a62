package volumes

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"gd2/glusterd2/backing"
	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// GrowHost is what the growth of bricks asks of this peer's data plane. A part is the volume with only those of its bricks that
// are meant, with the sizes that they are to have.
type GrowHost interface {
	// MayGrow refuses if a device does not in fact have the bytes that its bricks are to grow by, given by the bricks' ids.
	MayGrow(ctx context.Context, part *volume.Volume, by map[string]uint64) error
	// Grow makes the filesystems of bricks larger. There is no way back, but it may be repeated.
	Grow(ctx context.Context, part *volume.Volume) error
}

type growParams struct {
	// Volume is the volume as it becomes, Bricks those that grow, By how much more each takes of its device, by id.
	Volume   *volume.Volume    `json:"volume"`
	Revision int64             `json:"revision"`
	Bricks   []volume.Brick    `json:"bricks"`
	By       map[string]uint64 `json:"by"`

	claims map[string]transaction.Claim // for the intent only
}

func (p growParams) part() *volume.Volume { return p.Volume.Part(p.Bricks...) }

// growOperation makes bricks larger where they are. XFS does not shrink: once the first has grown there is no way back, and
// the others follow, so that the record that is written in the end is true.
func growOperation(host Host) transaction.Operation[growParams, none] {
	check := func(ctx context.Context, _ *transaction.Call, p growParams) error {
		return host.MayGrow(ctx, p.part(), p.By)
	}
	return transaction.Operation[growParams, none]{
		Name: "volume.grow", Version: 1, Pivot: 1,
		Steps: []transaction.Step[growParams]{{
			Name: "check-room", Do: check, Effects: func(growParams, string) []api.Effect { return nil },
			Survey: func(ctx context.Context, call *transaction.Call, p growParams) ([]api.Effect, error) {
				return nil, check(ctx, call, p)
			},
		}, {
			Name: "grow-bricks", Timeout: makeTimeout, Effects: growParams.effects,
			Do: func(ctx context.Context, _ *transaction.Call, p growParams) error { return host.Grow(ctx, p.part()) },
		}},
		Commit: func(p growParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision)}, nil, none{}, nil
		},
	}
}

func (p growParams) effects(peerID string) []api.Effect {
	var out []api.Effect
	for _, b := range p.part().BricksOn(peerID) {
		out = append(out, api.Effect{Action: api.ActionChange, Kind: api.OnBrick, Name: b.Path, Bytes: p.By[b.ID], Irreversible: true,
			Note: fmt.Sprintf("grows to %d bytes: its filesystem does not shrink again", b.Size)})
	}
	return out
}

func growPlan(rec store.Record[*volume.Volume], p growParams) transaction.Plan[growParams] {
	plan := onVolume(rec, p.part().Peers(), p)
	plan.Claims = p.claims
	return plan
}

// expandBySize makes a volume larger by a number of bytes: its bricks grow where they are if all their devices have the
// room, or else it gets further subvolumes.
func (c *Commands) expandBySize(ctx context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	var out api.VolumeExpandResp
	err := planned(ctx, func() (err error) {
		out, err = c.tryExpandBySize(ctx, name, req)
		return err
	})
	return out, err
}

// tryExpandBySize is one try of expandBySize.
func (c *Commands) tryExpandBySize(ctx context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeExpandResp{}, err
	}
	if err := c.noTask(name, true); err != nil {
		return api.VolumeExpandResp{}, err
	}
	if err := checkGrowth(rec.Value, req); err != nil {
		return api.VolumeExpandResp{}, err
	}
	devices, err := c.readDevices("")
	if err != nil {
		return api.VolumeExpandResp{}, err
	}
	p, cannot := planGrow(rec, req, devices)
	if cannot == nil {
		_, err := c.Ops.grow.Run(ctx, c.Engine, growPlan(rec, p))
		info, err := c.after(p.Volume, err)
		return api.VolumeExpandResp{VolumeInfo: info}, err
	}
	more, err := c.planMoreSubvols(rec, req)
	if err != nil {
		return api.VolumeExpandResp{}, joinRefusals(cannot, err)
	}
	_, err = c.Ops.expand.Run(ctx, c.Engine, expandPlan(rec, more))
	info, err := c.after(more.Volume, err)
	return api.VolumeExpandResp{VolumeInfo: info, Hint: more.hint()}, err
}

// checkGrowth refuses a request that does not go with a size, or with the volume.
func checkGrowth(v *volume.Volume, req api.VolumeExpandReq) error {
	subvols := len(v.Subvols)
	switch {
	case v.Capacity == 0:
		return api.Errorf(api.State, "volume %s was made of bricks that somebody named: name the bricks to add", v.Name).With(api.FieldField, "size")
	case len(req.Bricks) > 0 || req.ReplicaCount != 0 || req.ArbiterCount != 0 || len(req.Flags) > 0:
		return api.FieldErrorf("size", "size with bricks or counts of copies: either gd2 makes the bricks, or you name them")
	case req.DistributeCount != 0 && req.DistributeCount < subvols:
		return api.FieldErrorf("distribute", "distribute %d: the volume has %d subvolumes already; leave it out, or say %d to have only these grow", req.DistributeCount, subvols, subvols)
	case v.Capacity+req.Size < v.Capacity:
		return api.FieldErrorf("size", "size %d: no volume has so many bytes", req.Size)
	}
	return nil
}

// planGrow plans that all bricks grow where they are. It refuses if that is not what is wanted, or not possible.
func planGrow(rec store.Record[*volume.Volume], req api.VolumeExpandReq, devices *deviceView) (growParams, error) {
	v := rec.Value
	if req.DistributeCount > len(v.Subvols) {
		return growParams{}, &provision.Refusal{Reason: "further subvolumes are asked for"}
	}
	r, err := requestOf(v, req.Size, rec.ID)
	if err != nil {
		return growParams{}, err
	}
	parts := uint64(len(v.Subvols) * max(r.Data, 1))
	sets, err := provision.Grow(r, setsOf(v), (req.Size+parts-1)/parts, devices.list)
	if err != nil {
		return growParams{}, err
	}
	p := growParams{Revision: rec.Revision, By: map[string]uint64{}, claims: map[string]transaction.Claim{}}
	for i, s := range v.Subvols {
		for j, b := range s.Bricks {
			to := sets[i][j]
			if to.Size == b.Size {
				continue // an arbiter that is large enough
			}
			p.By[b.ID] = to.Cost - b.Cost
			devices.claim(p.claims, b.Device, to.Cost-b.Cost)
			b.Size, b.Cost, b.Pool = to.Size, to.Cost, to.Pool
			p.Bricks = append(p.Bricks, b)
		}
	}
	p.Volume = v.On(p.Bricks)
	p.Volume.Capacity += req.Size
	return p, nil
}

// setsOf are the bricks of a volume as the planner sees them.
func setsOf(v *volume.Volume) [][]provision.Brick {
	var out [][]provision.Brick
	for _, s := range v.Subvols {
		var set []provision.Brick
		for _, b := range s.Bricks {
			set = append(set, plannersBrick(b))
		}
		out = append(out, set)
	}
	return out
}

func plannersBrick(b volume.Brick) provision.Brick {
	return provision.Brick{DeviceID: b.Device, PeerID: b.PeerID, Size: b.Size, Cost: b.Cost, Pool: b.Pool, Arbiter: b.Arbiter}
}

// planMoreSubvols plans further subvolumes that hold so many bytes.
func (c *Commands) planMoreSubvols(rec store.Record[*volume.Volume], req api.VolumeExpandReq) (expandParams, error) {
	v := rec.Value
	p := expandParams{Revision: rec.Revision, Mark: uuid.NewString(), Peers: map[string]int64{}, claims: map[string]transaction.Claim{}}
	if req.DistributeCount == len(v.Subvols) {
		return p, &provision.Refusal{Reason: "distribute says that there are to be no further subvolumes"}
	}
	r, err := requestOf(v, req.Size, fmt.Sprint(rec.ID, len(v.Subvols)))
	if err != nil {
		return p, err
	}
	if req.DistributeCount > 0 {
		r.Distribute = req.DistributeCount - len(v.Subvols)
	}
	devices, err := c.readDevices(provisionerOf(v))
	if err != nil {
		return p, err
	}
	plan, err := provision.Place(r, devices.list)
	if err != nil {
		return p, err
	}
	subvols, err := devices.subvols(plan, &r, p.claims)
	if err != nil {
		return p, err
	}
	devices.guard(p.Peers, subvols)
	if err := p.add(v, (&volume.Volume{Subvols: subvols}).Bricks()); err != nil {
		return p, err
	}
	p.Volume.Capacity += req.Size
	return p, c.checkBricks(p.part())
}

// add plans that a volume gets further subvolumes of bricks that gd2 makes.
func (p *expandParams) add(before *volume.Volume, made []volume.Brick) (err error) {
	var growth volume.Growth
	for _, b := range made {
		growth.Bricks = append(growth.Bricks, volume.Placed{PeerID: b.PeerID, Path: b.Path})
	}
	if p.Volume, p.Added, err = before.Expand(growth, idsOf(made)); err != nil {
		return err
	}
	p.Volume = p.Volume.On(made)
	for i := range p.Added {
		p.Added[i] = p.Volume.Bricks()[len(before.Bricks())+i]
	}
	return nil
}

// provisionerOf is the kind of devices that a volume was asked for on; empty means any.
func provisionerOf(v *volume.Volume) string {
	if v.Placement == nil {
		return ""
	}
	return v.Placement.Provisioner
}

// joinRefusals says why a volume can grow neither where it is nor elsewhere. What is no refusal comes first.
func joinRefusals(inPlace, elsewhere error) error {
	for _, err := range []error{inPlace, elsewhere} {
		var r *provision.Refusal
		if !errors.As(err, &r) {
			return err
		}
	}
	return api.Errorf(api.State, "%v. As further subvolumes: %v", inPlace, elsewhere)
}

// MayGrow implements GrowHost.
func (d *DataPlane) MayGrow(ctx context.Context, part *volume.Volume, by map[string]uint64) error {
	need := map[string]uint64{}
	for _, b := range part.BricksOn(d.PeerID) {
		need[b.Device] += by[b.ID]
	}
	return d.backed(part, func(p backing.Provisioner, on backing.Device, _ backing.Brick) error {
		m, err := p.Measure(ctx, on)
		if err == nil && need[on.ID] > m.Free {
			err = api.Errorf(api.State, "device %s has %d bytes left, not the %d that its bricks are to grow by: something else has taken them",
				on.Name, m.Free, need[on.ID]).With("device", on.ID)
		}
		return err
	})
}

// Grow implements GrowHost.
func (d *DataPlane) Grow(ctx context.Context, part *volume.Volume) error {
	return d.backed(part, func(p backing.Provisioner, on backing.Device, b backing.Brick) error { return p.Grow(ctx, on, b) })
}
