package diagnose

import (
	"context"
	"maps"
	"slices"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/transaction"
)

type statusParams struct {
	What string `json:"what"`
	// Key chooses one place, empty means all.
	Key string `json:"key,omitempty"`
}

// whats are what the processes of a volume can be asked for.
func whats() []string {
	return []string{api.StatusClients, api.StatusMemory, api.StatusInodes, api.StatusFiles, api.StatusCallpool}
}

// tells reports whether processes of a kind that work for a volume tell a part of their state. The self-heal daemon of
// GlusterFS 10.3 looks for a replicated subvolume of the volume first, and answers with nothing if it has none.
func tells(v *volume.Volume, kind, what string) bool {
	switch {
	case what == api.StatusFiles:
		return kind == api.ProcessBrick
	case kind == api.ProcessSelfHeal && v.Shape().Type != api.SubvolReplicate:
		return false
	}
	_, _, ok := brickop.StatusRequest("", kind, what, "")
	return ok
}

// Status asks the processes of a volume for a part of their inner state; what is one of api's. Of all processes those that
// have such a part answer; brickName or daemon, a kind, chooses.
func (c *Commands) Status(ctx context.Context, name, what, brickName, daemon string) ([]api.ProcessState, error) {
	if !slices.Contains(whats(), what) {
		return nil, api.FieldErrorf("what", "status has no %.30q: use one of %q", what, whats())
	}
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	places, err := c.asked(v, what, brickName, daemon)
	if err != nil {
		return nil, err
	}
	params := statusParams{What: what, Key: daemon}
	if brickName != "" {
		params.Key = places[0].Key
	}
	return over(ctx, c.status, v, places, params, stateGap), nil
}

// asked returns the places that a question about status is for.
func (c *Commands) asked(v *volume.Volume, what, brickName, daemon string) ([]place, error) {
	if brickName != "" && daemon != "" {
		return nil, api.FieldErrorf("daemon", "choose a brick or a daemon, not both")
	}
	places, err := c.chosen(v, brickName)
	if err != nil || brickName != "" {
		return places, err
	}
	daemons := c.daemons(v)
	if daemon != "" {
		places = slices.DeleteFunc(daemons, func(p place) bool { return p.Kind != daemon })
		if len(places) == 0 {
			return nil, api.Errorf(api.NotFound, "no daemon of the kind %.30q looks after volume %s", daemon, v.Name).With(api.FieldField, "daemon")
		}
		if !tells(v, daemon, what) {
			return nil, api.Errorf(api.NotSupported, "a daemon of the kind %s does not tell its %s for a volume of type %s", daemon, what, v.TypeName()).
				With(api.FieldField, "what")
		}
		return places, nil
	}
	return append(places, slices.DeleteFunc(daemons, func(p place) bool { return !tells(v, p.Kind, what) })...), nil
}

func stateOf(p place) api.ProcessState {
	return api.ProcessState{Name: p.Name, Kind: p.Kind, PeerID: p.PeerID, Host: p.Host}
}

func stateGap(p place, why string) api.ProcessState {
	st := stateOf(p)
	st.Error = why
	return st
}

func (c *Commands) answerStatus(ctx context.Context, v *volume.Volume, params statusParams) (map[string]api.ProcessState, error) {
	if !slices.Contains(whats(), params.What) {
		return nil, api.Errorf(api.NotSupported, "status of the kind %.30q is not known", params.What)
	}
	places := append(c.bricks(v), c.daemons(v)...)
	places = slices.DeleteFunc(places, func(p place) bool { return !tells(v, p.Kind, params.What) })
	return each(c, v, places, params.Key, func(p place, r brick.Reach) (api.ProcessState, error) {
		return c.state(ctx, v, p, r, params.What)
	}, stateGap), nil
}

// state asks one process of this host.
func (c *Commands) state(ctx context.Context, v *volume.Volume, p place, r brick.Reach, what string) (api.ProcessState, error) {
	st := stateOf(p)
	st.Pid = r.Pid
	if what == api.StatusFiles {
		var err error
		st.Files, err = brick.OpenFiles(r.Pid, p.Path)
		return st, err
	}
	proc, req, _ := brickop.StatusRequest(v.Name, p.Kind, what, p.Path)
	reply, err := c.cfg.BrickOp(ctx, r.Socket, proc, "", req.Marshal(), nil)
	if what == api.StatusClients && unexplained(err) {
		return st, nil // what a brick says that no client is connected to
	}
	brickop.ParseStatus(reply, what, &st)
	return st, err
}

// unexplained reports whether a process refused without an errno.
func unexplained(err error) bool {
	return err != nil && api.AsError(err).Fields[gfrpc.FieldErrno] == "0"
}

// ClientList counts the client processes of a volume by their names. A client has a connection to each brick, so the brick
// with the most counts. Bricks that cannot be asked are left out, unless none can.
func (c *Commands) ClientList(ctx context.Context, name string) ([]api.ClientCount, error) {
	states, err := c.Status(ctx, name, api.StatusClients, "", "")
	if err != nil {
		return nil, err
	}
	most := map[string]int{}
	var failed []*api.Error
	for _, st := range states {
		if st.Error != "" {
			failed = append(failed, api.Errorf(api.Unavailable, "%s: %s", st.Name, st.Error))
		}
		counts := map[string]int{}
		for _, client := range st.Clients {
			counts[client.Name]++
			most[client.Name] = max(most[client.Name], counts[client.Name])
		}
	}
	if len(failed) == len(states) {
		return nil, &api.Error{Kind: api.Unavailable, Message: "no brick of volume " + name + " tells its clients", Causes: failed}
	}
	out := []api.ClientCount{}
	for _, client := range slices.Sorted(maps.Keys(most)) {
		out = append(out, api.ClientCount{Name: client, Count: most[client]})
	}
	return out, nil
}

// Tasks lists the changes of a volume that have not ended.
func (c *Commands) Tasks(ctx context.Context, name string) ([]api.VolumeTask, error) {
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.tasks(v)
}

func (c *Commands) tasks(v *volume.Volume) ([]api.VolumeTask, error) {
	all, err := transaction.List(c.cfg.Store)
	if err != nil {
		return nil, err
	}
	out, err := volumes.ListTasks(c.cfg.Store, v)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if !transaction.State(t.State).Finished() && slices.Contains(t.Locks, volumes.Lock(v.Name)) {
			out = append(out, api.VolumeTask{Type: t.Operation, ID: t.ID, State: t.State, StartedAt: t.StartedAt, Error: t.Error})
		}
	}
	return out, nil
}
