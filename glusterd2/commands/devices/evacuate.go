package devices

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type markParams struct {
	// Devices are as they become, Revisions those of their records, by id.
	Devices   []device.Device  `json:"devices"`
	Revisions map[string]int64 `json:"revisions"`
}

func (p markParams) writes() (out []store.Write) {
	for i := range p.Devices {
		d := &p.Devices[i]
		out = append(out, device.Records.Update(d.ID, d, p.Revisions[d.ID]))
	}
	return out
}

// markOperation marks devices as being emptied, or takes that back. It has no steps: whichever peer does the pool's work moves their
// bricks, one after the other, each with a transaction of its own.
func markOperation() transaction.Operation[markParams, none] {
	return transaction.Operation[markParams, none]{
		Name: "device.mark", Version: 1,
		Commit: func(p markParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return p.writes(), nil, none{}, nil
		},
	}
}

func markPlan(p markParams) transaction.Plan[markParams] {
	plan := transaction.Plan[markParams]{Params: p}
	for _, d := range p.Devices {
		plan.Locks = append(plan.Locks, device.Lock(d.ID))
		plan.Guards = append(plan.Guards, device.Records.MustBe(d.ID, p.Revisions[d.ID]))
	}
	return plan
}

// Evacuate has all bricks of a device moved to others. It returns as soon as that is on record; the device and the operation tell how
// far it is. It is refused if a brick finds no place or may not move now, unless by force: then the others move. A change of the
// state of the device to enabled or disabled ends it.
func (c *Commands) Evacuate(ctx context.Context, peerName, name string, req api.EvacuateReq) (api.Device, error) {
	rec, err := c.find(ctx, peerName, name)
	if err != nil {
		return api.Device{}, err
	}
	req.Gone = c.gone(rec.Value.PeerID, req.Gone)
	out, err := c.evacuate(ctx, rec.Value.PeerID, []store.Record[*device.Device]{rec}, req)
	if err != nil {
		return api.Device{}, err
	}
	return out[0], nil
}

// EvacuatePeer has all bricks of all devices of a peer moved to others. It refuses if the peer has bricks that somebody named: gd2
// does not know where those may go.
func (c *Commands) EvacuatePeer(ctx context.Context, name string, req api.EvacuateReq) ([]api.Device, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	p, err := peer.Find(c.Store, name)
	if err != nil {
		return nil, err
	}
	if err := peer.Records.Subject(ctx, p.ID, p.Revision); err != nil {
		return nil, err
	}
	recs, err := device.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	recs = slices.DeleteFunc(recs, func(rec store.Record[*device.Device]) bool { return rec.Value.PeerID != p.ID })
	if len(recs) == 0 {
		return nil, api.Errorf(api.State, "peer %s has no devices: move bricks that were named with volume replace-brick", p.Value.Name).With(api.FieldPeer, p.ID)
	}
	if err := c.onlyMade(p); err != nil {
		return nil, err
	}
	req.Gone = req.Gone || p.Value.Replaced
	return c.evacuate(ctx, p.ID, recs, req)
}

// onlyMade refuses a peer with bricks that somebody named.
func (c *Commands) onlyMade(p store.Record[*peer.Peer]) error {
	recs, err := volume.Records.List(c.Store)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		for _, b := range rec.Value.BricksOn(p.ID) {
			if b.Device == "" {
				return api.Errorf(api.State, "brick %s:%s of volume %s was not made by gd2: move it first, with volume replace-brick", p.Value.Name, b.Path, rec.ID).
					With("volume", rec.ID)
			}
		}
	}
	return nil
}

// gone reports whether a peer is gone for good: somebody says so, or another has taken its place.
func (c *Commands) gone(peerID string, said bool) bool {
	p, ok, err := peer.Records.Get(c.Store, peerID)
	return said || err == nil && ok && p.Value.Replaced
}

// evacuate begins to empty devices of one peer, after all moves have been planned.
func (c *Commands) evacuate(ctx context.Context, peerID string, recs []store.Record[*device.Device], req api.EvacuateReq) ([]api.Device, error) {
	if err := c.mayLeave(peerID, req.Gone); err != nil {
		return nil, err
	}
	p, err := c.toEmpty(recs, req, "")
	if err != nil {
		return nil, err
	}
	if err := c.planMoves(ctx, p.leave(), req); err != nil {
		return nil, err
	}
	return c.emptied.Run(ctx, c.Engine, transaction.Plan[evacuateParams]{Params: p, Peers: []string{c.PeerID}, About: markPlan(p.Mark).Locks})
}

// toEmpty are devices that are to be emptied, as they become; with the id of the one that is to take their place, if there is one.
func (c *Commands) toEmpty(recs []store.Record[*device.Device], req api.EvacuateReq, to string) (evacuateParams, error) {
	uses, err := device.Uses(c.Store)
	p := evacuateParams{Mark: markParams{Revisions: map[string]int64{}}, Since: time.Now().UTC()}
	for _, rec := range recs {
		p.Mark.add(rec, device.Evacuation{Since: p.Since, Bricks: uses[rec.ID].Bricks, Gone: req.Gone, Unhealed: req.NoHealCheck, To: to})
	}
	return p, err
}

// add adds a device that is to be emptied. It gets no bricks from then on.
func (p *markParams) add(rec store.Record[*device.Device], e device.Evacuation) {
	d := *rec.Value
	if d.State == api.DeviceEnabled {
		d.State = api.DeviceDisabled
	}
	d.Evacuation = &e
	p.Devices, p.Revisions[rec.ID] = append(p.Devices, d), rec.Revision
}

// planMoves plans all moves. If one cannot be made that is refused; with force it is a warning.
func (c *Commands) planMoves(ctx context.Context, leave volumes.Leave, req api.EvacuateReq) error {
	moves, err := c.Moves.Plan(ctx, leave, volumes.How{Gone: req.Gone, Unhealed: req.NoHealCheck})
	switch {
	case err != nil && !req.Force:
		return err
	case err != nil:
		transaction.Warn(ctx, "%v", err)
	}
	c.movesPlan(ctx, leave, moves)
	return nil
}

// movesPlan tells the plan of an evacuation what is made and given up where.
func (c *Commands) movesPlan(ctx context.Context, leave volumes.Leave, moves []volumes.PlannedMove) {
	if !transaction.Planning(ctx) {
		return
	}
	hosts, effects := peer.Hosts(c.Store), map[string][]api.Effect{}
	for _, m := range moves {
		if m.Refused != nil {
			continue
		}
		old := hosts(m.Old.PeerID) + ":" + m.Old.Path
		how := "filled from the other bricks of its set"
		if m.Alone {
			how = "takes its files"
		}
		effects[m.New.PeerID] = append(effects[m.New.PeerID], api.Effect{Action: api.ActionCreate, Kind: api.OnBrick, Name: c.target(leave, m), Bytes: m.New.Cost,
			Note: fmt.Sprintf("in the place of %s of volume %s: %s", old, m.Volume.Name, how)})
		effects[m.Old.PeerID] = append(effects[m.Old.PeerID], api.Effect{Action: api.ActionDestroy, Kind: api.OnBrick, Name: m.Old.Path, Bytes: m.Old.Cost, Irreversible: true})
	}
	plan, step := api.OperationPlan{Operation: "device.evacuate"}, api.PlanStep{Name: "move-bricks"}
	for _, id := range slices.Sorted(maps.Keys(effects)) {
		step.Peers = append(step.Peers, api.PlanPeer{PeerID: id, Host: hosts(id), Effects: effects[id]})
	}
	if len(step.Peers) > 0 {
		plan.Steps = []api.PlanStep{step}
	}
	transaction.Also(ctx, plan)
}

// target is the path of the device that a brick goes to; it need not be on record yet.
func (c *Commands) target(leave volumes.Leave, m volumes.PlannedMove) string {
	if rec, ok, err := device.Records.Get(c.Store, m.New.Device); ok && err == nil {
		return rec.Value.Name
	}
	if to := leave[m.Old.Device]; to != nil {
		return to.Name
	}
	return ""
}

// mayLeave demands that the peer is at work, or that somebody says that it is gone and it is indeed away.
func (c *Commands) mayLeave(peerID string, gone bool) error {
	err := c.online(peerID)
	switch {
	case err == nil && gone:
		return api.FieldErrorf("gone", "gone: peer %s is at work: leave that out", peer.Hosts(c.Store)(peerID))
	case err != nil && !gone:
		return api.Errorf(api.Unavailable, "peer %s cannot be reached, and its bricks may serve still: start it, or make sure that its host is off and say that it is gone",
			peer.Hosts(c.Store)(peerID)).With(api.FieldPeer, peerID)
	}
	return nil
}
