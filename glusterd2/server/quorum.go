package server

import (
	"context"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/peer"
)

// newQuorum makes the server quorum of this peer.
func (s *Server) newQuorum(self string) *peer.Quorum {
	return peer.NewQuorum(peer.QuorumConfig{
		Self: self, Peers: s.poolPeers, Sync: s.store.Sync, Knock: s.net.Knock,
		Online: func(id string) bool { _, ok := peer.Online(s.store, id); return ok },
		Wanted: func() bool { return volumes.ServerQuorumWanted(s.store) },
		Ratio:  func() string { return source{s}.PoolOptions()[volumes.OptionQuorumRatio] },
		Log:    s.log.Entry("quorum"),
	})
}

// countQuorum counts once there are records, be they the last known ones.
func (s *Server) countQuorum(ctx context.Context) error {
	select {
	case <-s.store.Loaded():
		return s.quorum.Run(ctx)
	case <-ctx.Done():
		return nil
	}
}

func (s *Server) poolPeers() ([]*peer.Peer, error) {
	recs, err := peer.Records.List(s.store)
	out := make([]*peer.Peer, len(recs))
	for i, rec := range recs {
		out[i] = rec.Value
	}
	return out, err
}

// refuseWithoutQuorum refuses to change the membership while some volume asks for the server quorum and it is not met.
func (s *Server) refuseWithoutQuorum(ctx context.Context) error {
	if !volumes.ServerQuorumWanted(s.store) {
		return nil
	}
	return s.quorum.Refuse(ctx)
}
