package peers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

type removeParams struct {
	Peer     peer.Peer `json:"peer"`
	Revision int64     `json:"revision"`
	// Revoke are the serial numbers of the peer's certificates that were not revoked before.
	Revoke []string `json:"revoke"`
}

func removeOperation() transaction.Operation[removeParams, peer.Empty] {
	return transaction.Operation[removeParams, peer.Empty]{
		Name: "peer.remove", Version: 1,
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, peer.Empty, error) {
			writes := []store.Write{peer.Records.Delete(p.Peer.ID, p.Revision)}
			return append(writes, p.revocations()...), nil, peer.Empty{}, nil
		},
	}
}

// revocations are the writes that make the peer's certificates good no longer.
func (p removeParams) revocations() (out []store.Write) {
	for _, serial := range p.Revoke {
		out = append(out, peer.Revoked.Create(serial, p.Peer.ID))
	}
	return out
}

// detachParams name the peer that goes, by its id.
type detachParams struct {
	Peer  string `json:"peer"`
	Force bool   `json:"force,omitempty"`
}

// Delete takes a peer out of the pool. It is refused while the peer holds bricks, and for this peer itself. A peer that
// cannot be reached is taken out only by force.
func (c *Commands) Delete(ctx context.Context, name string, force bool) error {
	if err := c.Store.Sync(ctx); err != nil {
		return err
	}
	rec, err := c.find(ctx, name)
	if err != nil {
		return err
	}
	if !force { // which is for peers that are gone for good, and perhaps the quorum with them
		if err := c.refuse(ctx); err != nil {
			return err
		}
	}
	if err := c.mayGo(ctx, rec, force); err != nil {
		return err
	}
	_, err = c.detach.Run(ctx, c.Engine, transaction.Plan[detachParams]{
		Params: detachParams{Peer: rec.ID, Force: force}, Peers: []string{c.Identity.Peer().ID}, Locks: []string{detachLock(rec.ID)},
	})
	return err
}

// detachLock is held while a peer is being detached.
func detachLock(peerID string) string { return "detach/" + peerID }

// mayGo refuses the detach of a peer that is needed.
func (c *Commands) mayGo(ctx context.Context, rec store.Record[*peer.Peer], force bool) error {
	_, online := peer.Online(c.Store, rec.ID)
	if err := c.removable(rec, online, force); err != nil {
		return err
	}
	return c.keepsQuorum(ctx, rec)
}

// takeOut is the course of a detach.
//
// The peer is marked as leaving first. The mark changes its record, on which every transaction that would give it a
// brick depends when it begins; so once the mark is there, none runs, and the peer holds no brick, it never will.
func (c *Commands) takeOut(ctx context.Context, p detachParams) (peer.Empty, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return peer.Empty{}, err
	}
	rec, ok, err := peer.Records.Get(c.Store, p.Peer)
	if err != nil {
		return peer.Empty{}, err
	}
	if !ok {
		return peer.Empty{}, nil // it was taken out before the last daemon stopped
	}
	if err := c.mayGo(ctx, rec, p.Force); err != nil {
		return peer.Empty{}, errors.Join(err, c.stays(ctx, rec))
	}
	_, online := peer.Online(c.Store, rec.ID)
	more, err := c.removalPlan(ctx, rec, online)
	if err != nil {
		return peer.Empty{}, err
	}
	transaction.Also(ctx, more)
	if rec, err = c.markLeaving(ctx, rec, true); err != nil {
		return peer.Empty{}, err
	}
	if err := c.remove(ctx, rec, online, p.Force); err != nil {
		return peer.Empty{}, errors.Join(err, c.stays(ctx, rec))
	}
	c.Log.Infof("peer %s (%s) was detached", rec.Value.Name, rec.ID)
	if online {
		c.tellLeft(ctx, rec.Value)
	}
	return peer.Empty{}, nil
}

// stays takes the mark of a peer back, if it has one. The course may have been cancelled, which is no reason not to.
func (c *Commands) stays(ctx context.Context, rec store.Record[*peer.Peer]) error {
	if !rec.Value.Leaving {
		return nil
	}
	_, err := c.markLeaving(context.WithoutCancel(ctx), rec, false)
	return err
}

// markLeaving sets or takes back the mark, and returns the record as it is then.
func (c *Commands) markLeaving(ctx context.Context, rec store.Record[*peer.Peer], leaving bool) (store.Record[*peer.Peer], error) {
	marked := *rec.Value
	marked.Leaving = leaving
	_, err := c.Ops.edit.Run(ctx, c.Engine, transaction.Plan[editParams]{
		Params: editParams{Peer: marked, Revision: rec.Revision}, Locks: []string{"peer/" + rec.ID},
	})
	if err != nil {
		return rec, err
	}
	if err := c.Store.Sync(ctx); err != nil {
		return rec, err
	}
	return peer.Find(c.Store, rec.ID)
}

func (c *Commands) remove(ctx context.Context, rec store.Record[*peer.Peer], online, force bool) error {
	if err := c.idle(rec); err != nil {
		return err
	}
	if err := c.removable(rec, online, force); err != nil {
		return err
	}
	if err := c.dropMember(ctx, rec.ID); err != nil {
		return err
	}
	revoke, err := c.toRevoke(rec.Value)
	if err != nil {
		return err
	}
	_, err = c.Ops.remove.Run(ctx, c.Engine, transaction.Plan[removeParams]{
		Params: removeParams{Peer: *rec.Value, Revision: rec.Revision, Revoke: revoke}, Locks: []string{"peer/" + rec.ID},
	})
	return err
}

// idle refuses while a brick is replaced on a peer that is marked as leaving: the peer may be given the new one still, as nothing
// keeps a replacement from its end. None that begins later does, and other changes look at the peer again when they end.
func (c *Commands) idle(rec store.Record[*peer.Peer]) error {
	all, err := transaction.List(c.Store)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Operation == volume.OpReplaceBrick && !transaction.State(o.State).Finished() && slices.Contains(o.Peers, rec.ID) {
			return api.Errorf(api.Conflict, "peer %s takes part in %s (operation %s): wait for its end, or give it up with 'glustercli operation abandon'", rec.Value.Name, o.Operation, o.ID)
		}
	}
	return nil
}

// toRevoke lists the certificates of a peer that are still good.
func (c *Commands) toRevoke(p *peer.Peer) (serials []string, err error) {
	for _, serial := range p.Certificates() {
		if _, revoked, err := peer.Revoked.Get(c.Store, serial); err != nil {
			return nil, err
		} else if !revoked {
			serials = append(serials, serial)
		}
	}
	return serials, nil
}

// removalPlan tells what follows the mark.
func (c *Commands) removalPlan(ctx context.Context, rec store.Record[*peer.Peer], online bool) (api.OperationPlan, error) {
	plan := api.OperationPlan{Operation: "peer.detach"}
	revoke, err := c.toRevoke(rec.Value)
	if err != nil {
		return plan, err
	}
	members, err := c.Store.Members(ctx)
	if err != nil {
		return plan, err
	}
	on := func(step string, e api.Effect) {
		plan.Steps = append(plan.Steps, api.PlanStep{Name: step, Peers: []api.PlanPeer{{PeerID: rec.ID, Host: rec.Value.Host, Effects: []api.Effect{e}}}})
	}
	if slices.ContainsFunc(members, func(m store.Member) bool { return m.PeerID == rec.ID }) {
		on("drop-member", api.Effect{Action: api.ActionDestroy, Kind: api.OnMember, Name: rec.Value.Name, Note: "its copy of the pool's records is no longer kept up"})
	}
	plan.Records = []api.Effect{{Action: api.ActionDestroy, Kind: api.OnRecord, Name: recordName(store.PrefixPeers, rec.ID), Irreversible: true}}
	for _, serial := range revoke {
		plan.Records = append(plan.Records, api.Effect{Action: api.ActionCreate, Kind: api.OnRecord, Name: recordName(store.PrefixRevoked, serial),
			Irreversible: true, Note: "the peer's certificate is never accepted again"})
	}
	if online {
		on("leave", api.Effect{Action: api.ActionChange, Kind: api.OnPeer, Name: rec.Value.Name, Note: "answers for no pool until it is reset"})
	}
	return plan, nil
}

// recordName is what a plan calls a record.
func recordName(prefix, id string) string { return strings.TrimPrefix(prefix, store.Root) + id }

func (c *Commands) removable(rec store.Record[*peer.Peer], online, force bool) error {
	if rec.ID == c.Identity.Peer().ID {
		return api.Errorf(api.Invalid, "peer %s is this peer itself: detach it from another peer of the pool", rec.Value.Name)
	}
	bricks, err := bricksOf(c.Store, rec.ID)
	if err != nil {
		return err
	}
	if len(bricks) > 0 {
		const show = 10
		list := strings.Join(bricks[:min(show, len(bricks))], ", ")
		return api.Errorf(api.Forbidden, "peer %s holds %d bricks (%s): remove or replace them first", rec.Value.Name, len(bricks), list)
	}
	devices, err := devicesOf(c.Store, rec.ID)
	if err != nil {
		return err
	}
	if len(devices) > 0 {
		return api.Errorf(api.Forbidden, "peer %s has the devices %s: remove them first", rec.Value.Name, strings.Join(devices, ", "))
	}
	if !online && !force {
		return api.Errorf(api.Unavailable, "peer %s cannot be reached: start it, or detach it with --force if it is gone for good", rec.Value.Name)
	}
	return nil
}

// keepsQuorum refuses a detach after which the peers that vote in the store could not decide anything any more.
func (c *Commands) keepsQuorum(ctx context.Context, rec store.Record[*peer.Peer]) error {
	members, err := c.Store.Members(ctx)
	if err != nil {
		return err
	}
	remaining, away := votersWithout(members, rec.ID, func(id string) bool {
		_, online := peer.Online(c.Store, id)
		return online || id == c.Identity.Peer().ID
	})
	if atWork := remaining - len(away); remaining == 0 || atWork > remaining/2 {
		return nil
	}
	for i, id := range away {
		away[i] = peer.Hosts(c.Store)(id)
	}
	return api.Errorf(api.State, "without peer %s the store would have no quorum: of the %d voters that remain %s cannot be reached; start them first, or detach those first that are gone for good",
		rec.Value.Name, remaining, strings.Join(away, ", "))
}

// votersWithout counts the voters that remain when a peer goes, and names those of them that are away. If the peer has no
// vote nothing changes for the others: there are none to count.
func votersWithout(members []store.Member, id string, atWork func(id string) bool) (remaining int, away []string) {
	votes := false
	for _, m := range members {
		switch {
		case m.Learner:
		case m.PeerID == id:
			votes = true
		default:
			remaining++
			if !atWork(m.PeerID) {
				away = append(away, m.PeerID)
			}
		}
	}
	if !votes {
		return 0, nil
	}
	return remaining, away
}

// Patience with the store while a member is taken out: etcd wants every voter to have been connected for five seconds,
// and a learner to be in sync before it votes.
const (
	dropTimeout = 20 * time.Second
	dropPause   = 100 * time.Millisecond
)

// dropMember takes the peer's member out of the store first, so that the pool never counts on the vote of a stranger.
func (c *Commands) dropMember(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	for {
		done, err := c.dropOnce(ctx, id)
		if done || err != nil && !api.IsKind(err, api.Unavailable, api.Conflict) {
			return err
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = api.Errorf(api.Timeout, "the store's member of peer %s was not taken out in time", id)
			}
			return err
		case <-time.After(dropPause):
		}
	}
}

// dropOnce does one step of taking a peer's member out: if it has the only vote another member gets one first.
func (c *Commands) dropOnce(ctx context.Context, id string) (done bool, err error) {
	members, err := c.Store.Members(ctx)
	if err != nil {
		return false, err
	}
	own := slices.IndexFunc(members, func(m store.Member) bool { return m.PeerID == id })
	if own < 0 {
		return true, nil
	}
	if err := c.keepsKey(id); err != nil {
		return false, err
	}
	others := slices.Delete(slices.Clone(members), own, own+1)
	voter := slices.IndexFunc(others, func(m store.Member) bool { return !m.Learner })
	learner := slices.IndexFunc(others, func(m store.Member) bool { return m.Learner && m.PeerID != "" })
	switch {
	case members[own].Learner || voter >= 0:
		// From now on this peer asks those that stay.
		if err := c.Store.SetEndpoints(store.VoterURLs(others)); err != nil {
			return false, err
		}
		err := c.Store.RemoveMember(ctx, members[own].ID)
		return err == nil, err
	case learner >= 0:
		return false, c.Store.Promote(ctx, others[learner].ID)
	}
	return false, api.Errorf(api.Unavailable, "peer %s holds the only copy of the pool's records: wait until another peer has one", id)
}

// keepsKey refuses, for the moment, to take the only peer out that has the key of the pool's authority. It hands it over by
// itself as long as it is at work; one that is dead cannot be waited for.
func (c *Commands) keepsKey(id string) error {
	holders, err := peer.AuthorityKeys.List(c.Store)
	if err != nil || len(holders) != 1 || holders[0].ID != id {
		return err
	}
	if _, online := peer.Online(c.Store, id); !online {
		c.Log.Warnf("peer %s is taken out, which alone had the key of the pool's authority: no peer can be let in any more", id)
		return nil
	}
	return api.Errorf(api.Unavailable, "peer %s alone has the key of the pool's authority: wait until another peer with a copy of the store has it", id)
}

// tellLeft is a courtesy: a peer that misses it is locked out all the same.
func (c *Commands) tellLeft(ctx context.Context, p *peer.Peer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := c.Network.Leave(ctx, p); err != nil {
		c.Log.Warnf("peer %s was detached, but could not be told: %v", p.Name, err)
	}
}
