package volumes

import (
	"context"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type startParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Force    bool           `json:"force"`
}

func startOperation(host Host) transaction.Operation[startParams, none] {
	failed := transaction.NewOutput[string]("failed")
	return transaction.Operation[startParams, none]{
		Name: "volume.start", Version: 1,
		Steps: []transaction.Step[startParams]{{
			Name: "start-bricks",
			Do: func(ctx context.Context, call *transaction.Call, p startParams) error {
				err := host.Start(ctx, p.Volume)
				if err != nil && p.Force && !api.IsKind(err, api.Unavailable) {
					// By force the volume starts with what it has; the peer goes on trying by itself.
					call.Log.Warnf("volume %s starts without all its bricks: %v", p.Volume.Name, err)
					failed.Set(call, err.Error())
					return nil
				}
				return err
			},
			Undo: func(ctx context.Context, _ *transaction.Call, p startParams) error {
				if p.Volume.State == volume.Started {
					return nil // bricks of a started volume may run, and should
				}
				return host.Stop(ctx, p.Volume)
			},
			Effects: func(p startParams, peerID string) []api.Effect {
				return onBricks(p.Volume, peerID, api.ActionStart, api.OnProcess, processes)
			},
			Survey: func(_ context.Context, _ *transaction.Call, p startParams) ([]api.Effect, error) {
				return host.SurveyStart(p.Volume, p.Force)
			},
		}},
		Commit: func(p startParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return changeState(p.Volume, p.Revision, volume.Started)
		},
	}
}

func changeState(v *volume.Volume, revision int64, state volume.State) ([]store.Write, []store.Guard, none, error) {
	return []store.Write{volume.Records.Update(v.Name, inState(v, state), revision)}, nil, none{}, nil
}

// inState is the volume in another state.
func inState(v *volume.Volume, state volume.State) *volume.Volume {
	changed := *v
	changed.State = state
	return &changed
}

// Start starts a volume. Peers that are away start their bricks when they are back; a peer that is there must start
// all of its own, unless by force.
func (c *Commands) Start(ctx context.Context, name string, req api.VolumeStartReq) (api.VolumeInfo, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	v := rec.Value
	if v.State == volume.Started && !req.ForceStartBricks {
		return api.VolumeInfo{}, api.Errorf(api.State, "volume %s is started already", name).With("volume", name)
	}
	up, down := c.online(v.Peers())
	if len(up) == 0 {
		return api.VolumeInfo{}, api.Errorf(api.Unavailable, "none of the peers that hold bricks of volume %s can be reached: %v", name, c.names(down))
	}
	if len(down) > 0 {
		c.Log.WithField("volume", name).Warnf("starting without the peers %v, which cannot be reached", c.names(down))
		transaction.Warn(ctx, "the peers %v cannot be reached: they start their bricks when they are back", c.names(down))
	}
	follow(ctx, c.Store, v, inState(v, volume.Started), quotad())
	_, err = c.Ops.start.Run(ctx, c.Engine, startPlan(rec, up, req.ForceStartBricks).Answering(c.info(inState(v, volume.Started))))
	return c.after(inState(v, volume.Started), err)
}

func startPlan(rec store.Record[*volume.Volume], peers []string, force bool) transaction.Plan[startParams] {
	return onVolume(rec, peers, startParams{Volume: rec.Value, Revision: rec.Revision, Force: force})
}

// onVolume is the plan of an operation on a volume that must still be as it was read.
func onVolume[P any](rec store.Record[*volume.Volume], peers []string, params P) transaction.Plan[P] {
	return transaction.Plan[P]{
		Params: params, Peers: peers, Locks: []string{Lock(rec.ID)},
		Guards: []store.Guard{volume.Records.MustBe(rec.ID, rec.Revision)},
	}
}

type stopParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
}

func stopOperation(host Host) transaction.Operation[stopParams, none] {
	return transaction.Operation[stopParams, none]{
		Name: "volume.stop", Version: 1,
		Steps: []transaction.Step[stopParams]{{
			Name: "stop-bricks",
			Do: func(ctx context.Context, _ *transaction.Call, p stopParams) error {
				return host.Stop(ctx, p.Volume)
			},
			Undo: func(ctx context.Context, call *transaction.Call, p stopParams) error {
				err := host.Start(ctx, p.Volume)
				if err != nil && !api.IsKind(err, api.Unavailable, api.Timeout) {
					// The volume stays started, so the supervisor goes on trying. A brick that cannot start, perhaps
					// the very reason for which the volume was to stop, must not keep it locked for ever.
					call.Log.Warnf("volume %s was not stopped, and not all its bricks run again: %v", p.Volume.Name, err)
					return nil
				}
				return err
			},
			Effects: func(p stopParams, peerID string) []api.Effect {
				return onBricks(p.Volume, peerID, api.ActionStop, api.OnProcess, processes)
			},
			Survey: func(_ context.Context, _ *transaction.Call, p stopParams) ([]api.Effect, error) {
				return host.SurveyStop(p.Volume), nil
			},
		}},
		Commit: func(p stopParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return changeState(p.Volume, p.Revision, volume.Stopped)
		},
	}
}

// Stop stops a volume, by force also one that a task works on. Bricks on peers that are away are stopped when the peers are back.
func (c *Commands) Stop(ctx context.Context, name string, req api.VolumeStopReq) (api.VolumeInfo, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if rec.Value.State != volume.Started {
		return api.VolumeInfo{}, api.Errorf(api.State, "volume %s is not started", name).With("volume", name)
	}
	if err := c.noTask(name, false); err != nil && !req.Force {
		return api.VolumeInfo{}, err
	}
	up, down := c.online(rec.Value.Peers())
	if len(down) > 0 {
		transaction.Warn(ctx, "the peers %v cannot be reached: they stop their bricks when they are back", c.names(down))
	}
	follow(ctx, c.Store, rec.Value, inState(rec.Value, volume.Stopped), quotad())
	_, err = c.Ops.stop.Run(ctx, c.Engine, stopPlan(rec, up).Answering(c.info(inState(rec.Value, volume.Stopped))))
	return c.after(inState(rec.Value, volume.Stopped), err)
}

func stopPlan(rec store.Record[*volume.Volume], peers []string) transaction.Plan[stopParams] {
	return onVolume(rec, peers, stopParams{Volume: rec.Value, Revision: rec.Revision})
}

// after answers a change with the volume as the change has made it. It does not read it again: others may have changed
// or deleted it since, and what failed then would be taken for a failure of the change.
func (c *Commands) after(v *volume.Volume, err error) (api.VolumeInfo, error) {
	if err != nil {
		return api.VolumeInfo{}, err
	}
	return c.info(v), nil
}

type removeParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Tasks    TaskRecords    `json:"tasks"`
	// Here are the peers that were at work when the volume was to be deleted, Away the others.
	Here []string `json:"here"`
	Away []string `json:"away"`
	// Limits are the revisions of the records of its quota's limits, by gfid.
	Limits map[string]int64 `json:"limits,omitempty"`
}

// writes removes all records of the volume.
func (p removeParams) writes() []store.Write {
	out := append(p.Tasks.deletes(p.Volume.Name), volume.Records.Delete(p.Volume.Name, p.Revision))
	return append(out, forgetParams{VolumeID: p.Volume.ID, Limits: p.Limits}.writes()...)
}

// removeOperation forgets a volume on the peers that are there, and then, from where there is no way back, on those that were
// away: that step waits for them, so that none comes back with a brick that nobody knows of.
func removeOperation(host Host) transaction.Operation[removeParams, none] {
	forget := func(ctx context.Context, _ *transaction.Call, p removeParams) error {
		return host.Forget(ctx, p.Volume)
	}
	// The bricks' processes have ended with the stop; one that is left over on a peer that was away goes now. What is forgotten
	// is made again when it is needed, so there is nothing to undo.
	nothing := func(removeParams, string) []api.Effect { return nil }
	return transaction.Operation[removeParams, none]{
		Name: "volume.delete", Version: 2, Pivot: 1,
		Steps: []transaction.Step[removeParams]{
			{Name: "forget", Peers: func(p removeParams) []string { return p.Here }, Do: forget, Effects: nothing},
			{Name: "forget-away", Peers: func(p removeParams) []string { return p.Away }, Do: forget, Effects: nothing},
		},
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return p.writes(), nil, none{}, nil
		},
	}
}

// Delete deletes a volume that is not started. The data on its bricks stays, unless gd2 has
// made them. While a peer that holds bricks is away the operation
// waits for it, and holds the volume; force does not wait, for a peer that is gone for good.
func (c *Commands) Delete(ctx context.Context, name string, force bool) error {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return err
	}
	if rec.Value.State == volume.Started {
		return api.Errorf(api.State, "volume %s is started: stop it before deleting it", name).With("volume", name)
	}
	if err := c.noTask(name, false); err != nil {
		return err
	}
	tasks, err := forgetTask(c.Store, name)
	if err != nil {
		return err
	}
	operation, stay := c.Ops.remove, "the files on the bricks stay"
	if _, made := split(rec.Value); len(made) > 0 {
		operation, stay = c.Ops.destroy, "the files on bricks that were named stay; those that were made for a size go"
	}
	transaction.Warn(ctx, "%s", stay)
	limits, err := c.forgetLimits(transaction.Part(ctx), rec, forgetBatch)
	if err != nil {
		return err
	}
	up, down := c.online(rec.Value.Peers())
	if len(down) > 0 && force {
		transaction.Warn(ctx, "the peers %v cannot be reached: they find out when they are back", c.names(down))
		down = nil
	}
	if len(down) > 0 {
		transaction.Warn(ctx, "the peers %v cannot be reached: the operation waits for them", c.names(down))
	}
	plan := removePlan(rec, up, down, tasks)
	plan.Params.Limits = limits
	_, err = operation.Run(ctx, c.Engine, plan)
	return err
}

func removePlan(rec store.Record[*volume.Volume], here, away []string, tasks TaskRecords) transaction.Plan[removeParams] {
	return onVolume(rec, slices.Concat(here, away), removeParams{Volume: rec.Value, Revision: rec.Revision, Here: here, Away: away, Tasks: tasks})
}
