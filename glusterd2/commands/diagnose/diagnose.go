// Package diagnose is what the running bricks and daemons of a volume can be asked: profiles, the busiest files, their
// inner state. Each peer asks its own processes; none of it changes a record.
package diagnose

import (
	"context"
	"sync"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/brick"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
	"gd2/store"
)

// Bricks finds the processes of this host's bricks. *brick.Host is the real one.
type Bricks interface {
	Reach(s brick.Spec) (brick.Reach, error)
}

// Options sets options of volumes, with all that belongs to it.
type Options interface {
	SetOptions(ctx context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error)
	ResetOptions(ctx context.Context, name string, req api.VolumeOptionResetReq) (api.VolumeInfo, error)
}

// Config is what Commands need.
type Config struct {
	PeerID  string
	Store   *store.Store
	Asker   *ask.Asker
	Bricks  Bricks
	Options Options
	BrickOp gfrpc.BrickOpFunc
}

// Commands ask. They are safe for concurrent use.
type Commands struct {
	cfg     Config
	profile ask.Handle[profileParams, map[string]api.BrickProfile]
	top     ask.Handle[topParams, map[string]api.BrickTop]
}

// New makes the commands and registers their questions.
func New(cfg Config) *Commands {
	c := &Commands{cfg: cfg}
	c.profile = ask.Register(cfg.Asker, ask.Question[profileParams, map[string]api.BrickProfile]{Name: "profile", Answer: c.answerProfile})
	c.top = ask.Register(cfg.Asker, ask.Question[topParams, map[string]api.BrickTop]{Name: "top", Timeout: topTimeout, Answer: c.answerTop})
	return c
}

// started finds a started volume.
func (c *Commands) started(ctx context.Context, name string) (*volume.Volume, error) {
	if err := c.cfg.Store.Sync(ctx); err != nil {
		return nil, err
	}
	rec, err := volumes.Find(c.cfg.Store, name)
	if err != nil {
		return nil, err
	}
	if rec.Value.State != volume.Started {
		return nil, api.Errorf(api.State, "volume %s is not started: 'glustercli volume start %s' starts it", name, name)
	}
	return rec.Value, nil
}

// brickName is HOST:PATH.
func (c *Commands) brickName(b volume.Brick) string {
	return peer.Hosts(c.cfg.Store)(b.PeerID) + ":" + b.Path
}

// chosen returns the bricks of a volume that are meant: the one named HOST:PATH, or all if the name is empty. HOST may be
// the peer's address, name or id.
func (c *Commands) chosen(v *volume.Volume, name string) ([]volume.Brick, error) {
	if name == "" {
		return v.Bricks(), nil
	}
	for _, b := range v.Bricks() {
		rec, _, err := peer.Records.Get(c.cfg.Store, b.PeerID)
		if err != nil {
			return nil, err
		}
		for _, host := range []string{c.brickName(b), b.PeerID + ":" + b.Path, rec.Value.Name + ":" + b.Path} {
			if name == host {
				return []volume.Brick{b}, nil
			}
		}
	}
	return nil, api.Errorf(api.NotFound, "%.300q is no brick of volume %s: name one as HOST:PATH, as 'glustercli volume info %s' does", name, v.Name, v.Name).
		With(api.FieldField, "brick")
}

// overBricks asks each peer about those of the bricks that it holds and returns the answers in the order of the bricks. An
// answer that did not come is made by gap.
func overBricks[P, A any](ctx context.Context, h ask.Handle[P, map[string]A], v *volume.Volume, bricks []volume.Brick, params P,
	gap func(b volume.Brick, why string) A) []A {
	var peers []string
	at := map[string]int{}
	for _, b := range bricks {
		if _, ok := at[b.PeerID]; !ok {
			at[b.PeerID] = len(peers)
			peers = append(peers, b.PeerID)
		}
	}
	answers := h.Ask(ctx, v, peers, params)
	out := make([]A, 0, len(bricks))
	for _, b := range bricks {
		answer := answers[at[b.PeerID]]
		value, ok := answer.Value[b.ID]
		switch {
		case answer.Err != nil:
			value = gap(b, answer.Err.Error())
		case !ok:
			value = gap(b, "its peer says nothing about it")
		}
		out = append(out, value)
	}
	return out
}

// target is a brick of this host, and how its process is reached; Err says why it is not.
type target struct {
	volume.Brick
	Name string
	brick.Reach
	Err error
}

// ownBricks returns this host's bricks of a volume: all, or the one with the id.
func (c *Commands) ownBricks(v *volume.Volume, id string) []target {
	var out []target
	host := peer.Hosts(c.cfg.Store)(c.cfg.PeerID)
	for _, b := range v.BricksOn(c.cfg.PeerID) {
		if id != "" && b.ID != id {
			continue
		}
		t := target{Brick: b, Name: host + ":" + b.Path}
		t.Reach, t.Err = c.cfg.Bricks.Reach(brick.Spec{VolumeName: v.Name, Host: host, Path: b.Path})
		out = append(out, t)
	}
	return out
}

// eachBrick asks this host's bricks side by side and returns the answers by the ids of the bricks. A brick that could not be
// asked gets what gap makes.
func eachBrick[A any](c *Commands, v *volume.Volume, id string, question func(t target) (A, error), gap func(t target, why string) A) map[string]A {
	targets := c.ownBricks(v, id)
	answers := make([]A, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			err := t.Err
			if err == nil {
				answers[i], err = question(t)
			}
			if err != nil {
				answers[i] = gap(t, err.Error())
			}
		})
	}
	wg.Wait()
	out := map[string]A{}
	for i, t := range targets {
		out[t.ID] = answers[i]
	}
	return out
}

// only returns the id of the brick if a single one is meant, which every peer is told.
func only(name string, bricks []volume.Brick) string {
	if name == "" {
		return ""
	}
	return bricks[0].ID
}
