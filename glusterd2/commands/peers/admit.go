package peers

import (
	"context"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

type addParams struct {
	Peer peer.Peer `json:"peer"`
	// Revision is that of the record of the same peer, left by a join that did not end; 0 if there is none.
	Revision int64  `json:"revision"`
	Token    string `json:"token"`
	TokenRev int64  `json:"token-revision"`
}

func addOperation() transaction.Operation[addParams, api.Peer] {
	return transaction.Operation[addParams, api.Peer]{
		Name: "peer.add", Version: 1,
		Commit: func(p addParams, _ transaction.Outputs) ([]store.Write, []store.Guard, api.Peer, error) {
			record := peer.Records.Create(p.Peer.ID, &p.Peer)
			if p.Revision > 0 {
				record = peer.Records.Update(p.Peer.ID, &p.Peer, p.Revision)
			}
			// The token goes in the same write that lets the peer in: it is good for one peer, once.
			writes := []store.Write{record}
			if p.TokenRev > 0 {
				writes = append(writes, peer.Tokens.Delete(p.Token, p.TokenRev))
			}
			return writes, nil, p.Peer.Info(false, 0), nil
		},
	}
}

// Admit lets a peer into the pool that presents a join token: the call that a joining peer makes. from is its address.
func (c *Commands) Admit(ctx context.Context, from string, req peer.JoinRequest) (peer.JoinReply, error) {
	if !c.joining.TryRLock() {
		return peer.JoinReply{}, errBusy()
	}
	defer c.joining.RUnlock()
	if err := c.Store.Sync(ctx); err != nil {
		return peer.JoinReply{}, err
	}
	return signing(c,
		func() (peer.JoinReply, error) { return c.admit(ctx, from, req) },
		func(holder string) (peer.JoinReply, error) {
			return c.Network.Admit(ctx, holder, peer.AdmitRequest{From: from, Join: req})
		})
}

// AdmitFor is Admit on behalf of another peer of the pool, which does not hold the key.
func (c *Commands) AdmitFor(ctx context.Context, req peer.AdmitRequest) (peer.JoinReply, error) {
	if !c.joining.TryRLock() {
		return peer.JoinReply{}, errBusy()
	}
	defer c.joining.RUnlock()
	if err := c.Store.Sync(ctx); err != nil {
		return peer.JoinReply{}, err
	}
	return c.admit(ctx, req.From, req.Join)
}

// admit is Admit on a peer that holds the key.
func (c *Commands) admit(ctx context.Context, from string, req peer.JoinRequest) (peer.JoinReply, error) {
	token, ok, err := c.tokenOf(req)
	if err != nil || !ok {
		c.Log.WithField("from", from).Warn("a peer asked to join with a token that is unknown or used")
		return peer.JoinReply{}, peer.ErrNoToken()
	}
	if err := token.Value.Check(req.Secret, time.Now()); err != nil {
		c.Log.WithField("from", from).Warn("a peer asked to join with a token that is wrong or expired")
		return peer.JoinReply{}, peer.ErrNoToken()
	}
	joiner := req.Peer
	joiner.Leaving, joiner.Certificate, joiner.PublicKey, joiner.Former = false, "", nil, nil
	joiner.NoBricks, joiner.Replaced, joiner.Replaces = false, false, nil
	joiner.TokenID, joiner.Token = req.TokenID, token.Value
	if err := joiner.Validate(); err != nil {
		return peer.JoinReply{}, err
	}
	if err := c.refuse(ctx); err != nil {
		return peer.JoinReply{}, err
	}
	old, err := c.clashes(joiner)
	if err != nil {
		return peer.JoinReply{}, err
	}
	if old.Value != nil {
		joiner.Former, joiner.Replaces = old.Value.Certificates(), old.Value.Replaces
	}
	reply, err := c.welcome(joiner, req.Request)
	if err != nil {
		return peer.JoinReply{}, err
	}
	_, err = c.Ops.add.Run(ctx, c.Engine, transaction.Plan[addParams]{
		Params: addParams{Peer: reply.Peer, Revision: old.Revision, Token: req.TokenID, TokenRev: token.Revision},
		Locks:  []string{"peer/" + joiner.ID},
	})
	if err != nil {
		return peer.JoinReply{}, err
	}
	c.Log.WithField("from", from).Infof("peer %s (%s) joined the pool", joiner.Name, joiner.ID)
	return reply, nil
}

// tokenOf returns the token of a request to join: one that was not used, or that by which the same peer has joined already, if the
// answer to that was lost. The revision of the latter is 0.
func (c *Commands) tokenOf(req peer.JoinRequest) (store.Record[peer.StoredToken], bool, error) {
	token, ok, err := peer.Tokens.Get(c.Store, req.TokenID)
	if err != nil || ok {
		return token, ok, err
	}
	rec, ok, err := peer.Records.Get(c.Store, req.Peer.ID)
	if err != nil || !ok || rec.Value.TokenID == "" || rec.Value.TokenID != req.TokenID {
		return token, false, err
	}
	return store.Record[peer.StoredToken]{ID: req.TokenID, Value: rec.Value.Token}, true, nil
}

// clashes looks for peers that the joiner would clash with, and returns its own left-over record, if there is one.
func (c *Commands) clashes(joiner peer.Peer) (own store.Record[*peer.Peer], err error) {
	recs, err := peer.Records.List(c.Store)
	if err != nil {
		return own, err
	}
	for _, rec := range recs {
		_, online := peer.Online(c.Store, rec.ID)
		switch {
		case rec.ID == joiner.ID && online:
			return own, api.Errorf(api.Exists, "peer %s (%s) is already in the pool", joiner.Name, joiner.ID)
		case rec.ID == joiner.ID:
			bricks, err := bricksOf(c.Store, joiner.ID)
			if err != nil || len(bricks) > 0 {
				return own, api.Errorf(api.Exists, "peer %s (%s) is in the pool and holds bricks: it cannot join anew", joiner.Name, joiner.ID)
			}
			own = rec
		case rec.Value.PeerAddress == joiner.PeerAddress:
			return own, api.Errorf(api.Exists, "peer %s already has the address %s; detach it first if its host was replaced", rec.ID, joiner.PeerAddress)
		}
	}
	return own, nil
}

// welcome signs the joiner's certificate.
func (c *Commands) welcome(joiner peer.Peer, request []byte) (peer.JoinReply, error) {
	pool, authority, err := c.authority()
	if err != nil {
		return peer.JoinReply{}, err
	}
	cert, serial, err := authority.Sign(request, joiner.ID, []string{joiner.Host, joiner.Name})
	if err != nil {
		return peer.JoinReply{}, api.FieldErrorf("request", "%v", err)
	}
	joiner = joiner.Certified(serial)
	if joiner.PublicKey, err = pki.PublicKeyOf(cert); err != nil {
		return peer.JoinReply{}, err
	}
	endpoints, err := c.endpoints()
	if err != nil {
		return peer.JoinReply{}, err
	}
	return peer.JoinReply{PoolID: pool.ID, Authority: pool.Authority, Certificate: cert, Endpoints: endpoints, Peer: joiner}, nil
}

// endpoints lists the client URLs of the peers that hold the store.
func (c *Commands) endpoints() ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	members, err := c.Store.Members(ctx)
	if err != nil {
		return nil, err
	}
	return store.VoterURLs(members), nil
}

type renewParams struct {
	Peer     peer.Peer `json:"peer"`
	Revision int64     `json:"revision"`
}

func renewOperation() transaction.Operation[renewParams, peer.Empty] {
	return transaction.Operation[renewParams, peer.Empty]{
		Name: "peer.renew", Version: 1,
		Commit: func(p renewParams, _ transaction.Outputs) ([]store.Write, []store.Guard, peer.Empty, error) {
			return []store.Write{peer.Records.Update(p.Peer.ID, &p.Peer, p.Revision)}, nil, peer.Empty{}, nil
		},
	}
}

// RenewOwn gets this peer a new certificate, from a peer that holds the key of the authority.
func (c *Commands) RenewOwn(ctx context.Context, req peer.RenewRequest) (peer.RenewReply, error) {
	return signing(c,
		func() (peer.RenewReply, error) { return c.Renew(ctx, c.Identity.Peer().ID, req) },
		func(holder string) (peer.RenewReply, error) { return c.Network.Renew(ctx, holder, req) })
}

// Renew signs a new certificate for a member, on a peer that holds the key, and records its serial number.
func (c *Commands) Renew(ctx context.Context, peerID string, req peer.RenewRequest) (peer.RenewReply, error) {
	rec, ok, err := peer.Records.Get(c.Store, peerID)
	if err != nil || !ok {
		return peer.RenewReply{}, api.Errorf(api.NotFound, "peer %s is not in the pool", peerID)
	}
	reply, err := c.welcome(*rec.Value, req.Request)
	if err != nil {
		return peer.RenewReply{}, err
	}
	_, err = c.Ops.renew.Run(ctx, c.Engine, transaction.Plan[renewParams]{
		Params: renewParams{Peer: reply.Peer, Revision: rec.Revision}, Locks: []string{"peer/" + peerID},
	})
	return peer.RenewReply{PoolID: reply.PoolID, Authority: reply.Authority, Certificate: reply.Certificate}, err
}
