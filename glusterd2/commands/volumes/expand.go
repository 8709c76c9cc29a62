package volumes

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type expandParams struct {
	// Volume is the volume as it becomes, Added the bricks that it gets.
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Added    []volume.Brick `json:"added"`
	Allow    Allow          `json:"allow"`
	Mark     string         `json:"mark"`
	// Empty is set if the added bricks are copies of what is there.
	Empty *EmptyBricks `json:"empty,omitempty"`
	// Peers are as in createParams.
	Peers map[string]int64 `json:"peers"`

	claims map[string]transaction.Claim // for the intent only
}

// part is the volume with the added bricks only.
func (p expandParams) part() *volume.Volume { return p.Volume.Part(p.Added...) }

// blamers are the peers whose bricks are told of empty copies: none if there are no such.
func (p expandParams) blamers() []string {
	if p.Empty == nil {
		return nil
	}
	return p.Volume.Peers()
}

func expandOperation(host Host) transaction.Operation[expandParams, none] {
	newPeers := func(p expandParams) []string { return p.part().Peers() }
	return transaction.Operation[expandParams, none]{
		Name: "volume.expand", Version: 1,
		Steps: []transaction.Step[expandParams]{{
			Name: "prepare-bricks", Peers: newPeers, Timeout: makeTimeout,
			Do: func(ctx context.Context, _ *transaction.Call, p expandParams) error {
				return host.PrepareAs(ctx, p.part(), p.Mark, p.Allow)
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p expandParams) error {
				return host.UnprepareAs(ctx, p.part(), p.Mark)
			},
			Effects: func(p expandParams, peerID string) []api.Effect {
				return preparedEffects(p.part(), peerID)
			},
			Survey: func(ctx context.Context, _ *transaction.Call, p expandParams) ([]api.Effect, error) {
				return host.SurveyPrepare(ctx, p.part(), p.Allow)
			},
		}, {
			// Before the new copies run, and before any client knows them: what is empty must never be taken for the truth.
			Name: "blame-empty", Peers: expandParams.blamers,
			Do: func(ctx context.Context, _ *transaction.Call, p expandParams) error {
				return host.Blame(ctx, *p.Empty)
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p expandParams) error {
				return host.Forgive(ctx, *p.Empty)
			},
			Effects: func(p expandParams, peerID string) []api.Effect { return p.Empty.effects(peerID) },
		}, {
			Name: "start-bricks", Peers: newPeers,
			Do: func(ctx context.Context, _ *transaction.Call, p expandParams) error {
				if p.Volume.State != volume.Started {
					return nil
				}
				return host.Start(ctx, p.part())
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p expandParams) error {
				return host.Stop(ctx, p.part())
			},
			Effects: func(p expandParams, peerID string) []api.Effect {
				if p.Volume.State != volume.Started {
					return nil
				}
				return onBricks(p.part(), peerID, api.ActionStart, api.OnProcess, processes)
			},
		}},
		Commit: func(p expandParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision)}, peersMustBe(p.Peers), none{}, nil
		},
	}
}

// peersMustBe guards the records of peers that get bricks: none may have left meanwhile.
func peersMustBe(revisions map[string]int64) []store.Guard {
	var guards []store.Guard
	for id, rev := range revisions {
		guards = append(guards, peer.Records.MustBe(id, rev))
	}
	return guards
}

// Expand adds bricks to a volume: more subvolumes, or more copies in each. With a size it makes one of a size larger by that.
func (c *Commands) Expand(ctx context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	if req.Size > 0 {
		return c.expandBySize(ctx, name, req)
	}
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeExpandResp{}, err
	}
	if err := c.noTask(name, true); err != nil {
		return api.VolumeExpandResp{}, err
	}
	p, err := c.planExpand(rec, req)
	if err != nil {
		return api.VolumeExpandResp{}, err
	}
	if err := c.checkExpand(ctx, rec.Value, p, req.Force); err != nil {
		return api.VolumeExpandResp{}, err
	}
	FollowPlan(ctx, c.Store, rec.Value, p.Volume)
	resp := api.VolumeExpandResp{VolumeInfo: c.info(p.Volume), Hint: p.hint()}
	if _, err = c.Ops.expand.Run(ctx, c.Engine, expandPlan(rec, p).Answering(resp)); err != nil {
		return api.VolumeExpandResp{}, err
	}
	return resp, nil
}

func expandPlan(rec store.Record[*volume.Volume], p expandParams) transaction.Plan[expandParams] {
	peers := p.part().Peers()
	if p.Empty != nil {
		peers = p.blamers()
	}
	plan := onVolume(rec, peers, p)
	plan.Locks = append(plan.Locks, brickLocks(p.part())...)
	plan.Claims = p.claims
	return plan
}

func (c *Commands) planExpand(rec store.Record[*volume.Volume], req api.VolumeExpandReq) (expandParams, error) {
	if req.DistributeCount != 0 {
		return expandParams{}, api.FieldErrorf("distribute", "distribute %d is for volumes that grow by a size: give size too", req.DistributeCount)
	}
	if err := checkFlags(req.Flags); err != nil {
		return expandParams{}, err
	}
	p := expandParams{Revision: rec.Revision, Allow: Allow{Flags: req.Flags, Force: req.Force}, Mark: uuid.NewString(), Peers: map[string]int64{}}
	growth := volume.Growth{Replica: req.ReplicaCount, Arbiter: req.ArbiterCount}
	for _, b := range req.Bricks {
		placed, err := c.place(b, p.Peers)
		if err != nil {
			return p, err
		}
		growth.Bricks = append(growth.Bricks, placed)
	}
	var err error
	if p.Volume, p.Added, err = rec.Value.Expand(growth, uuid.NewString); err != nil {
		return p, err
	}
	if err := c.checkBricks(p.part()); err != nil {
		return p, err
	}
	if err := c.checkSpread(p.changed(len(rec.Value.Subvols)), req.Force); err != nil {
		return p, err
	}
	if p.moreCopies(rec.Value) {
		p.Empty = &EmptyBricks{Volume: p.Volume, Bricks: p.Added, Through: p.Added[0].PeerID}
		p.Volume.Options = replicateOptions(rec.Value, p.Volume)
	}
	return p, xlator.Refit(p.Volume.Options, shapeOf(p.Volume))
}

// moreCopies reports whether the new bricks are copies of what is there, not room for more.
func (p expandParams) moreCopies(before *volume.Volume) bool {
	return len(p.Volume.Subvols) == len(before.Subvols)
}

// changed is the volume with those subvolumes only that have new bricks: all, or those after the first n.
func (p expandParams) changed(n int) *volume.Volume {
	out := *p.Volume
	if len(out.Subvols) > n {
		out.Subvols = out.Subvols[n:]
	}
	return &out
}

// replicateOptions are the options of a volume that becomes replicated: what a new one has is set, unless it is already.
func replicateOptions(before, after *volume.Volume) map[string]string {
	out := cloneMap(before.Options)
	if before.Shape().Type == after.Shape().Type {
		return out
	}
	for k, val := range xlator.CreateOptions(after.Shape().Type) {
		if _, set := out[k]; !set {
			out[k] = val
		}
	}
	return out
}

// checkExpand looks at the present state of the pool.
func (c *Commands) checkExpand(ctx context.Context, v *volume.Volume, p expandParams, force bool) error {
	if err := c.allOnline(expandPlan(store.Record[*volume.Volume]{ID: v.Name}, p).Peers); err != nil {
		return err
	}
	if p.Empty == nil {
		return nil
	}
	if v.State != volume.Started {
		return api.Errorf(api.State, "volume %s is not started: its copies must be told of the new ones, for which they must run", v.Name).With("volume", v.Name)
	}
	return c.copiesOnline(ctx, v, force)
}

// copiesOnline demands that all bricks of a volume serve, so that each learns what it has to: a copy that is away while
// others come or go could be taken for the truth later.
func (c *Commands) copiesOnline(ctx context.Context, v *volume.Volume, force bool) error {
	for _, b := range c.gather(ctx, v).Bricks {
		if !b.Online && !force {
			return api.Errorf(api.State, "brick %s:%s is offline: all copies must be online for this, or what it misses may be lost; use force to go on without it",
				b.Info.Hostname, b.Info.Path).With("brick", b.Info.Hostname+":"+b.Info.Path)
		}
	}
	return nil
}

// hint says what is left to do after an expansion.
func (p expandParams) hint() string {
	switch {
	case p.Empty != nil:
		return "the new bricks are being filled by the self-heal daemons: volume heal " + p.Volume.Name + " info shows what is left"
	case len(p.Volume.Subvols) > 1:
		return "new directories use the new bricks at once; for those that exist use volume rebalance " + p.Volume.Name + " fix-layout start, or start to move files too"
	}
	return ""
}

// checkFlags refuses flags of bricks that are not known.
func checkFlags(flags map[string]bool) error {
	known := []string{api.FlagReuseBricks, api.FlagAllowRootDir, api.FlagAllowMountAsBrick, api.FlagCreateBrickDir}
	for flag := range flags {
		if !slices.Contains(known, flag) {
			return api.FieldErrorf("flags", "flag %.40q is not known: use %s", flag, strings.Join(known, ", "))
		}
	}
	return nil
}
