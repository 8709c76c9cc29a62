package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/pkg/api"
	"gd2/store"
)

// rejoin brings this peer back into the store of its pool, which another peer has.
func (c *recoverer) rejoin(ctx context.Context) error {
	if !c.dir.Installed() {
		return api.Errorf(api.State, "this peer has no certificate of a pool: start glusterd2 and let it join with a token")
	}
	st, err := c.ask(ctx)
	if err != nil {
		return err
	}
	if !st.Member {
		return api.Errorf(api.State, "pool %s has no peer %s, or has detached it: start glusterd2 and run 'glustercli peer reset', then it can join", st.PoolID, c.id.Peer().ID)
	}
	plan := fmt.Sprintf("This peer, %s (%s), will enter the store of pool %s at %v as a client.\nIts own data of the store is put aside.\n",
		c.id.Peer().Name, c.id.Peer().ID, st.PoolID, st.Endpoints)
	if err := c.Confirm(plan); err != nil || c.DryRun {
		return err
	}
	s, err := store.Open(ctx, c.storeConfig())
	if err != nil {
		return err
	}
	if err := s.Reenter(ctx, st.Endpoints); err != nil {
		return errors.Join(err, s.Close())
	}
	rec, ok, err := peer.Records.Get(s, c.id.Peer().ID)
	if err != nil || !ok {
		return errors.Join(api.Errorf(api.State, "the store of pool %s does not know this peer", st.PoolID), s.Close())
	}
	if err := c.id.SetPool(st.PoolID, *rec.Value); err != nil {
		return errors.Join(err, s.Close())
	}
	return errors.Join(c.id.SetDetached(""), s.Close())
}

// ask asks the peer at the address what this one is in the pool.
func (c *recoverer) ask(ctx context.Context) (peer.Standing, error) {
	address := c.Rejoin
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(address, peers.DefaultPeerPort)
	}
	n := &network{dir: c.dir}
	cfg, err := n.clientTLS()
	if err != nil {
		return peer.Standing{}, err
	}
	s, err := peerrpc.DialStranger(address, cfg)
	if err != nil {
		return peer.Standing{}, err
	}
	defer closeQuietly(s)
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	st, _, err := peerrpc.CallStranger[peer.Standing](ctx, s, peer.MethodStanding, peer.Empty{})
	return st, err
}
