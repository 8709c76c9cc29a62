package volumes

import (
	"context"
	"time"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// taskCourse is a task from its start to its end, as one operation that can be followed and cancelled: who asks for it is told once
// the peers have begun.
type taskCourse struct {
	Volume   string      `json:"name"`
	Revision int64       `json:"revision"` // of the volume as the task was planned for it
	Task     volume.Task `json:"task"`
	Before   int64       `json:"before"` // the revision of the record of the task before, 0 for none
}

// taskLook is the time between two questions how far the peers are.
const taskLook = 2 * time.Second

// conductTasks makes the engine know how tasks go.
func (c *Commands) conductTasks() {
	course := func(name string) transaction.Handle[taskCourse, string] {
		return transaction.Conduct(c.Engine, transaction.Course[taskCourse, string]{Name: name, Version: 1, Run: c.runTask, Early: true})
	}
	c.tasks = map[string]transaction.Handle[taskCourse, string]{
		volume.TaskRebalance: course("volume.rebalance"), volume.TaskRemoveBrick: course("volume.remove-brick"),
	}
}

// startTask begins a task and returns its id when the peers have begun.
func (c *Commands) startTask(ctx context.Context, rec store.Record[*volume.Volume], p taskParams) (string, error) {
	moversPlan(ctx, c.Store, rec.Value, p.Task, api.ActionStart)
	return c.tasks[p.Task.Kind].Run(ctx, c.Engine, transaction.Plan[taskCourse]{
		Params: taskCourse{Volume: rec.ID, Revision: rec.Revision, Task: *p.Task, Before: p.Revision},
		Peers:  p.Task.Peers, About: []string{Lock(rec.ID)}, Guards: []store.Guard{volume.Records.MustBe(rec.ID, rec.Revision)},
	})
}

// runTask is the course: start the task, unless that was done, tell, and stay with it to its end.
func (c *Commands) runTask(ctx context.Context, p taskCourse) (string, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return "", err
	}
	task, found, err := volume.Tasks.Get(c.Store, p.Volume)
	if err != nil {
		return "", err
	}
	if !found || task.Value.ID != p.Task.ID { // else an earlier run has begun it, and its end tells what became of it
		if err := c.beginTask(ctx, p); err != nil {
			return "", err
		}
		v, err := Find(c.Store, p.Volume)
		if err != nil {
			return "", err
		}
		if err := c.begun(ctx, v.Value, &p.Task); err != nil {
			return "", err
		}
	}
	if err := transaction.Tell(ctx, p.Task.ID); err != nil {
		return "", err
	}
	return p.Task.ID, c.followTask(ctx, p)
}

// beginTask writes the record of the task, and with it the marks of bricks that leave.
func (c *Commands) beginTask(ctx context.Context, p taskCourse) error {
	v, ok, err := volume.Records.Get(c.Store, p.Volume)
	if err != nil {
		return err
	}
	if !ok || v.Revision != p.Revision {
		return api.Errorf(api.Conflict, "volume %s has been changed since the %s was planned: try again", p.Volume, p.Task.Kind).With("volume", p.Volume)
	}
	task := taskParams{Volume: p.Volume, Task: &p.Task, Revision: p.Before}
	if p.Task.Kind == volume.TaskRemoveBrick {
		return c.leave(ctx, v, p.Task.Bricks, task)
	}
	_, err = c.Ops.task.Run(ctx, c.Engine, onVolume(v, nil, task))
	return err
}

// followTask tells how far a task is until it has ended. If the course is cancelled the task is stopped.
func (c *Commands) followTask(ctx context.Context, p taskCourse) error {
	changed, unsubscribe := c.Store.Subscribe(volume.Tasks.Prefix(), volume.TaskResults.Prefix())
	defer unsubscribe()
	tick := time.NewTicker(taskLook)
	defer tick.Stop()
	for {
		task, state, ok, err := volume.FindTask(c.Store, p.Volume)
		switch {
		case err != nil:
			return err
		case !ok || task.Value.ID != p.Task.ID:
			return nil // it was committed, or its volume has another name now: it has ended before that
		case state.Failed():
			return api.Errorf(api.State, "the %s of volume %s has %s: its status says why", p.Task.Kind, p.Volume, state).With("task", p.Task.ID)
		case state.Final():
			return nil
		}
		c.taskProgress(ctx, p)
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			if transaction.Cancelled(ctx) {
				return c.stopFollowed(context.WithoutCancel(ctx), p)
			}
			return ctx.Err()
		}
	}
}

// taskProgress tells how far the peers are: by the time that they have taken and expect to take, where all of them know it, and else
// by the files that were moved.
func (c *Commands) taskProgress(ctx context.Context, p taskCourse) {
	v, err := Find(c.Store, p.Volume)
	if err != nil {
		return // it tells nothing, and the next look will
	}
	var files int64
	var took, all float64
	known := true
	for _, n := range c.nodes(ctx, v.Value, &p.Task) {
		files += n.result.Files
		took += n.result.RunTime
		all += n.result.RunTime + n.result.TimeLeft
		known = known && (n.result.Status.Final() || n.result.TimeLeft > 0)
	}
	if known && all > 0 {
		transaction.Progress(ctx, int64(took), int64(all), "seconds")
		return
	}
	transaction.Progress(ctx, files, 0, "files")
}

// stopFollowed stops the task of a course that was cancelled.
func (c *Commands) stopFollowed(ctx context.Context, p taskCourse) error {
	ctx, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	v, ok, err := volume.Records.Get(c.Store, p.Volume)
	if err != nil || !ok {
		return err
	}
	task, _, ok, err := volume.FindTask(c.Store, p.Volume)
	if err != nil || !ok || task.Value.ID != p.Task.ID {
		return err
	}
	stop := stopTask(p.Volume, task)
	if p.Task.Kind == volume.TaskRemoveBrick {
		err = c.leave(ctx, v, nil, stop)
	} else {
		_, err = c.Ops.task.Run(ctx, c.Engine, onVolume(v, nil, stop))
	}
	if err == nil {
		err = api.Errorf(api.State, "the %s of volume %s was stopped", p.Task.Kind, p.Volume)
	}
	return err
}
