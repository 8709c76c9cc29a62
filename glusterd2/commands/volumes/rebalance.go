package volumes

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/rebalance"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// taskParams carry a task as it becomes; Revision is that of the record before, 0 if there is none.
type taskParams struct {
	Volume   string       `json:"name"`
	Task     *volume.Task `json:"task"`
	Revision int64        `json:"revision"`
}

func (p taskParams) write() store.Write {
	if p.Revision == 0 {
		return volume.Tasks.Create(p.Volume, p.Task)
	}
	return volume.Tasks.Update(p.Volume, p.Task, p.Revision)
}

// taskOperation starts or stops a rebalance. It has no steps: the peers do what the record of the task wants.
func taskOperation() transaction.Operation[taskParams, none] {
	return transaction.Operation[taskParams, none]{
		Name: "volume.task", Version: 1,
		Commit: func(p taskParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{p.write()}, nil, none{}, nil
		},
	}
}

// rebalanceCommands are the options of a start.
var rebalanceCommands = map[string]int{"": volume.MoveFiles, api.RebalanceFixLayout: volume.FixLayout, api.RebalanceForce: volume.MoveAllFiles}

// RebalanceStart has the peers move files to where the layout of the volume wants them. It waits until they have begun, and
// returns the id of the task.
func (c *Commands) RebalanceStart(ctx context.Context, name string, req api.RebalanceStartReq) (string, error) {
	command, ok := rebalanceCommands[req.Option]
	if !ok {
		return "", api.FieldErrorf("option", "option %.20q: leave it out, or use %s or %s", req.Option, api.RebalanceFixLayout, api.RebalanceForce)
	}
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return "", err
	}
	if len(rec.Value.Subvols) < 2 {
		return "", api.Errorf(api.State, "volume %s has one subvolume only: there is nothing to spread", name)
	}
	p, err := c.newTask(ctx, rec.Value, volume.TaskRebalance, command)
	if err != nil {
		return "", err
	}
	return c.startTask(ctx, rec, p)
}

// newTask plans a task on a started volume that has no other.
func (c *Commands) newTask(ctx context.Context, v *volume.Volume, kind string, command int) (taskParams, error) {
	if v.State != volume.Started {
		return taskParams{}, api.Errorf(api.State, "volume %s is not started", v.Name).With("volume", v.Name)
	}
	if err := c.noTask(v.Name, true); err != nil {
		return taskParams{}, err
	}
	if err := c.allOnline(v.Peers()); err != nil {
		return taskParams{}, err
	}
	if st := c.statusOf(ctx, v); !st.Online {
		return taskParams{}, api.Errorf(api.State, "volume %s does not serve all its files: some bricks are offline", v.Name)
	}
	old, _, err := volume.Tasks.Get(c.Store, v.Name)
	return taskParams{Volume: v.Name, Revision: old.Revision, Task: &volume.Task{
		ID: uuid.NewString(), Kind: kind, Command: command, CommitHash: rand.Uint32(), //nolint:gosec // a number that differs, no secret
		Peers: v.Peers(), StartedAt: time.Now().UTC(),
	}}, err
}

// noTask refuses while a task works on a volume, or, if pending, while bricks wait for the end of their removal.
func (c *Commands) noTask(name string, pending bool) error {
	rec, state, ok, err := volume.FindTask(c.Store, name)
	switch {
	case err != nil || !ok:
		return err
	case !state.Final():
		return api.Errorf(api.State, "volume %s: %s", name, taskRuns[rec.Value.Kind]).With("task", rec.Value.ID)
	case pending && rec.Value.Pending():
		return api.Errorf(api.State, "volume %s: an earlier remove-brick has not been finished: commit it or stop it first", name).With("task", rec.Value.ID)
	}
	return nil
}

var taskRuns = map[string]string{
	volume.TaskRebalance:   "a rebalance is in progress: wait for its end, or stop it",
	volume.TaskRemoveBrick: "bricks are being removed: wait until their files have been moved, or stop that",
}

// begun waits until every peer has begun its part of a task. A part that could not be started is an error.
func (c *Commands) begun(ctx context.Context, v *volume.Volume, t *volume.Task) error {
	ctx, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	for {
		nodes := c.nodes(ctx, v, t)
		waiting := false
		failed := api.Errorf(api.State, "the %s of volume %s was started, but not everywhere", t.Kind, v.Name).With("task", t.ID)
		for _, n := range nodes {
			waiting = waiting || n.result.Status == volume.TaskNotStarted
			if n.result.Status.Failed() {
				failed.Causes = append(failed.Causes, api.Errorf(api.State, "%s: %s", n.host, n.result.Error).With(api.FieldPeer, n.peerID))
			}
		}
		if len(failed.Causes) > 0 {
			return failed
		}
		if !waiting {
			return nil
		}
		select {
		case <-time.After(beginPoll):
		case <-ctx.Done():
			return nil // it goes on; status tells
		}
	}
}

const (
	beginTimeout = 15 * time.Second
	beginPoll    = 50 * time.Millisecond
	// taskTimeout bounds the wait for one peer's figures: a status with gaps is better than none.
	taskTimeout = 5 * time.Second
)

// node is a peer's part of a task.
type node struct {
	peerID, host string
	result       volume.TaskResult
	err          string
}

// nodes returns the parts of a task: from the store where they have ended, else as the peers tell.
func (c *Commands) nodes(ctx context.Context, v *volume.Volume, t *volume.Task) []node {
	results, _ := t.Results(c.Store, v.Name) // what cannot be read is asked for
	var missing []string
	for _, id := range t.Peers {
		if results[id] == nil {
			missing = append(missing, id)
		}
	}
	told := map[string]ask.Answer[volume.TaskResult]{}
	for _, a := range c.figures.Ask(ctx, v, missing, *t) {
		told[a.PeerID] = a
	}
	hosts := peer.Hosts(c.Store)
	out := make([]node, len(t.Peers))
	for i, id := range t.Peers {
		out[i] = node{peerID: id, host: hosts(id)}
		if res := results[id]; res != nil {
			out[i].result = *res
			continue
		}
		out[i].result = told[id].Value
		if err := told[id].Err; err != nil {
			out[i].err = err.Error()
		}
	}
	return out
}

// answerFigures tells another peer, or this one, how this peer's part of a task stands.
func (c *Commands) answerFigures(ctx context.Context, v *volume.Volume, t volume.Task) (volume.TaskResult, error) {
	return c.Mover.Figures(ctx, rebalance.Run{VolumeName: v.Name, Task: &t})
}

// RebalanceStatus tells how the rebalance of a volume goes, or how the last one ended.
func (c *Commands) RebalanceStatus(ctx context.Context, name string) (api.RebalanceStatus, error) {
	return c.taskStatus(ctx, name, volume.TaskRebalance)
}

func (c *Commands) taskStatus(ctx context.Context, name, kind string) (api.RebalanceStatus, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.RebalanceStatus{}, err
	}
	task, _, err := c.findTask(name, kind)
	if err != nil {
		return api.RebalanceStatus{}, err
	}
	return c.describeTask(ctx, rec.Value, task.Value), nil
}

func (c *Commands) describeTask(ctx context.Context, v *volume.Volume, t *volume.Task) api.RebalanceStatus {
	out := api.RebalanceStatus{Volume: v.Name, RebalanceID: t.ID, Kind: t.Kind, Nodes: []api.RebalNodeStatus{}}
	parts := map[string]*volume.TaskResult{}
	for _, n := range c.nodes(ctx, v, t) {
		parts[n.peerID] = &n.result
		out.Nodes = append(out.Nodes, n.api())
	}
	out.State = t.State(parts).String()
	return out
}

func (n node) api() api.RebalNodeStatus {
	number := func(i int64) string { return strconv.FormatInt(i, 10) }
	seconds := func(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
	r := n.result
	out := api.RebalNodeStatus{
		PeerID: n.peerID, Host: n.host, Status: r.Status.String(), RebalancedFiles: number(r.Files), RebalancedSize: number(r.Size),
		LookedupFiles: number(r.Lookups), SkippedFiles: number(r.Skipped), RebalanceFailures: number(r.Failures),
		ElapsedTime: seconds(r.RunTime), TimeLeft: seconds(r.TimeLeft), Error: r.Error,
	}
	if n.err != "" {
		out.Error = n.err
	}
	return out
}

// findTask finds the task of a volume of a kind.
func (c *Commands) findTask(name, kind string) (store.Record[*volume.Task], volume.TaskStatus, error) {
	rec, state, ok, err := volume.FindTask(c.Store, name)
	if err == nil && (!ok || rec.Value.Kind != kind) {
		err = api.Errorf(api.State, "volume %s: no %s has been started", name, kind).With("volume", name)
	}
	return rec, state, err
}

// RebalanceStop ends a rebalance. Files that were moved stay where they are.
func (c *Commands) RebalanceStop(ctx context.Context, name string) (api.RebalanceStatus, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.RebalanceStatus{}, err
	}
	task, state, err := c.findTask(name, volume.TaskRebalance)
	if err != nil {
		return api.RebalanceStatus{}, err
	}
	if state.Final() {
		return api.RebalanceStatus{}, api.Errorf(api.State, "volume %s: the last rebalance has ended: %s", name, state)
	}
	p := stopTask(name, task)
	moversPlan(ctx, c.Store, rec.Value, p.Task, api.ActionStop)
	if _, err := c.Ops.task.Run(ctx, c.Engine, onVolume(rec, nil, p)); err != nil {
		return api.RebalanceStatus{}, err
	}
	return c.ended(ctx, rec.Value, p.Task), nil
}

// stopTask plans the end of a task.
func stopTask(name string, rec store.Record[*volume.Task]) taskParams {
	t := *rec.Value
	t.Stop = true
	return taskParams{Volume: name, Task: &t, Revision: rec.Revision}
}

// ended waits a moment until the peers that are at work have ended their parts, and tells how they stand.
func (c *Commands) ended(ctx context.Context, v *volume.Volume, t *volume.Task) api.RebalanceStatus {
	wait, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	for {
		results, err := t.Results(c.Store, v.Name)
		here, _ := c.online(t.Peers)
		if err != nil || !slices.ContainsFunc(here, func(id string) bool { return results[id] == nil }) {
			return c.describeTask(ctx, v, t)
		}
		select {
		case <-time.After(beginPoll):
		case <-wait.Done():
			return c.describeTask(ctx, v, t)
		}
	}
}
