package peers

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// inviteTTL is how long the token of an invitation is good for: it is used at once or not at all.
const inviteTTL = 2 * time.Minute

// probeParams are what was asked for.
type probeParams struct {
	Request api.PeerAddReq `json:"request"`
}

// Add probes the peer at one of the addresses and brings it into the pool. Both must have the same pool-secret,
// or be configured to ask for no proof.
func (c *Commands) Add(ctx context.Context, req api.PeerAddReq) (api.Peer, error) {
	if len(req.Addresses) == 0 {
		return api.Peer{}, api.FieldErrorf("addresses", "name the host of the peer to add")
	}
	if err := validateEdit(api.PeerEditReq{Zone: req.Zone, Metadata: req.Metadata}); err != nil {
		return api.Peer{}, err
	}
	for _, a := range req.Addresses {
		if err := peer.ValidateHost(hostPart(a)); err != nil {
			return api.Peer{}, err
		}
	}
	if err := c.refuse(ctx); err != nil {
		return api.Peer{}, err
	}
	prover, err := c.Prover()
	if err != nil {
		return api.Peer{}, err
	}
	if prover == nil {
		return api.Peer{}, api.Errorf(api.Forbidden, "this peer has no pool-secret in its configuration: set the same on both peers, or use 'glustercli peer token' here and 'glustercli peer join' there; without any proof, as with glusterd, they join with join = open on both")
	}
	if req.Replaces != "" {
		old, err := c.replaceable(ctx, req.Replaces)
		if err != nil {
			return api.Peer{}, err
		}
		req.Replaces = old.ID // the one that comes may have its name
	}
	for _, a := range req.Addresses {
		if err := c.notMember(a, req.Replaces); err != nil {
			return api.Peer{}, err
		}
	}
	return c.probe.Run(ctx, c.Engine, transaction.Plan[probeParams]{
		Params: probeParams{req}, Peers: []string{c.Identity.Peer().ID}, Locks: []string{"probe/" + hostPart(req.Addresses[0])},
	})
}

// bringIn is the course of a probe.
func (c *Commands) bringIn(ctx context.Context, p probeParams) (api.Peer, error) {
	req := p.Request
	prover, err := c.Prover()
	if err == nil && prover == nil {
		err = api.Errorf(api.Forbidden, "this peer, which has taken the probe over, has no pool-secret in its configuration")
	}
	if err != nil {
		return api.Peer{}, err
	}
	transaction.Also(ctx, addPlan(req))
	var replaces []string
	if req.Replaces != "" {
		old, err := c.retire(ctx, req.Replaces)
		if err != nil {
			return api.Peer{}, err
		}
		req, replaces = inherit(req, old.Value), append(slices.Clone(old.Value.Replaces), old.ID)
	}
	var failed *api.Error
	for _, a := range req.Addresses {
		if joined := c.joined(ctx, a); joined != nil {
			return c.introduce(ctx, *joined, req, replaces)
		}
		if err := c.notMember(a, req.Replaces); err != nil {
			return api.Peer{}, err
		}
		joined, err := c.invite(ctx, a, prover)
		if err == nil {
			return c.introduce(ctx, joined, req, replaces)
		}
		failed = api.AsError(err)
	}
	return api.Peer{}, failed
}

// joined returns the peer at an address if an earlier attempt of the same course has brought it in: it may be this one.
func (c *Commands) joined(ctx context.Context, address string) *peer.Peer {
	rec, err := peer.Find(c.Store, hostPart(address))
	if err != nil || !transaction.Resumed(ctx) {
		return nil
	}
	if _, online := peer.Online(c.Store, rec.ID); !online {
		return nil
	}
	return rec.Value
}

// addPlan tells what the new peer does with the token that is made for it. Its id is not known before.
func addPlan(req api.PeerAddReq) api.OperationPlan {
	const id = "ID-OF-THE-NEW-PEER"
	plan := api.OperationPlan{Operation: "peer.probe"}
	plan.Steps = []api.PlanStep{{Name: "join", Peers: []api.PlanPeer{{PeerID: id, Host: req.Addresses[0], Effects: []api.Effect{
		{Action: api.ActionChange, Kind: api.OnPeer, Name: req.Addresses[0], Irreversible: true, Note: "joins this pool and gives up its own pool of one"},
	}}}}}
	if req.Replaces != "" {
		on := api.PlanPeer{PeerID: req.Replaces, Effects: []api.Effect{{Action: api.ActionDestroy, Kind: api.OnMember, Name: req.Replaces, Note: "if it has one: its copy of the pool's records is no longer kept up"}}}
		plan.Steps = append([]api.PlanStep{{Name: "drop-member", Peers: []api.PlanPeer{on}}}, plan.Steps...)
	}
	plan.Records = []api.Effect{
		{Action: api.ActionCreate, Kind: api.OnRecord, Name: recordName(store.PrefixPeers, id)},
		{Action: api.ActionDestroy, Kind: api.OnRecord, Name: recordName(store.PrefixTokens, ""), Note: "the token is used"},
	}
	return plan
}

func hostPart(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// notMember refuses the address of a peer that is in the pool already, unless it is the one that is to be replaced.
func (c *Commands) notMember(address, replaced string) error {
	rec, err := peer.Find(c.Store, hostPart(address))
	if err != nil || rec.ID == replaced {
		return nil //nolint:nilerr // not found is what is wanted
	}
	if rec.ID == c.Identity.Peer().ID {
		return api.Errorf(api.Exists, "%s is this peer itself", address)
	}
	bricks, err := bricksOf(c.Store, rec.ID)
	_, online := peer.Online(c.Store, rec.ID)
	switch {
	case err != nil:
		return err
	case !online && len(bricks) == 0:
		return nil // a join that did not end has perhaps left the record: the peer itself knows whether it is in the pool
	case !online:
		return api.Errorf(api.Exists, "%s is already in the pool as peer %s, which is away and holds %d bricks: if its host is gone for good, and this is another, "+
			"use 'glustercli peer probe %s --replaces %s'", address, rec.ID, len(bricks), hostPart(address), rec.Value.Name)
	}
	return api.Errorf(api.Exists, "%s is already in the pool as peer %s", address, rec.ID)
}

// DefaultPeerPort is the port of the peer RPC where an address names none.
const DefaultPeerPort = "24008"

func (c *Commands) invite(ctx context.Context, address string, prover *peer.Prover) (peer.Peer, error) {
	target := address
	if _, _, err := net.SplitHostPort(address); err != nil {
		target = net.JoinHostPort(address, DefaultPeerPort)
	}
	return c.Network.Invite(ctx, target, prover, func() (string, error) {
		token, _, err := c.newToken(ctx, inviteTTL)
		return token.String(), err
	})
}

// introduce waits until the new peer is seen at work, and gives it its zone, its metadata, and the places of those that it replaces.
func (c *Commands) introduce(ctx context.Context, joined peer.Peer, req api.PeerAddReq, replaces []string) (api.Peer, error) {
	if err := c.awaitOnline(ctx, joined.ID); err != nil {
		return api.Peer{}, err
	}
	if req.Zone == "" && len(req.Metadata) == 0 && len(replaces) == 0 {
		return c.Get(ctx, joined.ID)
	}
	return c.edit(ctx, joined.ID, api.PeerEditReq{Zone: req.Zone, Metadata: req.Metadata}, replaces)
}

func (c *Commands) awaitOnline(ctx context.Context, id string) error {
	changed, stop := c.Store.Subscribe(store.PrefixAlive, store.PrefixPeers)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, known, err := peer.Records.Get(c.Store, id)
		if err != nil {
			return err
		}
		if _, online := peer.Online(c.Store, id); known && online {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.Errorf(api.Timeout, "peer %s has joined, but is not seen at work: look at its log", id)
		}
	}
}

type editParams struct {
	Peer     peer.Peer `json:"peer"`
	Revision int64     `json:"revision"`
}

func editOperation() transaction.Operation[editParams, api.Peer] {
	return transaction.Operation[editParams, api.Peer]{
		Name: "peer.edit", Version: 1,
		Commit: func(p editParams, _ transaction.Outputs) ([]store.Write, []store.Guard, api.Peer, error) {
			return []store.Write{peer.Records.Update(p.Peer.ID, &p.Peer, p.Revision)}, nil, p.Peer.Info(true, 0), nil
		},
	}
}

// Edit changes the zone, the metadata and the address of a peer. A key with an empty value is removed. The peer itself,
// the store and the volfiles follow its record.
func (c *Commands) Edit(ctx context.Context, name string, req api.PeerEditReq) (api.Peer, error) {
	if err := validateEdit(req); err != nil {
		return api.Peer{}, err
	}
	return c.edit(ctx, name, req, nil)
}

// edit makes the change, and puts on record whose places the peer has taken, if it has taken any.
func (c *Commands) edit(ctx context.Context, name string, req api.PeerEditReq, replaces []string) (api.Peer, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.Peer{}, err
	}
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.Peer{}, err
	}
	edited := *rec.Value
	if edited.Metadata, err = merged(rec.Value.Metadata, req); err != nil {
		return api.Peer{}, err
	}
	if len(replaces) > 0 {
		edited.Replaces = replaces
	}
	if req.Address != "" && req.Address != edited.Host {
		if edited, err = c.moved(ctx, edited, req.Address); err != nil {
			return api.Peer{}, err
		}
	}
	_, err = c.Ops.edit.Run(ctx, c.Engine, transaction.Plan[editParams]{
		Params: editParams{Peer: edited, Revision: rec.Revision}, Locks: []string{"peer/" + rec.ID},
	})
	if err != nil {
		return api.Peer{}, err
	}
	return c.Get(ctx, rec.ID)
}

// merged is the metadata of a peer after an edit.
func merged(old map[string]string, req api.PeerEditReq) (map[string]string, error) {
	out := map[string]string{}
	maps.Copy(out, old)
	maps.Copy(out, req.Metadata)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	zone, zoned := out[api.ZoneKey]
	delete(out, api.ZoneKey) // it has a limit of its own
	if err := api.ValidateMetadata(out); err != nil {
		return nil, err
	}
	if req.Zone != "" {
		zone, zoned = req.Zone, true
	}
	if zoned {
		out[api.ZoneKey] = zone
	}
	return out, nil
}

func validateEdit(req api.PeerEditReq) error {
	if req.Address != "" {
		if err := peer.ValidateHost(req.Address); err != nil {
			return err
		}
	}
	if len(req.Zone) > 256 || strings.ContainsFunc(req.Zone, isControl) {
		return api.FieldErrorf("zone", "zone %.40q: use at most 256 printable characters", req.Zone)
	}
	return api.ValidateMetadata(req.Metadata)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
