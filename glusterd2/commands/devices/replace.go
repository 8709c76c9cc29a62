package devices

import (
	"context"
	"maps"
	"time"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// lookParams ask a peer about a device that is to be taken into use.
type lookParams struct {
	Device device.Device `json:"device"`
	Wipe   bool          `json:"wipe,omitempty"`
}

// replaceParams are a device that is to be emptied and given up, and the new one that takes its place.
type replaceParams struct {
	evacuateParams
	New addParams `json:"new"`
}

// old is the device that is replaced, marked.
func (p replaceParams) old() device.Device { return p.Mark.Devices[0] }

// Replace takes a new device into use in the place of one, has the bricks of that moved, to the new one if they can, and gives it up. It
// returns the new one as soon as the move is on record; the operation tells how far it is. What would keep it from its end is found
// before anything is changed, and refused, unless by force: then what can move moves.
func (c *Commands) Replace(ctx context.Context, peerName, name string, req api.DeviceReplaceReq) (api.Device, error) {
	rec, err := c.find(ctx, peerName, name)
	if err != nil {
		return api.Device{}, err
	}
	req.Gone = c.gone(rec.Value.PeerID, req.Gone)
	if err := c.mayLeave(rec.Value.PeerID, req.Gone); err != nil {
		return api.Device{}, err
	}
	added, err := c.planNew(ctx, rec.Value, req)
	if err != nil {
		return api.Device{}, err
	}
	empty, err := c.toEmpty([]store.Record[*device.Device]{rec}, req.EvacuateReq, added.Device.ID)
	if err != nil {
		return api.Device{}, err
	}
	p := replaceParams{evacuateParams: empty, New: added}
	leave := p.leave()
	leave[rec.ID] = &added.Device
	transaction.Also(ctx, api.OperationPlan{Records: []api.Effect{newRecord(added.Device.Name)}})
	if err := c.planMoves(ctx, leave, req.EvacuateReq); err != nil {
		return api.Device{}, err
	}
	transaction.Also(ctx, p.givePlan(peer.Hosts(c.Store)(rec.Value.PeerID)))
	return c.replaced.Run(ctx, c.Engine, transaction.Plan[replaceParams]{
		Params: p, Peers: []string{c.PeerID}, Locks: []string{"device-replace/" + rec.ID}, About: append(markPlan(p.Mark).Locks, device.Lock(added.Device.ID)),
	})
}

// planNew checks the new device, and has its peer look at it.
func (c *Commands) planNew(ctx context.Context, old *device.Device, req api.DeviceReplaceReq) (addParams, error) {
	p, err := c.peerOfNew(old, req)
	if err != nil {
		return addParams{}, err
	}
	add := api.DeviceAddReq{Device: req.Device, Provisioner: old.Provisioner, Tags: maps.Clone(old.Tags), Wipe: req.Wipe}
	if add.Tags == nil {
		add.Tags = map[string]string{}
	}
	maps.Copy(add.Tags, req.Tags)
	maps.DeleteFunc(add.Tags, func(_, v string) bool { return v == "" })
	d, err := newDevice(p.ID, add)
	if err != nil {
		return addParams{}, err
	}
	if err := c.mayAdd(p, d, old.ID); err != nil {
		return addParams{}, err
	}
	out := addParams{Device: d, Host: p.Value.Host, Wipe: req.Wipe != "", PeerRevision: p.Revision}
	seen := c.look.Ask(ctx, nil, []string{p.ID}, lookParams{d, out.Wipe})
	if err := ask.Failures("the new device cannot be taken into use", seen); err != nil {
		return addParams{}, err
	}
	seen[0].Value.put(&out.Device)
	return out, nil
}

// peerOfNew is the peer that the new device is on: one that was named, or that of the old one, or the one in whose place that is.
func (c *Commands) peerOfNew(old *device.Device, req api.DeviceReplaceReq) (store.Record[*peer.Peer], error) {
	if req.PeerID != "" {
		return peer.Find(c.Store, req.PeerID)
	}
	own, err := peer.Find(c.Store, old.PeerID)
	if err != nil || !req.Gone {
		return own, err
	}
	next, ok, err := peer.Successor(c.Store, own.ID)
	if err == nil && !ok {
		err = api.FieldErrorf("peer-id", "peer %s is gone, and no other is in its place: name the peer that the new device is on", own.Value.Name)
	}
	return next, err
}

// exchange is the course of a replacement. What is done it finds in the records: the new device, the mark of the old one, and that the
// old one is gone.
func (c *Commands) exchange(ctx context.Context, p replaceParams) (api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.Device{}, err
	}
	_, there, err := device.Records.Get(c.Store, p.old().ID)
	if err == nil && there {
		err = c.exchanged(ctx, p)
	}
	return c.newInfo(p), err
}

func (c *Commands) exchanged(ctx context.Context, p replaceParams) error {
	if err := c.begin(ctx, p); err != nil {
		return err
	}
	if err := transaction.Tell(ctx, c.newInfo(p)); err != nil {
		return err
	}
	if _, err := c.followed(ctx, p.evacuateParams); err != nil {
		return err
	}
	return c.giveUp(ctx, p)
}

// newInfo is the new device as it is now.
func (c *Commands) newInfo(p replaceParams) api.Device {
	d := p.New.Device
	if rec, ok, err := device.Records.Get(c.Store, d.ID); ok && err == nil {
		d = *rec.Value
	}
	uses, _ := device.Uses(c.Store) // what cannot be read shows no use
	return d.Info(uses[d.ID], p.New.Host)
}

// begin takes the new device into use and marks the old one, both or none, unless that has been done.
func (c *Commands) begin(ctx context.Context, p replaceParams) error {
	_, there, err := device.Records.Get(c.Store, p.New.Device.ID)
	switch {
	case err != nil || c.marked(p.evacuateParams):
		return err
	case there:
		old := p.old()
		return errEnded(&old)
	}
	for n := 0; ; n++ {
		now, err := c.asNow(ctx, p)
		if err == nil {
			_, err = c.Ops.add.Run(ctx, c.Engine, addPlan(now))
		}
		if n >= beginTries || !api.IsKind(err, api.Conflict) || ctx.Err() != nil {
			return err
		}
	}
}

// beginTries bounds how often a replacement begins anew because something else has changed the records: how far an evacuation of the old
// device is, say.
const beginTries = 5

// asNow is the addition of the new device with the mark on the old one as that is now.
func (c *Commands) asNow(ctx context.Context, p replaceParams) (addParams, error) {
	add, old := p.New, p.old()
	if err := c.Store.Sync(ctx); err != nil {
		return add, err
	}
	on, err := peer.Find(c.Store, add.Device.PeerID)
	if err != nil {
		return add, err
	}
	rec, err := device.Find(c.Store, old.PeerID, old.ID)
	if err != nil {
		return add, err
	}
	add.PeerRevision, add.Mark = on.Revision, markParams{Revisions: map[string]int64{}}
	add.Mark.add(rec, *old.Evacuation)
	return add, nil
}

// The pause between attempts to give up the old device grows from the one to the other.
const (
	giveUpPause    = time.Second
	giveUpPauseMax = time.Minute
)

// giveUp gives up the old device, which is empty, as soon as that can be done: its peer may be away, or removes bricks still. Somebody
// may do it before, by force.
func (c *Commands) giveUp(ctx context.Context, p replaceParams) error {
	old := p.old()
	for pause := giveUpPause; ; pause = min(2*pause, giveUpPauseMax) {
		err := c.Remove(ctx, old.PeerID, old.ID, old.Evacuation.Gone)
		if err == nil || api.IsKind(err, api.NotFound) {
			return nil
		}
		transaction.Note(ctx, "all bricks have been moved; the old device is not given up yet: "+err.Error())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if transaction.Cancelled(ctx) {
				return api.Errorf(api.State, "all bricks have been moved; the old device was not given up: %v", err)
			}
			return ctx.Err()
		}
	}
}

// givePlan tells the plan what follows when the bricks have been moved.
func (p replaceParams) givePlan(host string) api.OperationPlan {
	old := p.old()
	plan := api.OperationPlan{Operation: "device.replace", Records: []api.Effect{{Action: api.ActionDestroy, Kind: api.OnRecord, Name: recordName(old.ID), Note: old.Name}}}
	if !old.Evacuation.Gone {
		plan.Steps = []api.PlanStep{{Name: "release", Peers: []api.PlanPeer{{PeerID: old.PeerID, Host: host, Effects: releaseEffects(old)}}}}
	}
	return plan
}
