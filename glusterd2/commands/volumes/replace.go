package volumes

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type replaceParams struct {
	// Volume is the volume as it becomes, with New in the place of Old. A brick that is reset stays where it is: then both have
	// the same id.
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Old      volume.Brick   `json:"old"`
	New      volume.Brick   `json:"new"`
	// Source is the id of the peer of the old brick, if it is at work. One that is away stops the brick when it is back.
	Source []string `json:"source,omitempty"`
	Allow  Allow    `json:"allow"`
	Mark   string   `json:"mark"`
	// Empty is set if the other bricks must be told that the new one is empty.
	Empty *EmptyBricks `json:"empty,omitempty"`
	// Peers are as in createParams.
	Peers map[string]int64 `json:"peers"`

	claims map[string]transaction.Claim // for the intent only
	how    How
}

func (p replaceParams) inPlace() bool           { return p.Old.ID == p.New.ID }
func (p replaceParams) oldPart() *volume.Volume { return p.Volume.Part(p.Old) }
func (p replaceParams) newPart() *volume.Volume { return p.Volume.Part(p.New) }
func (p replaceParams) target() []string        { return []string{p.New.PeerID} }
func (p replaceParams) source() []string        { return p.Source }

// leaving is the peer on which something has to be given up in the end.
func (p replaceParams) leaving() []string {
	if p.inPlace() {
		return nil
	}
	return p.Source
}

// replaceOperation puts an empty brick in the place of another one. Until the old one is given up all can be taken back.
func replaceOperation(host Host) transaction.Operation[replaceParams, none] {
	return transaction.Operation[replaceParams, none]{
		Name: volume.OpReplaceBrick, Version: 1, Pivot: 6,
		Steps: []transaction.Step[replaceParams]{
			checkSourceStep(host), prepareNewStep(host), stopOldStep(host), blameNewStep(host), startNewStep(host), healRootStep(host), releaseOldStep(host),
		},
		Commit: func(p replaceParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			writes := []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision)}
			if !p.inPlace() {
				writes = append(writes, device.Owe(p.oldPart(), p.Source)...)
			}
			// Nothing may keep this from being written once the old brick was given up. The peer cannot leave meanwhile.
			return writes, nil, none{}, nil
		},
	}
}

func noEffects(replaceParams, string) []api.Effect { return nil }

func checkSourceStep(host Host) transaction.Step[replaceParams] {
	return transaction.Step[replaceParams]{
		Name: "check-source", Peers: replaceParams.leaving, Effects: noEffects,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.MayGo(ctx, p.oldPart(), checkBlameless)
		},
		Survey: func(ctx context.Context, _ *transaction.Call, p replaceParams) ([]api.Effect, error) {
			return nil, host.MayGo(ctx, p.oldPart(), checkBlameless)
		},
	}
}

func prepareNewStep(host Host) transaction.Step[replaceParams] {
	return transaction.Step[replaceParams]{
		Name: "prepare-brick", Peers: replaceParams.target, Timeout: makeTimeout,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.PrepareAs(ctx, p.newPart(), p.Mark, p.Allow)
		},
		Undo: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.UnprepareAs(ctx, p.newPart(), p.Mark)
		},
		Effects: func(p replaceParams, peerID string) []api.Effect {
			return preparedEffects(p.newPart(), peerID)
		},
		Survey: func(ctx context.Context, _ *transaction.Call, p replaceParams) ([]api.Effect, error) {
			return host.SurveyPrepare(ctx, p.newPart(), p.Allow)
		},
	}
}

// stopOldStep comes before anything is told about the new brick: what clients write until they know it is noted as missed by
// this place.
func stopOldStep(host Host) transaction.Step[replaceParams] {
	return transaction.Step[replaceParams]{
		Name: "stop-brick", Peers: replaceParams.source,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.Stop(ctx, p.oldPart())
		},
		Undo: func(ctx context.Context, call *transaction.Call, p replaceParams) error {
			if p.Old.Reset {
				return nil // it was out of service before
			}
			return startAgain(ctx, call, host, p.oldPart())
		},
		Effects: func(p replaceParams, peerID string) []api.Effect {
			if p.Old.Reset {
				return nil
			}
			return onBricks(p.oldPart(), peerID, api.ActionStop, api.OnProcess, processes)
		},
	}
}

// startAgain takes back that bricks were stopped. One that cannot start, perhaps the reason for the change, must not keep the
// volume locked for ever: the supervisor goes on trying.
func startAgain(ctx context.Context, call *transaction.Call, host Host, part *volume.Volume) error {
	err := host.Start(ctx, part)
	if err != nil && !api.IsKind(err, api.Unavailable, api.Timeout) {
		call.Log.Warnf("a brick of volume %s that was stopped does not run again: %v", part.Name, err)
		return nil
	}
	return err
}

func blameNewStep(host Host) transaction.Step[replaceParams] {
	return transaction.Step[replaceParams]{
		Name: "blame-empty", Peers: replaceParams.target,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			if p.Empty == nil {
				return nil
			}
			return host.Blame(ctx, *p.Empty)
		},
		Undo: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			if p.Empty == nil {
				return nil
			}
			return host.Forgive(ctx, *p.Empty)
		},
		Effects: func(p replaceParams, peerID string) []api.Effect { return p.Empty.effects(peerID) },
	}
}

func startNewStep(host Host) transaction.Step[replaceParams] {
	return transaction.Step[replaceParams]{
		Name: "start-brick", Peers: replaceParams.target,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.Start(ctx, p.newPart())
		},
		Undo: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.Stop(ctx, p.newPart())
		},
		Effects: func(p replaceParams, peerID string) []api.Effect {
			return onBricks(p.newPart(), peerID, api.ActionStart, api.OnProcess, processes)
		},
	}
}

func healRootStep(host Host) transaction.Step[replaceParams] {
	return transaction.Step[replaceParams]{
		Name: "heal-root", Peers: replaceParams.target, Effects: noEffects,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			return host.HealRoot(ctx, p.Volume, p.New)
		},
	}
}

// releaseOldStep gives up the old brick: behind it there is no way back.
func releaseOldStep(host Host) transaction.Step[replaceParams] {
	effects := func(p replaceParams, peerID string) []api.Effect {
		if p.Old.Device == "" {
			return onBricks(p.oldPart(), peerID, api.ActionChange, api.OnXattr, "")
		}
		return goneEffects(p.oldPart(), peerID)
	}
	return transaction.Step[replaceParams]{
		Name: "release-brick", Peers: replaceParams.leaving,
		Do: func(ctx context.Context, _ *transaction.Call, p replaceParams) error {
			if p.Old.Device != "" {
				return host.Reclaim(ctx, p.oldPart())
			}
			return host.Release(ctx, p.oldPart())
		},
		Effects: effects,
		Survey: func(ctx context.Context, call *transaction.Call, p replaceParams) ([]api.Effect, error) {
			if p.Old.Device != "" {
				return effects(p, call.PeerID), nil
			}
			return host.SurveyRelease(ctx, p.oldPart())
		},
	}
}

// Replace puts a brick elsewhere in the place of one of a volume; its files are healed from the other bricks of the set.
// Where a brick that gd2 has made goes is chosen by the rules of its volume, if the request does not say it.
func (c *Commands) Replace(ctx context.Context, name string, req api.ReplaceBrickReq) (api.VolumeInfo, error) {
	var info api.VolumeInfo
	err := planned(ctx, func() (err error) {
		info, err = c.tryReplace(ctx, name, req)
		return err
	})
	return info, err
}

// tryReplace is one try of Replace.
func (c *Commands) tryReplace(ctx context.Context, name string, req api.ReplaceBrickReq) (api.VolumeInfo, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	p, err := c.planReplace(rec, req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	return c.runReplace(ctx, rec, p)
}

// runReplace checks the present state of the pool, and runs the plan.
func (c *Commands) runReplace(ctx context.Context, rec store.Record[*volume.Volume], p replaceParams) (api.VolumeInfo, error) {
	if err := c.checkService(ctx, rec.Value, p.Old, p.Allow.Force || p.how.Unhealed); err != nil {
		return api.VolumeInfo{}, err
	}
	if err := c.allOnline(p.target()); err != nil {
		return api.VolumeInfo{}, err
	}
	if p.Source = c.sourceOf(ctx, p.Old); len(p.Source) == 0 && !p.Allow.Force && !p.how.Gone {
		return api.VolumeInfo{}, api.Errorf(api.Unavailable, "peer %s of the brick cannot be reached, and the brick may still serve there: make sure that its host is off, then use force",
			peer.Hosts(c.Store)(p.Old.PeerID)).With(api.FieldPeer, p.Old.PeerID)
	}
	FollowPlan(ctx, c.Store, rec.Value, p.Volume)
	_, err := c.Ops.replace.Run(ctx, c.Engine, replacePlan(rec, p).Answering(c.info(p.Volume)))
	return c.after(p.Volume, err)
}

func replacePlan(rec store.Record[*volume.Volume], p replaceParams) transaction.Plan[replaceParams] {
	peers := slices.Concat(p.Source, p.target())
	slices.Sort(peers)
	plan := onVolume(rec, slices.Compact(peers), p)
	plan.Locks = append(plan.Locks, brickLocks(p.newPart())...)
	plan.Claims, plan.Guards = p.claims, append(plan.Guards, peersMustBe(p.Peers)...)
	return plan
}

func (c *Commands) planReplace(rec store.Record[*volume.Volume], req api.ReplaceBrickReq) (replaceParams, error) {
	if err := checkFlags(req.Flags); err != nil {
		return replaceParams{}, err
	}
	sub, old, err := c.brickAt(rec.Value, req.SrcPeerID, req.SrcPath)
	if err != nil {
		return replaceParams{}, err
	}
	p := newReplace(rec, Allow{Flags: req.Flags, Force: req.Force}, old)
	switch {
	case req.DestPeerID == "" && req.DestPath == "" && old.Device != "":
		return p, c.placeReplacement(rec, sub, &p)
	case req.DestPeerID == "" || req.DestPath == "":
		return p, api.FieldErrorf("dest-brickpath", "name the peer and the path of the new brick (dest-peerid, dest-brickpath): "+
			"gd2 chooses them only for bricks that it has made")
	}
	placed, err := c.place(api.BrickReq{PeerID: req.DestPeerID, Path: req.DestPath}, p.Peers)
	if err != nil {
		return p, err
	}
	p.put(old.Replacement(placed, uuid.NewString()), rec.Value)
	if err := c.checkBricks(p.newPart()); err != nil {
		return p, err
	}
	if old.PeerID == placed.PeerID {
		return p, nil // no worse than before
	}
	changed := *p.Volume
	changed.Subvols = []volume.Subvol{sub}
	return p, c.checkSpread(changed.WithBrick(p.New), req.Force)
}

func newReplace(rec store.Record[*volume.Volume], allow Allow, old volume.Brick) replaceParams {
	return replaceParams{Revision: rec.Revision, Old: old, Allow: allow, Mark: uuid.NewString(), Peers: map[string]int64{}}
}

// sourceOf is the peer of a brick, if it is at work.
func (c *Commands) sourceOf(ctx context.Context, b volume.Brick) []string {
	up, down := c.online([]string{b.PeerID})
	if len(down) > 0 {
		transaction.Warn(ctx, "the peer %v of the brick cannot be reached: it stops the brick when it is back", c.names(down))
	}
	return up
}

// put makes b the new brick.
func (p *replaceParams) put(b volume.Brick, before *volume.Volume) {
	p.New, p.Volume = b, before.WithBrick(b)
	if before.Shape().Type == api.SubvolReplicate {
		p.Empty = &EmptyBricks{Volume: p.Volume, Bricks: []volume.Brick{b}, Replaced: true, Through: b.PeerID}
	}
}

// brickAt finds a brick of a volume that can be made anew, by its peer (id, name or address) and its path.
func (c *Commands) brickAt(v *volume.Volume, peerName, path string) (volume.Subvol, volume.Brick, error) {
	for b := range v.All() {
		if b.Path == path && NamesBrick(c.Store, b, peerName+":"+path) {
			return v.Replaceable(b.ID)
		}
	}
	return volume.Subvol{}, volume.Brick{}, NoSuchBrick(v, peerName+":"+path)
}

// checkService demands that the files of a set can be had without one of its bricks: that the others are online, or by force
// as many as are needed at least.
func (c *Commands) checkService(ctx context.Context, v *volume.Volume, without volume.Brick, force bool) error {
	if v.State != volume.Started {
		return api.Errorf(api.State, "volume %s is not started: the new brick is filled from the others, for which they must run", v.Name).With("volume", v.Name)
	}
	if err := c.noTask(v.Name, true); err != nil {
		return err
	}
	sub, _, err := v.Replaceable(without.ID)
	if err != nil {
		return err
	}
	have, offline := c.others(ctx, v, sub, without)
	if offline != "" && !force {
		return api.Errorf(api.State, "brick %s of the same set is offline: all others must be online for this; use force to go on without it", offline).With("brick", offline)
	}
	if need := max(sub.Disperse-sub.Redundancy, 1); have < need {
		return api.Errorf(api.State, "%d other bricks of the set with data are online, and %d are needed for its files: not even force goes on", have, need)
	}
	if force {
		return nil
	}
	return c.whole(ctx, v, sub, without)
}

// others counts the other bricks of a set that serve and hold data, and names one that does not serve.
func (c *Commands) others(ctx context.Context, v *volume.Volume, sub volume.Subvol, without volume.Brick) (have int, offline string) {
	online := c.serving(ctx, v)
	for _, b := range sub.Bricks {
		switch {
		case b.ID == without.ID || online[b.ID] && b.Arbiter:
		case online[b.ID]:
			have++
		case offline == "":
			offline = peer.Hosts(c.Store)(b.PeerID) + ":" + b.Path
		}
	}
	return have, offline
}
