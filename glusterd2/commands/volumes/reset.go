package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type resetParams struct {
	// Volume is the volume as it becomes, Brick the one that is taken out of service.
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Brick    volume.Brick   `json:"brick"`
}

func (p resetParams) part() *volume.Volume { return p.Volume.Part(p.Brick) }

// resetOperation takes a brick out of service. The record keeps it from being started again.
func resetOperation(host Host) transaction.Operation[resetParams, none] {
	return transaction.Operation[resetParams, none]{
		Name: "volume.reset-brick", Version: 1,
		Steps: []transaction.Step[resetParams]{{
			Name: "check-source", Effects: func(resetParams, string) []api.Effect { return nil },
			Do: func(ctx context.Context, _ *transaction.Call, p resetParams) error {
				return host.MayGo(ctx, p.part(), checkBlameless)
			},
			Survey: func(ctx context.Context, _ *transaction.Call, p resetParams) ([]api.Effect, error) {
				return nil, host.MayGo(ctx, p.part(), checkBlameless)
			},
		}, {
			Name: "stop-brick",
			Do:   func(ctx context.Context, _ *transaction.Call, p resetParams) error { return host.Stop(ctx, p.part()) },
			Undo: func(ctx context.Context, call *transaction.Call, p resetParams) error {
				return startAgain(ctx, call, host, p.part())
			},
			Effects: func(p resetParams, peerID string) []api.Effect {
				return onBricks(p.part(), peerID, api.ActionStop, api.OnProcess, processes)
			},
		}},
		Commit: func(p resetParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision)}, nil, none{}, nil
		},
	}
}

// ResetStart takes a brick out of service, so that its disk can be exchanged or its directory emptied.
func (c *Commands) ResetStart(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error) {
	rec, b, err := c.findBrick(ctx, name, req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if b.Reset {
		return api.VolumeInfo{}, api.Errorf(api.State, "brick %s is being reset already: commit that once its directory is ready", b.Path).With("brick", b.Path)
	}
	if err := c.checkService(ctx, rec.Value, b, req.Force); err != nil {
		return api.VolumeInfo{}, err
	}
	p := planReset(rec, b)
	_, err = c.Ops.reset.Run(ctx, c.Engine, resetPlan(rec, p, c.sourceOf(ctx, b)).Answering(c.info(p.Volume)))
	return c.after(p.Volume, err)
}

func planReset(rec store.Record[*volume.Volume], b volume.Brick) resetParams {
	out := b
	out.Reset = true
	return resetParams{Volume: rec.Value.WithBrick(out), Revision: rec.Revision, Brick: b}
}

func resetPlan(rec store.Record[*volume.Volume], p resetParams, peers []string) transaction.Plan[resetParams] {
	return onVolume(rec, peers, p)
}

// ResetCommit makes a brick that was taken out of service anew at its place; its files are healed from the other bricks of the set.
func (c *Commands) ResetCommit(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error) {
	if err := checkFlags(req.Flags); err != nil {
		return api.VolumeInfo{}, err
	}
	rec, b, err := c.findBrick(ctx, name, req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if !b.Reset {
		return api.VolumeInfo{}, api.Errorf(api.State, "brick %s is in service: begin with reset-brick start", b.Path).With("brick", b.Path)
	}
	return c.runReplace(ctx, rec, planRenewal(rec, b, Allow{Flags: req.Flags, Force: req.Force}))
}

// planRenewal puts a brick that is out of service back in its own place.
func planRenewal(rec store.Record[*volume.Volume], b volume.Brick, allow Allow) replaceParams {
	allow.Own = true
	p := newReplace(rec, allow, b)
	b.Reset = false
	p.put(b, rec.Value)
	return p
}

// findBrick finds a brick that can be made anew where it is.
func (c *Commands) findBrick(ctx context.Context, name string, req api.ResetBrickReq) (store.Record[*volume.Volume], volume.Brick, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return rec, volume.Brick{}, err
	}
	_, b, err := c.brickAt(rec.Value, req.PeerID, req.Path)
	if err == nil && b.Device != "" {
		err = api.Errorf(api.NotSupported, "brick %s was made by gd2, with the filesystem below it: use replace-brick to put another in its place", b.Path).
			With("brick", b.Path)
	}
	return rec, b, err
}
