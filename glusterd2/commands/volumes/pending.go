package volumes

import (
	"context"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// whole refuses to take a brick of a disperse set away while other bricks of the set lack something: it may be one of the few that
// has it. Nobody but the set's own client can tell that from what is just being written, so it is asked. A brick that is out
// of service already has nothing to lose.
func (c *Commands) whole(ctx context.Context, v *volume.Volume, sub volume.Subvol, without volume.Brick) error {
	if sub.Type != api.SubvolDisperse || without.Reset || c.Unhealed == nil {
		return nil
	}
	all, err := c.Unhealed(ctx, v.Name)
	if err != nil {
		return api.Errorf(api.AsError(err).Kind, "what is to be healed in volume %s cannot be found out: %v; use force to go on without that", v.Name, err)
	}
	for _, b := range sub.Bricks {
		for _, left := range all {
			if n := unhealedOn(left, b); n != 0 {
				return api.Errorf(api.State, "%d entries of the brick's set are still to be healed, for which it may be needed: let 'volume heal %s' look at them, "+
					"wait until volume heal %s info shows none on brick %s, or use force", n, v.Name, v.Name, b.Path).With("brick", b.Path)
			}
		}
	}
	return nil
}

// unhealedOn counts the entries of a report that are to be healed from a brick; 0 if the report is of another.
func unhealedOn(left api.BrickHealInfo, b volume.Brick) int64 {
	if left.HostID == nil || left.Name == nil || *left.HostID != b.PeerID || !strings.HasSuffix(*left.Name, ":"+b.Path) {
		return 0
	}
	for _, n := range []*int64{left.Entries, left.TotalEntries} {
		if n != nil && *n > 0 {
			return *n
		}
	}
	return 0
}
