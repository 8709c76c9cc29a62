package volumes

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/rebalance"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// Mover moves files between bricks on this peer. rebalance.Runner implements it.
type Mover interface {
	// Ensure starts a run once, or finds it running, and returns its result once it has ended.
	Ensure(ctx context.Context, run rebalance.Run) (volume.TaskResult, error)
	// Stop ends a run; the result is final.
	Stop(ctx context.Context, run rebalance.Run) (volume.TaskResult, error)
	// Figures returns how a run stands now.
	Figures(ctx context.Context, run rebalance.Run) (volume.TaskResult, error)
	// Changed signals that a run has ended.
	Changed() <-chan struct{}
}

var _ Mover = (*rebalance.Runner)(nil)

// TaskKeeper does this peer's part of the tasks on volumes: a task in the store is work to be done, and its result here is
// recorded in the store. Transactions only say what is wanted; what a peer that was away has missed it does when it is back.
type TaskKeeper struct {
	Store  *store.Store
	Mover  Mover
	PeerID string
	Log    *logrus.Entry
}

const (
	// taskRetry is how soon something that did not succeed is tried again.
	taskRetry = 2 * time.Second
	// taskCommit bounds the writing of a result.
	taskCommit = 10 * time.Second
)

// Run keeps the tasks until the context ends.
func (k *TaskKeeper) Run(ctx context.Context) error {
	k.Store.Keep(ctx, k.Mover.Changed(), func(ctx context.Context) time.Duration {
		err := k.once(ctx)
		if err == nil || ctx.Err() != nil {
			return 0
		}
		k.Log.WithError(err).Warn("a task on a volume does not go on; trying again")
		return taskRetry
	}, store.PrefixTasks)
	return nil
}

func (k *TaskKeeper) once(ctx context.Context) error {
	recs, err := volume.Tasks.List(k.Store)
	if err != nil {
		return err
	}
	var errs []error
	for _, rec := range recs {
		if rec.Value.Has(k.PeerID) {
			errs = append(errs, k.keep(ctx, rec))
		}
	}
	return errors.Join(errs...)
}

// keep brings this peer's part of a task to what the record wants.
func (k *TaskKeeper) keep(ctx context.Context, rec store.Record[*volume.Task]) error {
	id := volume.TaskResultID(rec.ID, k.PeerID)
	had, ok, err := volume.TaskResults.Get(k.Store, id)
	if err != nil || ok && had.Value.Task == rec.Value.ID {
		return err // it has ended
	}
	run, do := rebalance.Run{VolumeName: rec.ID, Task: rec.Value}, k.Mover.Ensure
	if rec.Value.Stop {
		do = k.Mover.Stop
	}
	res, err := do(ctx, run)
	if err != nil || !res.Status.Final() {
		return err
	}
	w := volume.TaskResults.Create(id, &res)
	if ok {
		w = volume.TaskResults.Update(id, &res, had.Revision)
	}
	ctx, cancel := context.WithTimeout(ctx, taskCommit)
	defer cancel()
	// A result of a task that was forgotten meanwhile is not wanted any more.
	_, err = k.Store.Commit(ctx, []store.Write{w}, volume.Tasks.MustBe(rec.ID, rec.Revision))
	if api.IsKind(err, api.Conflict) {
		return nil // the change that came first wakes us again
	}
	return err
}

// ListTasks lists the task of a volume, if it has one, for its status.
func ListTasks(r store.Reader, v *volume.Volume) ([]api.VolumeTask, error) {
	rec, state, ok, err := volume.FindTask(r, v.Name)
	if err != nil || !ok {
		return []api.VolumeTask{}, err
	}
	t := rec.Value
	out := api.VolumeTask{Type: taskTitles[t.Kind], ID: t.ID, State: state.String(), StartedAt: t.StartedAt.Format(time.RFC3339)}
	for _, b := range v.Bricks() {
		if slices.Contains(t.Bricks, b.ID) {
			out.Bricks = append(out.Bricks, peer.Hosts(r)(b.PeerID)+":"+b.Path)
		}
	}
	return []api.VolumeTask{out}, nil
}

// taskTitles are the names of kinds of tasks in the listings of the stock command line.
var taskTitles = map[string]string{volume.TaskRebalance: "Rebalance", volume.TaskRemoveBrick: "Remove brick"}

// forgetTask returns what removes all records of a volume's tasks, also results of peers that took no part in the last.
func forgetTask(r store.Reader, volumeName string) (TaskRecords, error) {
	out := TaskRecords{Results: map[string]int64{}}
	task, ok, err := volume.Tasks.Get(r, volumeName)
	if err != nil || !ok {
		return out, err
	}
	out.Task = task.Revision
	results, err := volume.TaskResults.List(r)
	for _, rec := range results {
		if strings.HasPrefix(rec.ID, volume.TaskResultID(volumeName, "")) {
			out.Results[rec.ID] = rec.Revision
		}
	}
	return out, err
}

// TaskRecords are the revisions of the records of a task that are to be removed; 0 for a task that there is not.
type TaskRecords struct {
	Task    int64            `json:"task,omitempty"`
	Results map[string]int64 `json:"results,omitempty"`
}

func (t TaskRecords) deletes(volumeName string) []store.Write {
	if t.Task == 0 {
		return nil
	}
	out := []store.Write{volume.Tasks.Delete(volumeName, t.Task)}
	for _, id := range slices.Sorted(maps.Keys(t.Results)) {
		out = append(out, volume.TaskResults.Delete(id, t.Results[id]))
	}
	return out
}
