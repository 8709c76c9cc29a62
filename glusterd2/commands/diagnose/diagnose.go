// Package diagnose is what the running bricks and daemons of a volume can be asked: profiles, the busiest files, their
// inner state. Each peer asks its own processes; none of it changes a record.
package diagnose

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

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

// Daemon is one kind of daemon of volumes, of which each peer that needs it has one.
type Daemon struct {
	// Kind is one of api's, such as api.ProcessSelfHeal; Name is what people call it.
	Kind, Name string
	// Serves reports whether a started volume needs it.
	Serves func(v *volume.Volume) bool
	// Reach finds the one of this host that looks after a volume.
	Reach func(volumeName string) (brick.Reach, error)
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
	Daemons []Daemon
	Options Options
	BrickOp gfrpc.BrickOpFunc
	// Dump has a process write parts of its state to a file in dir, whose path it returns; brick.Dumper has the real one.
	Dump func(ctx context.Context, r brick.Reach, dir string, parts []string) (string, error)
	// Xattr reads an extended attribute of a file of a volume; quota.Mounter has the real one.
	Xattr func(ctx context.Context, volumeName, path, name string) (string, error)
	// DumpClients has clients of a volume on a host of these addresses write dumps, if the process id is theirs, and returns how
	// many were told; sunrpc.Server has the real one.
	DumpClients func(volumeName string, meant func(netip.Addr) bool, pid uint32) int
	// RotateLog has a process begin a new log; brick.RotateLog is the real one.
	RotateLog func(ctx context.Context, r brick.Reach, at time.Time) (log, old string, err error)
}

// Commands ask. They are safe for concurrent use.
type Commands struct {
	cfg     Config
	profile ask.Handle[profileParams, map[string]api.BrickProfile]
	top     ask.Handle[topParams, map[string]api.BrickTop]
	status  ask.Handle[statusParams, map[string]api.ProcessState]
	dump    ask.Handle[dumpParams, map[string]api.Statedump]
	clients ask.Handle[clientParams, int]
	rotate  ask.Handle[rotateParams, map[string]api.RotatedLog]
	barrier ask.Handle[barrierParams, map[string]api.BrickBarrier]
}

// New makes the commands and registers their questions.
func New(cfg Config) *Commands {
	c := &Commands{cfg: cfg}
	c.profile = ask.Register(cfg.Asker, ask.Question[profileParams, map[string]api.BrickProfile]{Name: "profile", Answer: c.answerProfile})
	c.top = ask.Register(cfg.Asker, ask.Question[topParams, map[string]api.BrickTop]{Name: "top", Timeout: topTimeout, Answer: c.answerTop})
	c.status = ask.Register(cfg.Asker, ask.Question[statusParams, map[string]api.ProcessState]{Name: "status", Answer: c.answerStatus})
	c.dump = ask.Register(cfg.Asker, ask.Question[dumpParams, map[string]api.Statedump]{Name: "statedump", Timeout: dumpTimeout, Answer: c.answerDump})
	c.clients = ask.Register(cfg.Asker, ask.Question[clientParams, int]{Name: "client-statedump", Answer: c.answerClient})
	c.rotate = ask.Register(cfg.Asker, ask.Question[rotateParams, map[string]api.RotatedLog]{Name: "log-rotate", Timeout: dumpTimeout, Answer: c.answerRotate})
	c.barrier = ask.Register(cfg.Asker, ask.Question[barrierParams, map[string]api.BrickBarrier]{Name: "barrier", Answer: c.answerBarrier})
	return c
}

// find reads the volume that a request is about.
func (c *Commands) find(ctx context.Context, name string) (*volume.Volume, error) {
	if err := c.cfg.Store.Sync(ctx); err != nil {
		return nil, err
	}
	rec, err := volumes.Find(c.cfg.Store, name)
	return rec.Value, err
}

// started finds a started volume.
func (c *Commands) started(ctx context.Context, name string) (*volume.Volume, error) {
	v, err := c.find(ctx, name)
	if err == nil && v.State != volume.Started {
		err = api.Errorf(api.State, "volume %s is not started: 'glustercli volume start %s' starts it", name, name).With("volume", name)
	}
	return v, err
}

// place is a brick or daemon of a volume, on one of its peers.
type place struct {
	PeerID, Host string
	// Kind is one of api's. Key tells the place from the others of its peer: a brick's id, or the kind of a daemon.
	Kind, Key string
	// Name is HOST:PATH, or what the daemon is called. Path is that of a brick.
	Name, Path string
}

// bricks returns the bricks of a volume.
func (c *Commands) bricks(v *volume.Volume) []place {
	hosts := peer.Hosts(c.cfg.Store)
	var out []place
	for _, b := range v.Bricks() {
		host := hosts(b.PeerID)
		out = append(out, place{PeerID: b.PeerID, Host: host, Kind: api.ProcessBrick, Key: b.ID, Name: host + ":" + b.Path, Path: b.Path})
	}
	return out
}

// chosen returns the bricks of a volume that are meant: the one named HOST:PATH, or all if the name is empty. HOST may be
// the peer's address, name or id.
func (c *Commands) chosen(v *volume.Volume, name string) ([]place, error) {
	bricks := c.bricks(v)
	if name == "" {
		return bricks, nil
	}
	for i, b := range v.Bricks() {
		if volumes.NamesBrick(c.cfg.Store, b, name) {
			return bricks[i : i+1], nil
		}
	}
	return nil, volumes.NoSuchBrick(v, name).With(api.FieldField, "brick")
}

// over asks each peer about those of the places that it holds and returns the answers in the order of the places. An answer
// that did not come is made by gap.
func over[P, A any](ctx context.Context, h ask.Handle[P, map[string]A], v *volume.Volume, places []place, params P, gap func(p place, why string) A) []A {
	var peers []string
	at := map[string]int{}
	for _, p := range places {
		if _, ok := at[p.PeerID]; !ok {
			at[p.PeerID] = len(peers)
			peers = append(peers, p.PeerID)
		}
	}
	answers := h.Ask(ctx, v, peers, params)
	out := make([]A, 0, len(places))
	for _, p := range places {
		answer := answers[at[p.PeerID]]
		value, ok := answer.Value[p.Key]
		switch {
		case answer.Err != nil:
			value = gap(p, answer.Err.Error())
		case !ok:
			value = gap(p, "its peer says nothing about it")
		}
		out = append(out, value)
	}
	return out
}

// each asks those of the places that are on this host side by side and returns the answers by their keys. key chooses one of
// them, "" all. A process that could not be asked gets what gap makes.
func each[A any](c *Commands, v *volume.Volume, places []place, key string, question func(p place, r brick.Reach) (A, error), gap func(p place, why string) A) map[string]A {
	places = slices.DeleteFunc(places, func(p place) bool { return p.PeerID != c.cfg.PeerID || key != "" && p.Key != key })
	answers := make([]A, len(places))
	var wg sync.WaitGroup
	for i, p := range places {
		wg.Go(func() {
			r, err := c.reach(v, p)
			if err == nil {
				answers[i], err = question(p, r)
			}
			if err != nil {
				answers[i] = gap(p, err.Error())
			}
		})
	}
	wg.Wait()
	out := map[string]A{}
	for i, p := range places {
		out[p.Key] = answers[i]
	}
	return out
}

// reach finds the process at a place on this host.
func (c *Commands) reach(v *volume.Volume, p place) (brick.Reach, error) {
	if p.Kind == api.ProcessBrick {
		return c.cfg.Bricks.Reach(brick.Spec{VolumeName: v.Name, Host: p.Host, Path: p.Path})
	}
	for _, d := range c.cfg.Daemons {
		if d.Kind == p.Kind {
			return d.Reach(v.Name)
		}
	}
	return brick.Reach{}, api.Errorf(api.NotSupported, "this peer knows no daemon of the kind %.40q: it runs another version", p.Kind)
}

// daemons returns the daemons that look after a volume, on the peers that hold its bricks.
func (c *Commands) daemons(v *volume.Volume) []place {
	hosts := peer.Hosts(c.cfg.Store)
	var out []place
	for _, d := range c.cfg.Daemons {
		if !d.Serves(v) {
			continue
		}
		for _, id := range v.Peers() {
			out = append(out, place{PeerID: id, Host: hosts(id), Kind: d.Kind, Key: d.Kind, Name: d.Name})
		}
	}
	return out
}

// only returns the key of the place if a single one is meant, which its peer is told.
func only(name string, places []place) string {
	if name == "" {
		return ""
	}
	return places[0].Key
}
