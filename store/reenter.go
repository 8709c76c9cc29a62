package store

import (
	"context"

	"gd2/pkg/api"
)

// Reenter makes this peer a client of a store that was recovered on another peer: of the same pool, with the same
// certificates. endpoints are the client URLs of its members. The data of the member that this peer had in the lost store,
// or of the one that a peer makes whose directory is gone, is kept. It may be repeated.
//
// Nothing changes, and the error is of kind Unavailable, while the recovered store cannot be read; it is of kind Conflict
// if that is another pool's.
func (s *Store) Reenter(ctx context.Context, endpoints []string) error {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	return s.goOver(ctx, endpoints, func(r Reader) (clusterID string, err error) {
		theirs, ours := poolID(r), poolID(s)
		if theirs == "" {
			return "", api.Errorf(api.Conflict, "the store at %v has no pool in it: nothing was changed", endpoints)
		}
		if ours != "" && ours != theirs && !s.Stale() && len(s.scan(PrefixVolumes)) > 0 {
			return "", api.Errorf(api.Conflict, "the store at %v is that of pool %s, and this peer has volumes of pool %s: nothing was changed", endpoints, theirs, ours)
		}
		return theirs, nil
	}, true)
}
