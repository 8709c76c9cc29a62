// Package repair empties devices: it moves their bricks to others one after the other, each when the volume of the last is whole
// again. What is to be done is in the records of the devices, so whichever peer does the pool's work goes on where another has ended.
package repair

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// Volumes are the operations on volumes that a Keeper uses.
type Volumes interface {
	// Move moves a brick that gd2 has made to another device, and returns the id of what is in its place: its own if the files, which
	// no other brick has, are moved first.
	Move(ctx context.Context, volume, brickID string, how volumes.How) (string, error)
	// PlanMoves plans where the bricks of devices would go, and MayMove refuses one that cannot be moved as the pool is now.
	PlanMoves(leave volumes.Leave) ([]volumes.PlannedMove, error)
	MayMove(ctx context.Context, v *volume.Volume, brickID string, how volumes.How) error
	// Moving reports whether files of a brick of a volume are being moved that no other brick has.
	Moving(volume string) bool
	// BricksOnline tells which bricks of a volume serve, by their ids.
	BricksOnline(ctx context.Context, volume string) (map[string]bool, error)
}

// Heals are the operations on heals that a Keeper uses.
type Heals interface {
	// Count tells how many entries wait to be healed on each brick of the set of a brick, HOST:PATH.
	Count(ctx context.Context, volume, brick string) ([]api.BrickHealCount, error)
	// Heal begins a heal now.
	Heal(ctx context.Context, volume, kind string) ([]api.BrickHealStart, error)
}

// Devices are the operations on devices that a Keeper uses.
type Devices interface {
	Evacuate(ctx context.Context, peer, device string, req api.EvacuateReq) (api.Device, error)
}

// Config is what a Keeper needs.
type Config struct {
	*Moves
	Devices Devices
	// Ours reports whether this peer does what one peer does for the pool. Two that do are no harm: each change is guarded.
	Ours func() bool
	// After is how long a peer or a brick may be down before its devices are emptied without anybody asking; 0 means for ever.
	After time.Duration
	Log   *logrus.Entry
}

// Keeper empties the devices that are to be emptied.
type Keeper struct{ Config }

const (
	// look is how often it is looked whether the next brick may move.
	look = 2 * time.Second
	// moveTimeout bounds one move; a transaction that takes longer goes on by itself.
	moveTimeout = 5 * time.Minute
)

// Run works until the context ends.
func (k *Keeper) Run(ctx context.Context) error {
	k.Store.Keep(ctx, nil, func(ctx context.Context) time.Duration {
		busy, err := k.once(ctx)
		if err != nil && ctx.Err() == nil {
			k.Log.WithError(err).Info("a device cannot be emptied further; trying again")
		}
		if busy || err != nil || k.After > 0 {
			return look
		}
		return 0
	}, store.PrefixDevices, store.PrefixFaults)
	return nil
}

// once goes one step further with each device, and tells whether there are more to go.
func (k *Keeper) once(ctx context.Context) (busy bool, err error) {
	if !k.Ours() {
		return true, nil // this may change
	}
	errs := []error{k.findFailed(ctx)}
	recs, err := device.Records.List(k.Store)
	errs = append(errs, err)
	for _, rec := range recs {
		if e := rec.Value.Evacuation; e != nil && e.Done.IsZero() {
			busy = true
			errs = append(errs, k.further(ctx, rec))
		}
	}
	return busy, errors.Join(errs...)
}

// further goes one step further with a device.
func (k *Keeper) further(ctx context.Context, rec store.Record[*device.Device]) error {
	if err := k.Store.Sync(ctx); err != nil {
		return err
	}
	e := *rec.Value.Evacuation
	left, err := bricksOn(k.Store, rec.ID)
	if err != nil {
		return err
	}
	if e.Waits, err = k.tooManyAway(); err != nil {
		return err
	}
	if e.Waits == "" && e.Healing != nil {
		e.Waits = k.healing(ctx, &e)
	}
	switch {
	case e.Waits != "":
	case len(left) == 0:
		e.Done = time.Now().UTC()
	default:
		k.moveOne(ctx, left, &e)
	}
	return k.note(ctx, rec, e)
}

// onDevice is a brick on a device, with its volume.
type onDevice struct {
	volume *volume.Volume
	brick  volume.Brick
	alone  bool // no other brick has its files
}

// bricksOn lists the bricks on a device, by volume.
func bricksOn(r store.Reader, deviceID string) ([]onDevice, error) {
	recs, err := volume.Records.List(r)
	var out []onDevice
	for _, rec := range recs {
		for _, s := range rec.Value.Subvols {
			for _, b := range s.Bricks {
				if b.Device == deviceID {
					out = append(out, onDevice{rec.Value, b, s.Alone()})
				}
			}
		}
	}
	return out, err
}

// tooManyAway stops everything while more than a third of the pool is away: then it is more likely that the network is broken
// than that so many hosts are.
func (k *Keeper) tooManyAway() (string, error) {
	peers, err := peer.Records.List(k.Store)
	away := 0
	for _, p := range peers {
		if _, ok := peer.Online(k.Store, p.ID); !ok {
			away++
		}
	}
	if 3*away > len(peers) {
		return fmt.Sprintf("%d of %d peers cannot be reached: while more than a third are away nothing is moved", away, len(peers)), err
	}
	return "", err
}

// healing says what is left to heal of the brick that was moved last; nothing if that is whole.
func (k *Keeper) healing(ctx context.Context, e *device.Evacuation) string {
	v, b, ok := find(k.Store, *e.Healing)
	if !ok {
		e.Healing = nil // deleted, or moved on
		return ""
	}
	why := k.unhealed(ctx, v, b)
	if why == "" {
		e.Healing = nil
	}
	return why
}

// find finds a brick by its id.
func find(r store.Reader, at device.Place) (*volume.Volume, volume.Brick, bool) {
	rec, _, err := volume.Records.Get(r, at.Volume)
	if err != nil || rec.Value == nil {
		return nil, volume.Brick{}, false
	}
	for b := range rec.Value.All() {
		if b.ID == at.Brick {
			return rec.Value, b, true
		}
	}
	return nil, volume.Brick{}, false
}

// moveOne moves the first brick that can be moved, and notes in e which, or why there is none.
func (k *Keeper) moveOne(ctx context.Context, left []onDevice, e *device.Evacuation) {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()
	for _, at := range left {
		if k.Volumes.Moving(at.volume.Name) {
			e.Waits = filesMove(at)
			return
		}
	}
	for _, at := range left {
		why := k.mayMove(ctx, at, e.Unhealed)
		if why == "" {
			id, err := k.Volumes.Move(ctx, at.volume.Name, at.brick.ID, volumes.How{Gone: e.Gone, Unhealed: e.Unhealed})
			if err == nil && id == at.brick.ID {
				e.Waits = filesMove(at)
				return
			}
			if err == nil {
				k.Log.WithField("volume", at.volume.Name).Infof("the brick %s was moved to another device", at.brick.Path)
				e.Waits = ""
				if !e.Unhealed {
					e.Healing = &device.Place{Volume: at.volume.Name, Brick: id}
				}
				return
			}
			why = err.Error()
		}
		if e.Waits == "" {
			e.Waits = why
		}
	}
}

func filesMove(at onDevice) string {
	return fmt.Sprintf("files of volume %s, which has no copies, are being moved to another brick", at.volume.Name)
}

// note writes how far an evacuation is, if that has changed.
func (k *Keeper) note(ctx context.Context, rec store.Record[*device.Device], e device.Evacuation) error {
	if e.Same(rec.Value.Evacuation) {
		return nil
	}
	d := *rec.Value
	d.Evacuation = &e
	_, err := k.Store.Commit(ctx, []store.Write{device.Records.Update(d.ID, &d, rec.Revision)})
	if api.IsKind(err, api.Conflict) {
		return nil // somebody has changed it: look again
	}
	return err
}
