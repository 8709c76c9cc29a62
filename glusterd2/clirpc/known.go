package clirpc

import (
	"context"

	"gd2/pkg/api"
)

// present waits until this peer knows the present state, and reports whether it does. Reads answer without a quorum too,
// from what is known: gluster prints an empty list where it is refused one, and what watches a pool with it must not take
// that for the loss of all volumes. Glusterd answers from what it knows too.
func (s *Server) present(ctx context.Context) bool {
	return s.cfg.Waiting() == "" && s.cfg.Sync(ctx) == nil
}

func (s *Server) volumes(ctx context.Context) ([]api.VolumeInfo, error) {
	s.present(ctx)
	return s.cfg.Volumes.Known(ctx)
}

func (s *Server) volumeStatus(ctx context.Context, name string) (api.VolumeStatus, error) {
	s.present(ctx)
	return s.cfg.Volumes.KnownStatus(ctx, name)
}

// peers lists the peers. Without a quorum the signs of life of the others are old: they count as away.
func (s *Server) peers(ctx context.Context) ([]api.Peer, error) {
	present := s.present(ctx)
	list, err := s.cfg.Peers.Known(ctx)
	for i := range list {
		list[i].Online = list[i].Online && present
	}
	return list, err
}
