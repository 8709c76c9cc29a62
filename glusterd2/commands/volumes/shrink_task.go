package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// leaveParams carry a volume whose bricks begin to leave or stay after all, and the task as it becomes with that.
type leaveParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	Task     taskParams     `json:"task"`
}

// leaveOperation starts or stops the removal of bricks. It has no steps: the peers do what the record of the task wants.
func leaveOperation() transaction.Operation[leaveParams, none] {
	return transaction.Operation[leaveParams, none]{
		Name: "volume.leave", Version: 1,
		Commit: func(p leaveParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision), p.Task.write()}, nil, none{}, nil
		},
	}
}

// leave marks exactly the bricks of the ids as leaving, together with a change of the task.
func (c *Commands) leave(ctx context.Context, rec store.Record[*volume.Volume], ids []string, task taskParams) error {
	p := leaveParams{Volume: rec.Value.Leave(ids), Revision: rec.Revision, Task: task}
	_, err := c.Ops.leave.Run(ctx, c.Engine, onVolume(rec, nil, p))
	return err
}

// ShrinkStart has the peers move the files of whole subvolumes to the others, so that their bricks can be removed with
// ShrinkCommit. It waits until they have begun, and returns the id of the task.
func (c *Commands) ShrinkStart(ctx context.Context, name string, req api.VolumeShrinkReq) (string, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return "", err
	}
	p, err := c.planShrink(rec, req)
	switch {
	case err != nil:
		return "", err
	case len(p.Volume.Subvols) == len(rec.Value.Subvols):
		return "", api.FieldErrorf("replica", "no files have to be moved to lower the number of copies: use force instead of start")
	}
	task, err := c.newTask(ctx, rec.Value, volume.TaskRemoveBrick, volume.MoveAllFiles)
	if err != nil {
		return "", err
	}
	task.Task.Bricks, task.Task.Peers = ids(p.Removed), p.part().Peers()
	if err := c.hasRoom(ctx, rec.Value, task.Task.Bricks); err != nil {
		return "", err
	}
	return c.startTask(ctx, rec, task)
}

// ShrinkStatus tells how far the files of bricks that leave have been moved.
func (c *Commands) ShrinkStatus(ctx context.Context, name string) (api.RebalanceStatus, error) {
	return c.taskStatus(ctx, name, volume.TaskRemoveBrick)
}

// ShrinkStop keeps the bricks that were to leave. Files that were moved stay where they are.
func (c *Commands) ShrinkStop(ctx context.Context, name string, req api.VolumeShrinkReq) (api.RebalanceStatus, error) {
	rec, task, state, err := c.leaving(ctx, name, req)
	if err != nil {
		return api.RebalanceStatus{}, err
	}
	p := stopTask(name, task)
	if !state.Final() {
		moversPlan(ctx, c.Store, rec.Value, p.Task, api.ActionStop)
	}
	if err := c.leave(ctx, rec, nil, p); err != nil {
		return api.RebalanceStatus{}, err
	}
	return c.ended(ctx, rec.Value, p.Task), nil
}

// ShrinkCommit removes the bricks whose files have been moved. A file that is left on one of them refuses it.
func (c *Commands) ShrinkCommit(ctx context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	rec, task, state, err := c.leaving(ctx, name, req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if err := c.moved(name, task.Value, state); err != nil {
		return api.VolumeInfo{}, err
	}
	p, err := without(rec, 0, task.Value.Bricks)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	p.Check, p.On = checkEmpty, p.part().Peers()
	if err := c.allOnline(p.On); err != nil {
		return api.VolumeInfo{}, err
	}
	if p.Tasks, err = forgetTask(c.Store, name); err != nil {
		return api.VolumeInfo{}, err
	}
	return c.shrink(ctx, rec, p)
}

// leaving finds the removal of bricks that waits for its end. Bricks in the request must be those that leave.
func (c *Commands) leaving(ctx context.Context, name string, req api.VolumeShrinkReq) (rec store.Record[*volume.Volume], task store.Record[*volume.Task], state volume.TaskStatus, err error) {
	if rec, err = c.findToChange(ctx, name); err != nil {
		return rec, task, state, err
	}
	if task, state, err = c.findTask(name, volume.TaskRemoveBrick); err != nil {
		return rec, task, state, err
	}
	if !task.Value.Pending() {
		return rec, task, state, api.Errorf(api.State, "volume %s: no bricks are being removed: the last remove-brick was stopped", name).With("volume", name)
	}
	if len(req.Bricks) == 0 {
		return rec, task, state, nil
	}
	named, err := c.brickIDs(rec.Value, req.Bricks)
	if err == nil && !sameSet(named, task.Value.Bricks) {
		err = api.FieldErrorf("bricks", "these are not the bricks that are being removed: name all of those, or none")
	}
	return rec, task, state, err
}

// moved demands that a task has moved all files.
func (c *Commands) moved(name string, t *volume.Task, state volume.TaskStatus) error {
	if !state.Final() {
		return c.noTask(name, false)
	}
	failed := func(format string, args ...any) error {
		return api.Errorf(api.State, "volume %s: "+format+": stop it and start it again, or use force, which leaves what was not moved on the bricks",
			append([]any{name}, args...)...).With("task", t.ID)
	}
	if !state.OK() {
		return failed("the files were not all moved, the task is %s", state)
	}
	results, err := t.Results(c.Store, name)
	if err != nil {
		return err
	}
	var failures int64
	for _, res := range results {
		failures += res.Failures
	}
	if failures > 0 {
		return failed("%d files could not be moved", failures)
	}
	return nil
}
