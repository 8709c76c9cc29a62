package clirpc

import (
	"context"

	"gd2/pkg/api"
)

// orKnown reads the present state, or without a quorum what this peer knows: gluster prints an empty list where it is
// refused one, and what watches a pool with it must not take that for the loss of all volumes. Glusterd answers from what it
// knows too.
func orKnown[T any](s *Server, present, known func() (T, error)) (T, error) {
	if s.cfg.Waiting() == "" {
		if v, err := present(); !api.IsKind(err, api.Unavailable) {
			return v, err
		}
	}
	return known()
}

func (s *Server) volumes(ctx context.Context) ([]api.VolumeInfo, error) {
	return orKnown(s,
		func() ([]api.VolumeInfo, error) { return s.cfg.Volumes.List(ctx, "", "") },
		func() ([]api.VolumeInfo, error) { return s.cfg.Volumes.Known(ctx) })
}

func (s *Server) volumeStatus(ctx context.Context, name string) (api.VolumeStatus, error) {
	return orKnown(s,
		func() (api.VolumeStatus, error) { return s.cfg.Volumes.Status(ctx, name) },
		func() (api.VolumeStatus, error) { return s.cfg.Volumes.KnownStatus(ctx, name) })
}

// peers lists the peers. Without a quorum the signs of life of the others are old: they count as away.
func (s *Server) peers(ctx context.Context) ([]api.Peer, error) {
	return orKnown(s,
		func() ([]api.Peer, error) { return s.cfg.Peers.List(ctx, "", "") },
		func() ([]api.Peer, error) {
			list, err := s.cfg.Peers.Known(ctx)
			for i := range list {
				list[i].Online = false
			}
			return list, err
		})
}
