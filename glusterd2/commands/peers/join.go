package peers

import (
	"context"
	"errors"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

// Join brings this peer into the pool that issued the token. It is refused while this peer is in a pool with others or
// has volumes. The peer's own pool of one is given up.
func (c *Commands) Join(ctx context.Context, req api.PeerJoinReq) (api.Peer, error) {
	token, err := peer.ParseToken(req.Token)
	if err != nil {
		return api.Peer{}, err
	}
	self, err := c.join(ctx, token, c.Identity.Peer())
	if err != nil {
		return api.Peer{}, err
	}
	// Once this answers, the others are to see the peer at work.
	if err := c.awaitOnline(ctx, self.ID); err != nil {
		return api.Peer{}, err
	}
	return c.Get(ctx, self.ID)
}

// Invited answers an invitation from a pool that proved that it knows the pool secret.
func (c *Commands) Invited(ctx context.Context, inv peer.Invitation) (peer.Peer, error) {
	token, err := peer.ParseToken(inv.Token)
	if err != nil {
		return peer.Peer{}, err
	}
	self := c.Identity.Peer()
	if inv.Address != "" {
		if err := peer.ValidateHost(inv.Address); err != nil {
			return peer.Peer{}, err
		}
		self = self.At(inv.Address)
	}
	// Whoever invites may die meanwhile; half of a join is worth less than a whole one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), joinTimeout)
	defer cancel()
	if c.Open && c.Identity.Detached() != "" {
		if err := c.startAnew(ctx); err != nil {
			return peer.Peer{}, err
		}
	}
	return c.join(ctx, token, self)
}

// joinTimeout bounds a join that nobody waits for.
const joinTimeout = 2 * time.Minute

func (c *Commands) join(ctx context.Context, token peer.Token, self peer.Peer) (peer.Peer, error) {
	if !c.joining.TryLock() {
		return peer.Peer{}, errBusy()
	}
	defer c.joining.Unlock()
	if err := c.free(ctx); err != nil {
		return peer.Peer{}, err
	}
	if authority, err := c.TLS.Authority(); err == nil && pki.Fingerprint(authority) == token.Authority {
		return peer.Peer{}, api.Errorf(api.Exists, "this peer is in the pool that issued the token already")
	}
	if err := transaction.Propose(ctx, c.joinPlan(self)); err != nil {
		return peer.Peer{}, err
	}
	request, err := c.TLS.Request(self.ID)
	if err != nil {
		return peer.Peer{}, err
	}
	reply, err := c.Network.Join(ctx, token, peer.JoinRequest{TokenID: token.ID, Secret: token.Secret, Request: request, Peer: self})
	if err != nil {
		return peer.Peer{}, err
	}
	restore, err := c.TLS.Install(reply.PoolID, reply.Authority, reply.Certificate)
	if err != nil {
		return peer.Peer{}, err
	}
	if err := c.Store.Join(ctx, store.Membership{ClusterID: reply.PoolID, Endpoints: reply.Endpoints}); err != nil {
		return peer.Peer{}, errors.Join(err, restore())
	}
	c.Network.Reset()
	if err := c.Identity.SetPool(reply.PoolID, reply.Peer); err != nil {
		return peer.Peer{}, err
	}
	c.Log.Infof("joined the pool %s", reply.PoolID)
	return reply.Peer, nil
}

func (c *Commands) joinPlan(self peer.Peer) api.OperationPlan {
	return api.OperationPlan{
		Operation: "peer.join", Peers: []string{self.ID},
		Steps: []api.PlanStep{{Name: "join", Peers: []api.PlanPeer{{PeerID: self.ID, Host: self.Host, Effects: []api.Effect{
			{Action: api.ActionChange, Kind: api.OnPeer, Name: self.Name, Note: "joins the pool that issued the token, with a new certificate"},
			{Action: api.ActionDestroy, Kind: api.OnRecord, Name: "pool " + c.Identity.PoolID(), Irreversible: true, Note: "the peer's own pool of one"},
		}}}}},
		Warnings: []string{"whether the token is still good is seen only when it is used"},
	}
}

func errBusy() error {
	return api.Errorf(api.Conflict, "this peer is joining or leaving a pool, or letting another peer in, at this moment: try again")
}

// free checks that this peer can leave its own pool of one.
func (c *Commands) free(ctx context.Context) error {
	if err := c.NotInPool(); err != nil {
		return err
	}
	if err := c.Store.Sync(ctx); err != nil {
		return err
	}
	peers, err := peer.Records.List(c.Store)
	if err != nil {
		return err
	}
	if len(peers) > 1 {
		return api.Errorf(api.Exists, "this peer is in another pool already, %s, with %d peers: detach it there first", c.Identity.PoolID(), len(peers))
	}
	volumes, err := volume.Records.List(c.Store)
	if err != nil {
		return err
	}
	if len(volumes) > 0 {
		return api.Errorf(api.State, "this peer has volumes of its own (%s and %d more): delete them before it joins a pool", volumes[0].ID, len(volumes)-1)
	}
	for _, t := range c.Engine.Pending() {
		return api.Errorf(api.Conflict, "the transaction %s (%s) runs on this peer: wait for its end", t.ID, t.Operation)
	}
	return nil
}
