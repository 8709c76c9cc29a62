// Package peers is what can be done with the members of the pool: list, probe, join, edit and detach.
package peers

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
)

// Network carries the calls to other peers. The peer RPC client implements it.
type Network interface {
	// Invite proves the pool secret to the peer at the address, has it proved in turn, and has the peer join with the
	// token that makeToken returns. The reply is the peer's record.
	Invite(ctx context.Context, address string, prover *peer.Prover, makeToken func() (string, error)) (peer.Peer, error)
	// Join asks one of the token's addresses to let this peer in, and talks to nobody but the token's pool.
	Join(ctx context.Context, token peer.Token, req peer.JoinRequest) (peer.JoinReply, error)
	// Admit passes a request to join on to a peer that holds the key of the authority.
	Admit(ctx context.Context, peerID string, req peer.AdmitRequest) (peer.JoinReply, error)
	// Renew asks such a peer for a new certificate for this one.
	Renew(ctx context.Context, peerID string, req peer.RenewRequest) (peer.RenewReply, error)
	// Leave tells a peer that it was taken out of the pool. The pool's records do not have it any more.
	Leave(ctx context.Context, p *peer.Peer) error
	// Knock finds out whether the peer answers at the address of the record.
	Knock(ctx context.Context, p *peer.Peer) error
	// Reset drops all connections: the certificates have changed.
	Reset()
}

// Identity is this peer's own data. Its record changes when it joins a pool.
type Identity interface {
	// Peer returns the record of this peer as it would enter a pool.
	Peer() peer.Peer
	// PoolID returns the id of the pool the peer is in.
	PoolID() string
	// SetPool records that this peer is now in the pool, known there by the record.
	SetPool(poolID string, self peer.Peer) error
	// Detached returns the pool that this peer was taken out of and has not been reset since; empty if it was not.
	Detached() string
	// SetDetached records that this peer was taken out of the pool; an empty id says that it starts anew.
	SetDetached(poolID string) error
}

// Config is what Commands need.
type Config struct {
	Store    *store.Store
	Engine   *transaction.Engine
	Ops      Operations
	Identity Identity
	TLS      *pki.Dir
	// Lifetime is how long the certificates are good that this peer signs; 0 means pki.PeerLifetime.
	Lifetime time.Duration
	Network  Network
	// Prover proves the pool secret; it returns nil when none is configured.
	Prover func() (*peer.Prover, error)
	// Open says that peers join each other without proof, and that one that was detached starts anew by itself, as with glusterd.
	Open bool
	// Lost says in words that the store of this peer's pool is gone; empty if it is not.
	Lost func() string
	// Cut ends this peer's part in its pool, for the reason given, without forgetting anything.
	Cut func(reason string)
	// Fresh makes a new pool of this peer alone, when it is reset.
	Fresh func(ctx context.Context) error
	// Quorum refuses changes of the membership while the server quorum is wanted and not met; nil refuses nothing.
	Quorum func(ctx context.Context) error
	Log    *logrus.Entry
}

// refuse refuses a change of the membership without the server quorum.
func (c *Commands) refuse(ctx context.Context) error {
	if c.Quorum == nil {
		return nil
	}
	return c.Quorum(ctx)
}

// Commands are the operations on peers. They are safe for concurrent use.
type Commands struct {
	Config
	// joining is held while this peer goes over to another pool, and shared while it lets a peer into its own: of two
	// peers that bring in each other at once neither must end in the pool that the other has just given up.
	joining sync.RWMutex

	probe  transaction.Handle[probeParams, api.Peer]
	detach transaction.Handle[detachParams, peer.Empty]
}

// New makes the commands, and makes the engine know how peers come and go.
func New(cfg Config) *Commands {
	c := &Commands{Config: cfg}
	c.probe = transaction.Conduct(cfg.Engine, transaction.Course[probeParams, api.Peer]{
		Name: "peer.probe", Version: 1, Run: c.bringIn, Timeout: courseTimeout,
	})
	c.detach = transaction.Conduct(cfg.Engine, transaction.Course[detachParams, peer.Empty]{
		Name: "peer.detach", Version: 1, Run: c.takeOut, Avoid: func(p detachParams) string { return p.Peer }, Timeout: courseTimeout,
	})
	return c
}

// courseTimeout bounds one attempt to bring a peer in or to take one out.
const courseTimeout = 3 * time.Minute

// Operations are the registered transactions on peers.
type Operations struct {
	add    transaction.Handle[addParams, api.Peer]
	edit   transaction.Handle[editParams, api.Peer]
	remove transaction.Handle[removeParams, peer.Empty]
	retire transaction.Handle[removeParams, peer.Empty]
	token  transaction.Handle[tokenParams, peer.Empty]
	renew  transaction.Handle[renewParams, peer.Empty]
	seal   transaction.Handle[sealParams, peer.Empty]
}

// Register adds the operations to a registry.
func Register(r *transaction.Registry) Operations {
	return Operations{
		add: transaction.Register(r, addOperation()), edit: transaction.Register(r, editOperation()),
		remove: transaction.Register(r, removeOperation()), retire: transaction.Register(r, retireOperation()), token: transaction.Register(r, tokenOperation()),
		renew: transaction.Register(r, renewOperation()), seal: transaction.Register(r, sealOperation()),
	}
}

// List returns the peers whose metadata has the key and the value; empty ones match everything.
func (c *Commands) List(ctx context.Context, key, value string) ([]api.Peer, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return nil, err
	}
	return c.known(ctx, key, value)
}

// Known is List from what this peer knows, which may be old: for those who have something to say without a quorum too.
func (c *Commands) Known(ctx context.Context) ([]api.Peer, error) { return c.known(ctx, "", "") }

func (c *Commands) known(ctx context.Context, key, value string) ([]api.Peer, error) {
	recs, err := peer.Records.List(c.Store)
	if err != nil {
		return nil, err
	}
	roles := c.roles(ctx)
	out := []api.Peer{}
	for _, rec := range recs {
		info := c.info(rec.Value)
		info.StoreRole = roles(rec.ID)
		if api.MatchMetadata(info.Metadata, key, value) {
			out = append(out, info)
		}
	}
	return out, nil
}

// find reads the peer that a request is about.
func (c *Commands) find(ctx context.Context, name string) (store.Record[*peer.Peer], error) {
	rec, err := peer.Find(c.Store, name)
	if err == nil {
		err = peer.Records.Subject(ctx, rec.ID, rec.Revision)
	}
	return rec, err
}

// Get returns the peer that is called name: its id, its name or an address.
func (c *Commands) Get(ctx context.Context, name string) (api.Peer, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.Peer{}, err
	}
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.Peer{}, err
	}
	info := c.info(rec.Value)
	info.StoreRole = c.roles(ctx)(rec.ID)
	return info, nil
}

func (c *Commands) info(p *peer.Peer) api.Peer {
	alive, ok := peer.Online(c.Store, p.ID)
	info := p.Info(ok, alive.PID)
	info.Version = alive.Version
	return info
}

// roles returns the part of each peer in the store. The store's own list is worth a short wait, not more.
func (c *Commands) roles(ctx context.Context) func(id string) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	members, err := c.Store.Members(ctx)
	if err != nil {
		return func(string) string { return "" }
	}
	roles := map[string]string{}
	for _, m := range members {
		roles[m.PeerID] = "voter"
		if m.Learner {
			roles[m.PeerID] = "learner"
		}
	}
	return func(id string) string {
		if r := roles[id]; r != "" {
			return r
		}
		return "client"
	}
}

// bricksOf lists the bricks that a peer holds, as "VOLUME: PATH".
func bricksOf(r store.Reader, peerID string) ([]string, error) {
	recs, err := volume.Records.List(r)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rec := range recs {
		for _, b := range rec.Value.BricksOn(peerID) {
			out = append(out, rec.Value.Name+": "+b.Path)
		}
	}
	return out, nil
}

// devicesOf lists the paths of the devices of a peer.
func devicesOf(r store.Reader, peerID string) ([]string, error) {
	recs, err := device.Records.List(r)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, rec := range recs {
		if rec.Value.PeerID == peerID {
			out = append(out, rec.Value.Name)
		}
	}
	return out, nil
}
