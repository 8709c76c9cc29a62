package server

import (
	"context"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/pki"
	"gd2/store"
)

// followAddress takes over the address that the pool's records give this peer: its operator has moved it. Bricks and
// volfiles follow the records by themselves.
func (s *Server) followAddress(ctx context.Context) error {
	// Records that may be old are no reason to move: it waits until they are known.
	s.store.Keep(ctx, nil, func(ctx context.Context) time.Duration {
		err := s.moveTo(ctx)
		if err == nil || ctx.Err() != nil {
			return 0
		}
		s.log.Entry("server").Warnf("this peer has a new address, but cannot use it yet: %v", err)
		return 5 * time.Second
	}, store.PrefixPeers)
	return nil
}

// moveTo brings the identity, the store's member and the certificate to the address in the records.
func (s *Server) moveTo(ctx context.Context) error {
	self := s.id.Peer()
	rec, ok, err := peer.Records.Get(s.store, self.ID)
	if err != nil || !ok || s.id.Detached() != "" {
		return err
	}
	if rec.Value.Host != self.Host {
		s.log.Entry("server").Warnf("this peer was moved from %s to %s", self.Host, rec.Value.Host)
		if err := s.id.SetPool(s.id.PoolID(), *rec.Value); err != nil {
			return err
		}
		self = s.id.Peer()
	}
	if !s.cfg.NoEmbed {
		if err := s.store.Readvertise(self.StorePeerURLs, self.StoreClientURLs); err != nil {
			return err
		}
	}
	return s.renewOnce(ctx)
}

// startMember starts this peer's member of the store, where the records say that the peer is: it may have joined under
// another address than that of its configuration.
func (s *Server) startMember(ctx context.Context, req peer.StartMemberRequest) error {
	rec, ok, err := peer.Records.Get(s.store, s.id.Peer().ID)
	if err != nil {
		return err
	}
	if ok {
		if err := s.store.Readvertise(rec.Value.StorePeerURLs, rec.Value.StoreClientURLs); err != nil {
			return err
		}
	}
	return s.store.StartMember(ctx, store.StartMember{InitialCluster: req.InitialCluster})
}

// renewCertificate replaces this peer's certificate when two thirds of its life are over, or the peer has moved.
func (s *Server) renewCertificate(ctx context.Context) error {
	look := time.Hour
	if life := s.cfg.CertificateLifetime; life > 0 {
		look = min(look, life/12)
	}
	for {
		if err := s.renewOnce(ctx); err != nil && ctx.Err() == nil {
			s.log.Entry("server").Warnf("the certificate of this peer cannot be renewed yet: %v", err)
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) renewOnce(ctx context.Context) error {
	cert, err := s.tls.Certificate()
	if err != nil {
		return err
	}
	self := s.id.Peer()
	if !pki.Due(cert.Leaf, time.Now()) && pki.Covers(cert.Leaf, self.Host) {
		return nil
	}
	if err := s.store.Sync(ctx); err != nil {
		return err
	}
	request, err := s.tls.Request(self.ID)
	if err != nil {
		return err
	}
	reply, err := s.peers.RenewOwn(ctx, peer.RenewRequest{Request: request})
	if err != nil {
		return err
	}
	_, err = s.tls.Install(reply.PoolID, reply.Authority, reply.Certificate)
	return err
}
