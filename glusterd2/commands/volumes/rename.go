package volumes

import (
	"context"
	"maps"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type renameParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
	// Name is the new name.
	Name string    `json:"name"`
	Task EndedTask `json:"task"`
}

func renameOperation(host Host) transaction.Operation[renameParams, none] {
	return transaction.Operation[renameParams, none]{
		Name: "volume.rename", Version: 1,
		Steps: []transaction.Step[renameParams]{{
			// As with a delete: a brick that is left over ends, and what is forgotten here is made again when it is needed,
			// under whichever name.
			Name: "forget",
			Do: func(ctx context.Context, _ *transaction.Call, p renameParams) error {
				return host.Forget(ctx, p.Volume)
			},
			Effects: func(renameParams, string) []api.Effect { return nil },
		}},
		Commit: func(p renameParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return append(p.Task.moves(p.Volume.Name, p.Name),
				volume.Records.Delete(p.Volume.Name, p.Revision), volume.Records.Create(p.Name, p.Volume.Renamed(p.Name))), nil, none{}, nil
		},
	}
}

// Rename gives a volume that is not started another name. Its id, its bricks and what they have yet to heal stay; clients
// mount it by the new name. All peers that hold bricks must be at work: one that is away could come back with a brick that
// runs under the old name. Errors: NotFound, State, Exists, Invalid, Unavailable.
func (c *Commands) Rename(ctx context.Context, name string, req api.VolumeRenameReq) (api.VolumeInfo, error) {
	if err := volume.ValidateName(req.Name); err != nil {
		return api.VolumeInfo{}, err
	}
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if rec.Value.State == volume.Started {
		return api.VolumeInfo{}, api.Errorf(api.State, "volume %s is started: stop it before renaming it", name).With("volume", name)
	}
	if err := c.noTask(name, true); err != nil {
		return api.VolumeInfo{}, err
	}
	if req.Name == name {
		return api.VolumeInfo{}, api.FieldErrorf("name", "volume %s is called so already", name)
	}
	if _, there, err := volume.Records.Get(c.Store, req.Name); there || err != nil {
		return api.VolumeInfo{}, api.Errorf(api.Exists, "volume %s already exists", req.Name).With("volume", req.Name)
	}
	if err := c.allOnline(rec.Value.Peers()); err != nil {
		return api.VolumeInfo{}, err
	}
	task, err := endedTask(c.Store, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	transaction.Warn(ctx, "clients must mount the volume anew, by its new name")
	renamed := rec.Value.Renamed(req.Name)
	_, err = c.Ops.rename.Run(ctx, c.Engine, renamePlan(rec, req.Name, task).Answering(c.info(renamed)))
	return c.after(renamed, err)
}

func renamePlan(rec store.Record[*volume.Volume], name string, task EndedTask) transaction.Plan[renameParams] {
	plan := onVolume(rec, rec.Value.Peers(), renameParams{Volume: rec.Value, Revision: rec.Revision, Name: name, Task: task})
	plan.Locks = append(plan.Locks, Lock(name))
	plan.Guards = append(plan.Guards, volume.Records.MustBeAbsent(name))
	return plan
}

// EndedTask is what is recorded of the last task of a volume: it goes with the volume.
type EndedTask struct {
	Records TaskRecords  `json:"records"`
	Task    *volume.Task `json:"task,omitempty"`
	// Results are those of the peers, by their ids.
	Results map[string]*volume.TaskResult `json:"results,omitempty"`
}

func endedTask(r store.Reader, volumeName string) (EndedTask, error) {
	var out EndedTask
	task, ok, err := volume.Tasks.Get(r, volumeName)
	if err != nil || !ok {
		return out, err
	}
	out.Task = task.Value
	if out.Results, err = task.Value.Results(r, volumeName); err == nil {
		out.Records, err = forgetTask(r, volumeName)
	}
	return out, err
}

func (t EndedTask) moves(from, to string) []store.Write {
	if t.Task == nil {
		return nil
	}
	out := append(t.Records.deletes(from), volume.Tasks.Create(to, t.Task))
	for _, id := range slices.Sorted(maps.Keys(t.Results)) {
		out = append(out, volume.TaskResults.Create(volume.TaskResultID(to, id), t.Results[id]))
	}
	return out
}
