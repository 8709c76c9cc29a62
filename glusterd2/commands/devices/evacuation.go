package devices

import (
	"context"
	"fmt"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// evacuateParams are the devices that are to be emptied, marked so.
type evacuateParams struct {
	Mark markParams `json:"mark"`
	// Since tells this evacuation from others of the same device.
	Since time.Time `json:"since"`
}

// leave are the devices as those who plan moves want them.
func (p evacuateParams) leave() volumes.Leave {
	out := volumes.Leave{}
	for _, d := range p.Mark.Devices {
		out[d.ID] = nil
	}
	return out
}

func (p evacuateParams) ids() (out []string) {
	for _, d := range p.Mark.Devices {
		out = append(out, d.ID)
	}
	return out
}

// evacuationLook is the time between two questions how far the heal of a brick is.
const evacuationLook = 2 * time.Second

// empty is the course of an evacuation: it marks the devices, tells, and stays with them until they are empty. Their bricks are moved
// by whichever peer does the pool's work.
func (c *Commands) empty(ctx context.Context, p evacuateParams) ([]api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	if !c.marked(p) {
		if _, err := c.Ops.mark.Run(ctx, c.Engine, markPlan(p.Mark)); err != nil {
			return nil, err
		}
	}
	if err := transaction.Tell(ctx, c.described(p)); err != nil {
		return nil, err
	}
	return c.followed(ctx, p)
}

// marked reports whether a device has the mark of this evacuation.
func (c *Commands) marked(p evacuateParams) bool {
	for _, id := range p.ids() {
		rec, ok, err := device.Records.Get(c.Store, id)
		if err == nil && ok && rec.Value.Evacuation != nil && rec.Value.Evacuation.Since.Equal(p.Since) {
			return true
		}
	}
	return false
}

// described are the devices as they are now, or, of those that were removed since, as they were.
func (c *Commands) described(p evacuateParams) []api.Device {
	var out []api.Device
	uses, _ := device.Uses(c.Store) // what cannot be read shows no use
	for _, d := range p.Mark.Devices {
		if rec, ok, err := device.Records.Get(c.Store, d.ID); ok && err == nil {
			d = *rec.Value
		}
		out = append(out, d.Info(uses[d.ID], peer.Hosts(c.Store)(d.PeerID)))
	}
	return out
}

// followed tells how far the devices are until they are empty. A cancel takes the marks off again.
func (c *Commands) followed(ctx context.Context, p evacuateParams) ([]api.Device, error) {
	changed, unsubscribe := c.Store.Subscribe(store.PrefixDevices, store.PrefixVolumes)
	defer unsubscribe()
	tick := time.NewTicker(evacuationLook)
	defer tick.Stop()
	for {
		done, err := c.reached(ctx, p)
		if done || err != nil {
			return c.described(p), err
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			if transaction.Cancelled(ctx) {
				return nil, c.unmark(context.WithoutCancel(ctx), p)
			}
			return nil, ctx.Err()
		}
	}
}

// reached looks at the devices once, and tells how far they are.
func (c *Commands) reached(ctx context.Context, p evacuateParams) (done bool, err error) {
	uses, err := device.Uses(c.Store)
	if err != nil {
		return false, err
	}
	var moved, all int64
	note, open := "", 0
	for _, id := range p.ids() {
		rec, ok, err := device.Records.Get(c.Store, id)
		switch {
		case err != nil:
			return false, err
		case !ok:
			continue // it was empty, and has been removed
		case rec.Value.Evacuation == nil || !rec.Value.Evacuation.Since.Equal(p.Since):
			return false, errEnded(rec.Value)
		}
		e := rec.Value.Evacuation
		n := e.Moved(uses[id].Bricks)
		moved, all = moved+int64(n), all+int64(max(e.Bricks, n))
		if e.Done.IsZero() {
			open++
			if what := c.Moves.State(ctx, e); what != "" && note == "" {
				note = fmt.Sprintf("%s:%s: %s", peer.Hosts(c.Store)(rec.Value.PeerID), rec.Value.Name, what)
			}
		}
	}
	transaction.Progress(ctx, moved, all, "bricks")
	transaction.Note(ctx, note)
	return open == 0, nil
}

func errEnded(d *device.Device) error {
	return api.Errorf(api.State, "the evacuation of device %s was ended by another change of it", d.Name).With("device", d.ID)
}

// unmark ends the evacuation of those devices that are not empty yet. They get no new bricks until somebody enables them.
func (c *Commands) unmark(ctx context.Context, p evacuateParams) error {
	ctx, cancel := context.WithTimeout(ctx, unmarkTimeout)
	defer cancel()
	un := markParams{Revisions: map[string]int64{}}
	for _, id := range p.ids() {
		rec, ok, err := device.Records.Get(c.Store, id)
		if err != nil {
			return err
		}
		if !ok || rec.Value.Evacuation == nil || !rec.Value.Evacuation.Since.Equal(p.Since) || !rec.Value.Evacuation.Done.IsZero() {
			continue
		}
		d := *rec.Value
		d.Evacuation = nil
		un.Devices, un.Revisions[id] = append(un.Devices, d), rec.Revision
	}
	if _, err := c.Ops.mark.Run(ctx, c.Engine, markPlan(un)); err != nil {
		return err
	}
	return api.Errorf(api.State, "the evacuation was ended; what was moved stays where it is")
}

const unmarkTimeout = 15 * time.Second
