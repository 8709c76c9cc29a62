// Package devices is what can be done with the devices on which gd2 makes bricks of a size: one file for each operation.
package devices

import (
	"cmp"
	"context"
	"slices"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Host is what this peer can do with its own devices. Every method may be repeated after it was cut off anywhere.
type Host interface {
	// Look tells, as well as can be known before, what Take would measure, or why it would refuse. It changes nothing.
	Look(ctx context.Context, d device.Device, wipe bool) (Measure, error)
	// Take takes a device into use and measures it; one that holds something is refused unless wipe is set.
	Take(ctx context.Context, d device.Device, wipe bool) (Measure, error)
	// Release gives up what Take made; it refuses while there are bricks.
	Release(ctx context.Context, d device.Device) error
	// Measure measures a device that was taken.
	Measure(ctx context.Context, d device.Device) (Measure, error)
	// Rescan measures it too, after it has taken in what the device was made larger by.
	Rescan(ctx context.Context, d device.Device) (Measure, error)
}

// Measure is what a device can hold in all, in bytes, and what else its peer knows of it.
type Measure struct {
	Size   uint64 `json:"size"`
	Unit   uint64 `json:"unit,omitempty"`
	UUID   string `json:"uuid,omitempty"`
	Mounts string `json:"mounts,omitempty"`
}

// put notes on a device what was measured.
func (m Measure) put(d *device.Device) {
	d.Size, d.Unit, d.UUID, d.Mounts = m.Size, m.Unit, m.UUID, m.Mounts
}

// Config is what Commands need.
type Config struct {
	Store  *store.Store
	Engine *transaction.Engine
	Ops    Operations
	// Host is this peer's, Asker asks others about theirs.
	Host   Host
	Asker  *ask.Asker
	Moves  Moves
	PeerID string
	Log    *logrus.Entry
}

// Moves tells of bricks whether and where they may move. *repair.Moves is the real one.
type Moves interface {
	// Plan plans all moves off devices. The error names each brick that cannot be moved, and why.
	Plan(ctx context.Context, leave volumes.Leave, how volumes.How) ([]volumes.PlannedMove, error)
	// May refuses a brick that cannot be moved now, also because others have files to be healed from it.
	May(ctx context.Context, v *volume.Volume, brickID string) error
	// State says what an evacuation is at, or waits for.
	State(ctx context.Context, e *device.Evacuation) string
}

// Commands are the operations on devices. They are safe for concurrent use.
type Commands struct {
	Config
	emptied  transaction.Handle[evacuateParams, []api.Device]
	replaced transaction.Handle[replaceParams, api.Device]
	look     ask.Handle[lookParams, Measure]
}

// New makes the commands, and makes the engine know how devices are emptied and replaced.
func New(cfg Config) *Commands {
	c := &Commands{Config: cfg}
	c.emptied = transaction.Conduct(cfg.Engine, transaction.Course[evacuateParams, []api.Device]{Name: "device.evacuate", Version: 1, Run: c.empty, Early: true})
	c.replaced = transaction.Conduct(cfg.Engine, transaction.Course[replaceParams, api.Device]{Name: "device.replace", Version: 1, Run: c.exchange, Early: true})
	c.look = ask.Register(cfg.Asker, ask.Question[lookParams, Measure]{Name: "device-look",
		Answer: func(ctx context.Context, _ *volume.Volume, p lookParams) (Measure, error) {
			return cfg.Host.Look(ctx, p.Device, p.Wipe)
		}})
	return c
}

// Operations are the registered transactions on devices.
type Operations struct {
	add    transaction.Handle[addParams, api.Device]
	adopt  transaction.Handle[addParams, api.Device]
	edit   transaction.Handle[editParams, api.Device]
	remove transaction.Handle[removeParams, none]
	mark   transaction.Handle[markParams, none]
}

// none is the result of operations whose outcome is read from the records.
type none struct{}

// Register adds the operations to a registry; their steps work on the host.
func Register(r *transaction.Registry, host Host) Operations {
	return Operations{
		add: transaction.Register(r, addOperation(host)), adopt: transaction.Register(r, adoptOperation(host)), edit: transaction.Register(r, editOperation(host)),
		remove: transaction.Register(r, removeOperation(host)), mark: transaction.Register(r, markOperation()),
	}
}

// List describes the devices, those of one peer if it is named, in the order of hosts and paths.
func (c *Commands) List(ctx context.Context, peerName string) ([]api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	only := ""
	if peerName != "" {
		rec, err := peer.Find(c.Store, peerName)
		if err != nil {
			return nil, err
		}
		only = rec.ID
	}
	uses, err := device.Uses(c.Store)
	if err != nil {
		return nil, err
	}
	recs, err := device.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	hosts, out := peer.Hosts(c.Store), []api.Device{}
	for _, rec := range recs {
		if d := rec.Value; only == "" || d.PeerID == only {
			out = append(out, d.Info(uses[d.ID], hosts(d.PeerID)))
		}
	}
	slices.SortFunc(out, func(a, b api.Device) int {
		return cmp.Or(cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.Device, b.Device))
	})
	return out, nil
}

// Get describes one device of a peer, by its path or its id.
func (c *Commands) Get(ctx context.Context, peerName, name string) (api.Device, error) {
	rec, err := c.find(ctx, peerName, name)
	if err != nil {
		return api.Device{}, err
	}
	return c.info(rec.Value)
}

func (c *Commands) find(ctx context.Context, peerName, name string) (store.Record[*device.Device], error) {
	if err := c.Store.Sync(ctx); err != nil {
		return store.Record[*device.Device]{}, err
	}
	p, err := peer.Find(c.Store, peerName)
	if err != nil {
		return store.Record[*device.Device]{}, err
	}
	rec, err := device.Find(c.Store, p.ID, name)
	if err == nil {
		err = device.Records.Subject(ctx, rec.ID, rec.Revision)
	}
	return rec, err
}

func (c *Commands) info(d *device.Device) (api.Device, error) {
	uses, err := device.Uses(c.Store)
	return d.Info(uses[d.ID], peer.Hosts(c.Store)(d.PeerID)), err
}

// online demands that a peer is at work.
func (c *Commands) online(peerID string) error {
	if _, ok := peer.Online(c.Store, peerID); ok || peerID == c.PeerID {
		return nil
	}
	return api.Errorf(api.Unavailable, "peer %s cannot be reached: start it, then try again", peer.Hosts(c.Store)(peerID)).With(api.FieldPeer, peerID)
}
