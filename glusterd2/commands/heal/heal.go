// Package heal is the repair of copies that differ: what the self-heal daemons of the peers and GlusterFS' own tool for
// heals are asked. None of it changes a record, but for the options that switch it.
package heal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Daemon is this peer's self-heal daemon. *selfheal.Daemon is the real one.
type Daemon interface {
	Heal(ctx context.Context, volumeName string, subvols []string, full bool) (map[brickop.BrickPlace]brickop.HealStatus, error)
	Pending(ctx context.Context, volumeName string, subvols []string) (map[brickop.BrickPlace]uint64, error)
	Crawls(ctx context.Context, volumeName string, subvols []string) (map[brickop.BrickPlace][]api.HealCrawl, error)
}

// Tool asks a volume's bricks itself. selfheal.Info is the real one.
type Tool interface {
	HealInfo(ctx context.Context, volumeName, kind string) ([]api.BrickHealInfo, error)
	Resolve(ctx context.Context, volumeName string, args ...string) (string, error)
	ReadyForGranular(ctx context.Context, volumeName string) error
}

// Options sets options of volumes, with all that belongs to it.
type Options interface {
	SetOptions(ctx context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error)
	SwitchGranular(ctx context.Context, name string, on bool) (api.VolumeInfo, error)
}

// Config is what Commands need.
type Config struct {
	PeerID  string
	Store   *store.Store
	Asker   *ask.Asker
	Daemon  Daemon
	Tool    Tool
	Options Options
}

// Commands repair volumes. They are safe for concurrent use.
type Commands struct {
	cfg    Config
	heal   ask.Handle[params, map[string]brickop.HealStatus]
	counts ask.Handle[params, map[string]uint64]
	crawls ask.Handle[params, map[string][]api.HealCrawl]
	times  ask.Handle[fileParams, map[string]time.Time]
}

// params name subvolumes by their places in the volume.
type params struct {
	Subvols []int `json:"subvols"`
	Full    bool  `json:"full,omitempty"`
}

// New makes the commands and registers their questions.
func New(cfg Config) *Commands {
	c := &Commands{cfg: cfg}
	c.heal = ask.Register(cfg.Asker, ask.Question[params, map[string]brickop.HealStatus]{Name: "heal",
		Answer: func(ctx context.Context, v *volume.Volume, p params) (map[string]brickop.HealStatus, error) {
			return answer(c, v, p, func(names []string) (map[brickop.BrickPlace]brickop.HealStatus, error) {
				return cfg.Daemon.Heal(ctx, v.Name, names, p.Full)
			})
		}})
	c.counts = ask.Register(cfg.Asker, ask.Question[params, map[string]uint64]{Name: "heal-count",
		Answer: func(ctx context.Context, v *volume.Volume, p params) (map[string]uint64, error) {
			return answer(c, v, p, func(names []string) (map[brickop.BrickPlace]uint64, error) {
				return cfg.Daemon.Pending(ctx, v.Name, names)
			})
		}})
	c.crawls = ask.Register(cfg.Asker, ask.Question[params, map[string][]api.HealCrawl]{Name: "heal-statistics",
		Answer: func(ctx context.Context, v *volume.Volume, p params) (map[string][]api.HealCrawl, error) {
			return answer(c, v, p, func(names []string) (map[brickop.BrickPlace][]api.HealCrawl, error) {
				return cfg.Daemon.Crawls(ctx, v.Name, names)
			})
		}})
	c.times = ask.Register(cfg.Asker, ask.Question[fileParams, map[string]time.Time]{Name: "file-times", Answer: c.answerTimes})
	return c
}

// answer asks this peer's daemon about subvolumes and returns what it says of this peer's bricks, by their ids: of others it
// knows nothing.
func answer[T any](c *Commands, v *volume.Volume, p params, question func(names []string) (map[brickop.BrickPlace]T, error)) (map[string]T, error) {
	var names []string
	for _, i := range p.Subvols {
		if i < 0 || i >= len(v.Subvols) {
			return nil, api.Errorf(api.Invalid, "volume %s has no subvolume %d", v.Name, i)
		}
		names = append(names, v.SubvolName(i))
	}
	said, err := question(names)
	if err != nil {
		return nil, err
	}
	out := map[string]T{}
	for at, i := range p.Subvols {
		for n, b := range v.Subvols[i].Bricks {
			if what, ok := said[brickop.BrickPlace{Subvol: at, Brick: n}]; ok && b.PeerID == c.cfg.PeerID {
				out[b.ID] = what
			}
		}
	}
	return out, nil
}

// find reads the volume that a request is about, after a barrier.
func (c *Commands) find(ctx context.Context, name string) (*volume.Volume, error) {
	if err := c.cfg.Store.Sync(ctx); err != nil {
		return nil, err
	}
	rec, err := volumes.Find(c.cfg.Store, name)
	if err == nil {
		err = volume.Records.Subject(ctx, rec.ID, rec.Revision)
	}
	return rec.Value, err
}

// started finds a started volume that has copies.
func (c *Commands) started(ctx context.Context, name string) (*volume.Volume, error) {
	v, err := c.find(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case !v.NeedsSelfHeal():
		return nil, api.Errorf(api.State, "volume %s is of type %s: only replicate and disperse volumes heal", name, v.TypeName())
	case v.State != volume.Started:
		return nil, api.Errorf(api.State, "volume %s is not started", name).With("volume", name)
	}
	return v, nil
}

// healing finds a started volume of which the daemons take care.
func (c *Commands) healing(ctx context.Context, name string) (*volume.Volume, error) {
	v, err := c.started(ctx, name)
	if err == nil {
		err = switchedOn(v)
	}
	return v, err
}

func switchedOn(v *volume.Volume) error {
	if on, ok := xlator.ParseBool(v.Options[switchOf(v)]); ok && !on {
		return api.Errorf(api.State, "the self-heal daemon is switched off for volume %s: 'glustercli volume heal %s enable' switches it on", v.Name, v.Name)
	}
	return nil
}

// counting finds a volume whose daemons count: those of GlusterFS 10 refuse to for dispersed ones.
func (c *Commands) counting(ctx context.Context, name string) (*volume.Volume, error) {
	v, err := c.started(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case v.Shape().Type != api.SubvolReplicate:
		return nil, api.Errorf(api.State, "volume %s is of type %s: the self-heal daemon keeps statistics of replicate volumes only; "+
			"'glustercli volume heal %s info summary' counts what is left to heal", name, v.TypeName(), name)
	}
	return v, switchedOn(v)
}

// Kinds of heal as the REST path has them.
const (
	kindIndex = "index"
	kindFull  = "full"
)

// Heal has the self-heal daemons start a heal: of what the bricks' indices list, or of everything. An index heal is begun by
// the peer of each brick, a full one by one peer of each set of bricks: it goes through the set from there.
func (c *Commands) Heal(ctx context.Context, name, kind string) ([]api.BrickHealStart, error) {
	if kind != kindIndex && kind != kindFull {
		return nil, api.FieldErrorf("type", "heal type %.20q: use %s or %s", kind, kindIndex, kindFull)
	}
	v, err := c.healing(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := transaction.Propose(ctx, c.plan(v, kind)); err != nil {
		return nil, err
	}
	said := map[string]brickop.HealStatus{}
	if kind == kindIndex {
		c.healIndex(ctx, v, said)
	} else {
		c.healFull(ctx, v, said)
	}
	var out []api.BrickHealStart
	failed := &api.Error{Kind: api.Unavailable, Message: "no heal of volume " + name + " was started"}
	for _, b := range v.Bricks() {
		start := api.BrickHealStart{Brick: c.brickName(b), Started: said[b.ID].Started, Status: said[b.ID].Text}
		if !start.Started {
			failed.Causes = append(failed.Causes, api.Errorf(api.Unavailable, "%s: %s", start.Brick, start.Status).With(api.FieldPeer, b.PeerID))
		}
		out = append(out, start)
	}
	if len(failed.Causes) == len(out) {
		return nil, failed
	}
	return out, nil
}

func (c *Commands) brickName(b volume.Brick) string {
	return peer.Hosts(c.cfg.Store)(b.PeerID) + ":" + b.Path
}

// all returns the places of a volume's subvolumes.
func all(v *volume.Volume) []int {
	out := make([]int, len(v.Subvols))
	for i := range out {
		out[i] = i
	}
	return out
}

// healIndex asks every peer with bricks.
func (c *Commands) healIndex(ctx context.Context, v *volume.Volume, said map[string]brickop.HealStatus) {
	for _, a := range c.heal.Ask(ctx, v, v.Peers(), params{Subvols: all(v)}) {
		note(v, a, said)
	}
}

// note adds a peer's answer, or why there is none, for its bricks.
func note(v *volume.Volume, a ask.Answer[map[string]brickop.HealStatus], said map[string]brickop.HealStatus) {
	for _, b := range v.BricksOn(a.PeerID) {
		status, ok := a.Value[b.ID]
		switch {
		case a.Err != nil:
			status = brickop.HealStatus{Text: a.Err.Error()}
		case !ok && said[b.ID].Text != "":
			continue // an answer about another subvolume
		case !ok:
			status = brickop.HealStatus{Text: "the self-heal daemon does not know it"}
		}
		said[b.ID] = status
	}
}

// healFull asks the peers of each subvolume in turn until one has begun.
func (c *Commands) healFull(ctx context.Context, v *volume.Volume, said map[string]brickop.HealStatus) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, s := range v.Subvols {
		wg.Go(func() {
			by := ""
			for n := len(s.Bricks) - 1; n >= 0 && by == ""; n-- {
				b := s.Bricks[n]
				a := c.heal.Ask(ctx, v, []string{b.PeerID}, params{Subvols: []int{i}, Full: true})[0]
				status := a.Value[b.ID]
				if a.Err != nil {
					status.Text = a.Err.Error()
				}
				if status.Started {
					by = c.brickName(b)
				}
				mu.Lock()
				said[b.ID] = status
				mu.Unlock()
			}
			mu.Lock()
			defer mu.Unlock()
			for _, b := range s.Bricks {
				if status := said[b.ID]; by != "" && !status.Started {
					said[b.ID] = brickop.HealStatus{Text: "the set is gone through from " + by}
				}
			}
		})
	}
	wg.Wait()
}

func (c *Commands) plan(v *volume.Volume, kind string) api.OperationPlan {
	hosts := peer.Hosts(c.cfg.Store)
	step, plan := api.PlanStep{Name: "heal"}, api.OperationPlan{Operation: "volume.heal"}
	for _, id := range v.Peers() {
		if _, online := peer.Online(c.cfg.Store, id); !online && id != c.cfg.PeerID {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("peer %s cannot be reached and does not take part", hosts(id)))
			continue
		}
		plan.Peers = append(plan.Peers, id)
		step.Peers = append(step.Peers, api.PlanPeer{PeerID: id, Host: hosts(id), Effects: []api.Effect{
			{Action: api.ActionStart, Kind: api.OnData, Name: v.Name, Note: kind + " heal by the self-heal daemon"}}})
	}
	plan.Steps = []api.PlanStep{step}
	return plan
}

// Info reports what is left to heal on each brick.
func (c *Commands) Info(ctx context.Context, name, kind string) ([]api.BrickHealInfo, error) {
	if _, err := c.started(ctx, name); err != nil {
		return nil, err
	}
	return c.cfg.Tool.HealInfo(ctx, name, kind)
}

// Count tells how many entries wait to be healed on each brick: of the volume, or of the set that the brick replica,
// HOST:PATH, belongs to.
func (c *Commands) Count(ctx context.Context, name, replica string) ([]api.BrickHealCount, error) {
	v, err := c.counting(ctx, name)
	if err != nil {
		return nil, err
	}
	subvols, err := c.subvolsOf(v, replica)
	if err != nil {
		return nil, err
	}
	found, missing := gather(c.counts.Ask(ctx, v, v.Peers(), params{Subvols: subvols}))
	var out []api.BrickHealCount
	for _, i := range subvols {
		for _, b := range v.Subvols[i].Bricks {
			n, ok := found[b.ID]
			out = append(out, api.BrickHealCount{Brick: c.brickName(b), Entries: n, Error: whyNot(ok, missing[b.PeerID])})
		}
	}
	return out, nil
}

// Statistics tells the latest crawls over each brick.
func (c *Commands) Statistics(ctx context.Context, name string) ([]api.BrickHealStatistics, error) {
	v, err := c.counting(ctx, name)
	if err != nil {
		return nil, err
	}
	found, missing := gather(c.crawls.Ask(ctx, v, v.Peers(), params{Subvols: all(v)}))
	hosts := peer.Hosts(c.cfg.Store)
	var out []api.BrickHealStatistics
	for _, b := range v.Bricks() {
		crawls := found[b.ID] // a daemon says nothing about a brick that it has not gone over yet
		if crawls == nil {
			crawls = []api.HealCrawl{}
		}
		out = append(out, api.BrickHealStatistics{Brick: c.brickName(b), Host: hosts(b.PeerID), Crawls: crawls, Error: missing[b.PeerID]})
	}
	return out, nil
}

// gather joins the answers of peers; missing says why a peer gave none.
func gather[T any](answers []ask.Answer[map[string]T]) (found map[string]T, missing map[string]string) {
	found, missing = map[string]T{}, map[string]string{}
	for _, a := range answers {
		if a.Err != nil {
			missing[a.PeerID] = a.Err.Error()
		}
		for id, value := range a.Value {
			found[id] = value
		}
	}
	return found, missing
}

func whyNot(ok bool, peerSays string) string {
	switch {
	case ok:
		return ""
	case peerSays != "":
		return peerSays
	}
	return "the self-heal daemon tells nothing about it"
}

// subvolsOf returns the place of the subvolume that a brick belongs to, or all without a brick.
func (c *Commands) subvolsOf(v *volume.Volume, brick string) ([]int, error) {
	if brick == "" {
		return all(v), nil
	}
	for i, s := range v.Subvols {
		if slices.ContainsFunc(s.Bricks, func(b volume.Brick) bool { return volumes.NamesBrick(c.cfg.Store, b, brick) }) {
			return []int{i}, nil
		}
	}
	return nil, volumes.NoSuchBrick(v, brick).With(api.FieldField, "replica")
}
