package diagnose

import (
	"context"
	"slices"
	"sync"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// dumpTimeout bounds the wait for one peer: its processes write their dumps one after the other.
const dumpTimeout = 5 * time.Minute

// optionDumpPath is where the bricks of a volume write dumps.
const optionDumpPath = "server.statedump-path"

type dumpParams struct {
	// Kinds are those of the processes that are meant.
	Kinds []string `json:"kinds"`
	Parts []string `json:"parts"`
}

// dumpParts are what dumps can have.
func dumpParts() []string {
	return []string{api.DumpAll, api.DumpMemory, api.DumpIOBufs, api.DumpCallpool, api.DumpPrivate, api.DumpFiles, api.DumpInodes, api.DumpHistory}
}

// Statedump has processes of a volume write their inner state to files on their hosts.
func (c *Commands) Statedump(ctx context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error) {
	for _, part := range req.Options {
		if !slices.Contains(dumpParts(), part) {
			return nil, api.FieldErrorf("options", "a dump has no %.30q: use one of %q", part, dumpParts())
		}
	}
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	if req.Client != "" {
		return c.dumpClient(ctx, v, req)
	}
	params := dumpParams{Kinds: dumpKinds(req), Parts: req.Options}
	if len(params.Parts) == 0 {
		params.Parts = []string{api.DumpAll}
	}
	places := c.placesOf(v, params.Kinds)
	for _, kind := range params.Kinds {
		if !slices.ContainsFunc(places, func(p place) bool { return p.Kind == kind }) {
			return nil, api.Errorf(api.NotFound, "no daemon of the kind %s looks after volume %s", kind, name)
		}
	}
	return over(ctx, c.dump, v, places, params, dumpGap), nil
}

// dumpKinds returns the kinds of processes that a request means.
func dumpKinds(req api.StatedumpReq) []string {
	var out []string
	if req.Bricks || !req.Quota && !req.SelfHeal {
		out = append(out, api.ProcessBrick)
	}
	if req.Quota {
		out = append(out, api.ProcessQuota)
	}
	if req.SelfHeal {
		out = append(out, api.ProcessSelfHeal)
	}
	return out
}

// placesOf returns the bricks and daemons of a volume that are of the kinds.
func (c *Commands) placesOf(v *volume.Volume, kinds []string) []place {
	return slices.DeleteFunc(append(c.bricks(v), c.daemons(v)...), func(p place) bool { return !slices.Contains(kinds, p.Kind) })
}

func dumpOf(p place) api.Statedump {
	return api.Statedump{Name: p.Name, Kind: p.Kind, PeerID: p.PeerID, Host: p.Host}
}

func dumpGap(p place, why string) api.Statedump {
	out := dumpOf(p)
	out.Error = why
	return out
}

func (c *Commands) answerDump(ctx context.Context, v *volume.Volume, params dumpParams) (map[string]api.Statedump, error) {
	for _, part := range params.Parts {
		if !slices.Contains(dumpParts(), part) { // it becomes a line of a file
			return nil, api.Errorf(api.NotSupported, "dumps of the kind %.30q are not known", part)
		}
	}
	var once perProcess[string]
	return each(c, v, c.placesOf(v, params.Kinds), "", func(p place, r brick.Reach) (api.Statedump, error) {
		out := dumpOf(p)
		out.Pid = r.Pid
		var dir string
		if p.Kind == api.ProcessBrick {
			dir = v.Options[optionDumpPath]
		}
		var err error
		out.File, err = once.do(r.Pid, func() (string, error) { return c.cfg.Dump(ctx, r, dir, params.Parts) })
		return out, err
	}, dumpGap), nil
}

// perProcess does something once for each process, although several bricks may share one.
type perProcess[A any] struct {
	mu   sync.Mutex
	done map[int]func() (A, error)
}

func (o *perProcess[A]) do(pid int, f func() (A, error)) (A, error) {
	o.mu.Lock()
	once, ok := o.done[pid]
	if !ok {
		if o.done == nil {
			o.done = map[int]func() (A, error){}
		}
		once = sync.OnceValues(f)
		o.done[pid] = once
	}
	o.mu.Unlock()
	return once()
}
