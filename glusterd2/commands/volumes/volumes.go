// Package volumes is what can be done with volumes: one file for each operation, with its checks, its plan, its steps
// with their undo, and its commit.
package volumes

import (
	"context"
	"slices"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Host is the data plane of this peer, on which the steps of the operations work. Every method deals only with the
// bricks that this peer holds. DataPlane implements it.
type Host interface {
	Surveyor
	// Prepare checks the volume's bricks and makes their directories, all or none.
	Prepare(ctx context.Context, v *volume.Volume, allow Allow) error
	// Unprepare removes what Prepare made for this volume. It is safe after nothing, half or all of Prepare, and twice.
	Unprepare(ctx context.Context, v *volume.Volume) error
	// Start starts the volume's bricks that do not run, and waits until they serve.
	Start(ctx context.Context, v *volume.Volume) error
	// Stop stops the volume's bricks, and waits until they have ended.
	Stop(ctx context.Context, v *volume.Volume) error
	// Forget removes what the host keeps of the volume besides the bricks' data.
	Forget(ctx context.Context, v *volume.Volume) error
	// Report says how the volume's bricks and daemons do.
	Report(ctx context.Context, v *volume.Volume) Report
	BrickHost
	ReplaceHost
	GrowHost
}

// Allow lifts the guards on bricks: the flags of a request, and Force.
type Allow struct {
	Flags map[string]bool `json:"flags,omitempty"`
	Force bool            `json:"force,omitempty"`
	// Own lets in what is a brick of the same volume already: one that is made anew in its place.
	Own bool `json:"own,omitempty"`
}

// Report is what one peer knows of a volume.
type Report struct {
	Bricks  []api.BrickStatus  `json:"bricks"`
	Daemons []api.DaemonStatus `json:"daemons"`
}

// Names of the calls that peers make to each other about volumes.
const (
	MethodReport = "VolumeReport"
)

// ReportRequest asks a peer for its Report on a volume.
type ReportRequest struct {
	Volume string `json:"volume"`
	// Revision is that of the copy of the store of the peer that asks: the answer is not older.
	Revision int64 `json:"revision"`
}

// Network carries the calls to other peers; a call to this peer itself is made directly.
type Network interface {
	Report(ctx context.Context, peerID string, req ReportRequest) (Report, error)
}

// Config is what Commands need.
type Config struct {
	Store   *store.Store
	Engine  *transaction.Engine
	Ops     Operations
	Host    Host
	Network Network
	Mover   Mover
	Asker   *ask.Asker
	// Unhealed tells, brick by brick, what of a started volume is to be healed; nil means that nothing is.
	Unhealed func(ctx context.Context, volumeName string) ([]api.BrickHealInfo, error)
	// Quorum is the server quorum; nil means that it is always met.
	Quorum Quorum
	Table  *xlator.Table
	PeerID string
	// GroupsDir holds option groups as files, in glusterd's format.
	GroupsDir string
	// Xlators returns the directory of the installed translators, which know what options are for.
	Xlators func(ctx context.Context) (string, error)
	Log     *logrus.Entry
}

// Commands are the operations on volumes. They are safe for concurrent use.
type Commands struct {
	Config
	figures ask.Handle[volume.Task, volume.TaskResult]
	tasks   map[string]transaction.Handle[taskCourse, string] // by the kind of the task
	moves   transaction.Handle[moveParams, none]
}

// New makes the commands, and makes the engine know how tasks go.
func New(cfg Config) *Commands {
	c := &Commands{Config: cfg}
	if cfg.Asker != nil {
		c.figures = ask.Register(cfg.Asker, ask.Question[volume.Task, volume.TaskResult]{
			Name: "task figures", Timeout: taskTimeout, Answer: c.answerFigures,
		})
	}
	if cfg.Engine != nil { // a test that only plans has none
		c.conductTasks()
		c.moves = transaction.Conduct(cfg.Engine, transaction.Course[moveParams, none]{Name: "volume.move-brick", Version: 1, Run: c.runMove, Early: true})
	}
	return c
}

// Operations are the registered transactions on volumes.
type Operations struct {
	create  transaction.Handle[createParams, none]
	start   transaction.Handle[startParams, none]
	stop    transaction.Handle[stopParams, none]
	remove  transaction.Handle[removeParams, none]
	destroy transaction.Handle[removeParams, none]
	rename  transaction.Handle[renameParams, none]
	edit    transaction.Handle[editParams, none]
	group   transaction.Handle[groupParams, none]
	ungroup transaction.Handle[ungroupParams, none]
	pool    transaction.Handle[poolParams, none]
	expand  transaction.Handle[expandParams, none]
	grow    transaction.Handle[growParams, none]
	forget  transaction.Handle[forgetParams, none]
	replace transaction.Handle[replaceParams, none]
	reset   transaction.Handle[resetParams, none]

	provision transaction.Handle[createParams, none]
	discard   transaction.Handle[removeParams, none]
	adopt     transaction.Handle[adoptParams, none]
	task      transaction.Handle[taskParams, none]
	leave     transaction.Handle[leaveParams, none]
	shrink    transaction.Handle[shrinkParams, none]
}

// none is the result of operations whose outcome is read from the records.
type none struct{}

// Register adds the operations to a registry; their steps work on the host.
func Register(r *transaction.Registry, host Host) Operations {
	return Operations{
		create: transaction.Register(r, createOperation(host)), start: transaction.Register(r, startOperation(host)),
		stop: transaction.Register(r, stopOperation(host)), remove: transaction.Register(r, removeOperation(host)), destroy: transaction.Register(r, destroyOperation(host)),
		rename: transaction.Register(r, renameOperation(host)),
		edit:   transaction.Register(r, editOperation()), group: transaction.Register(r, groupOperation()),
		ungroup: transaction.Register(r, ungroupOperation()), pool: transaction.Register(r, poolOperation()),
		expand:    transaction.Register(r, expandOperation(host)),
		grow:      transaction.Register(r, growOperation(host)),
		forget:    transaction.Register(r, forgetLimitsOperation()),
		replace:   transaction.Register(r, replaceOperation(host)),
		reset:     transaction.Register(r, resetOperation(host)),
		provision: transaction.Register(r, provisionOperation(host)),
		discard:   transaction.Register(r, discardOperation(host)),
		adopt:     transaction.Register(r, adoptOperation(host)),
		task:      transaction.Register(r, taskOperation()),
		leave:     transaction.Register(r, leaveOperation()),
		shrink:    transaction.Register(r, shrinkOperation(host)),
	}
}

// Lock names the lock of a volume. Reconcilers leave a volume alone while it is held.
func Lock(name string) string { return "volume/" + name }

// find reads the volume that a request is about, after a barrier: the answer is at least as new as the question.
func (c *Commands) find(ctx context.Context, name string) (store.Record[*volume.Volume], error) {
	if err := c.Store.Sync(ctx); err != nil {
		return store.Record[*volume.Volume]{}, err
	}
	rec, err := Find(c.Store, name)
	if err == nil {
		err = volume.Records.Subject(ctx, rec.ID, rec.Revision)
	}
	return rec, err
}

// Find reads the record of a volume.
func Find(r store.Reader, name string) (store.Record[*volume.Volume], error) {
	var rec store.Record[*volume.Volume]
	if name == "" || len(name) > volume.MaxNameLength {
		return rec, api.Errorf(api.NotFound, "volume %.40q does not exist", name).With("volume", name[:min(len(name), 40)])
	}
	rec, ok, err := volume.Records.Get(r, name)
	if err == nil && !ok {
		err = api.Errorf(api.NotFound, "volume %s does not exist", name).With("volume", name)
	}
	return rec, err
}

func (c *Commands) info(v *volume.Volume) api.VolumeInfo { return v.Info(peer.Hosts(c.Store)) }

// Get describes a volume.
func (c *Commands) Get(ctx context.Context, name string) (api.VolumeInfo, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	return c.info(rec.Value), nil
}

// List describes the volumes whose metadata has the key and the value; empty ones match everything.
func (c *Commands) List(ctx context.Context, key, value string) ([]api.VolumeInfo, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	return c.known(key, value)
}

// Known describes all volumes from what this peer knows, which may be old: for those who have something to say without a
// quorum too.
func (c *Commands) Known(context.Context) ([]api.VolumeInfo, error) {
	if err := c.loaded(); err != nil {
		return nil, err
	}
	return c.known("", "")
}

// loaded refuses to tell what is known before anything is.
func (c *Commands) loaded() error {
	select {
	case <-c.Store.Loaded():
		return nil
	default:
		return api.Errorf(api.Unavailable, "this peer knows no volumes yet: %s", c.Store.Waiting())
	}
}

// KnownStatus is Status of a volume from what this peer knows of it; the bricks are asked.
func (c *Commands) KnownStatus(ctx context.Context, name string) (api.VolumeStatus, error) {
	if err := c.loaded(); err != nil {
		return api.VolumeStatus{}, err
	}
	rec, err := Find(c.Store, name)
	if err != nil {
		return api.VolumeStatus{}, err
	}
	return c.statusOf(ctx, rec.Value), nil
}

// KnownAfter describes, from what this peer knows, the first volume whose name comes after the given one; ok is false if
// there is none.
func (c *Commands) KnownAfter(_ context.Context, name string) (v api.VolumeInfo, ok bool, err error) {
	if err := c.loaded(); err != nil {
		return v, false, err
	}
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return v, false, err
	}
	var next *volume.Volume
	for _, rec := range recs {
		if rec.ID > name && (next == nil || rec.ID < next.Name) {
			next = rec.Value
		}
	}
	if next == nil {
		return v, false, nil
	}
	return c.info(next), true, nil
}

func (c *Commands) known(key, value string) ([]api.VolumeInfo, error) {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	hosts := peer.Hosts(c.Store)
	out := make([]api.VolumeInfo, 0, len(recs))
	for _, rec := range recs {
		if api.MatchMetadata(rec.Value.Metadata, key, value) {
			out = append(out, rec.Value.Info(hosts))
		}
	}
	return out, nil
}

// online splits peers into those whose daemon is at work and the others.
func (c *Commands) online(peers []string) (up, down []string) {
	for _, id := range peers {
		if _, ok := peer.Online(c.Store, id); ok || id == c.PeerID {
			up = append(up, id)
		} else {
			down = append(down, id)
		}
	}
	return up, down
}

// allOnline demands that every peer is at work.
func (c *Commands) allOnline(peers []string) error {
	_, down := c.online(peers)
	if len(down) == 0 {
		return nil
	}
	hosts := peer.Hosts(c.Store)
	return api.Errorf(api.Unavailable, "peer %s cannot be reached, and its bricks are needed: start it, then try again", hosts(down[0])).
		With(api.FieldPeer, down[0])
}

// names returns the hosts of peers, for messages.
func (c *Commands) names(ids []string) []string {
	hosts := peer.Hosts(c.Store)
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = hosts(id)
	}
	slices.Sort(out)
	return out
}
