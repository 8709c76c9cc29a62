package volumes

import (
	"context"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// optionServerQuorum is the option of a volume by which its bricks serve only while their peer is with enough of the pool.
const optionServerQuorum = "cluster.server-quorum-type"

// OptionQuorumRatio is the option of the pool that says how many peers are enough.
const OptionQuorumRatio = "cluster.server-quorum-ratio"

// Quorum is the server quorum as this peer sees it; see peer.Quorum, which is the real one.
type Quorum interface {
	Met() bool
	Lost() bool
	Changed() <-chan struct{}
	Count() peer.Count
	Refuse(ctx context.Context) error
}

var _ Quorum = (*peer.Quorum)(nil)

// Withheld reports whether bricks of the volume must not be started on this peer now, for want of the server quorum.
func (d *DataPlane) Withheld(v *volume.Volume) bool { return v.ServerQuorum() && !d.Quorum.Met() }

// Barred reports whether bricks of the volume must not run on this peer any more, for want of the server quorum.
func (d *DataPlane) Barred(v *volume.Volume) bool { return d.Quorum.Lost() && v.ServerQuorum() }

// ServerQuorumWanted reports whether some volume asks for the server quorum.
func ServerQuorumWanted(r store.Reader) bool {
	recs, _ := volume.Records.List(r) // one that cannot be read asks for nothing
	for _, rec := range recs {
		if rec.Value.ServerQuorum() {
			return true
		}
	}
	return false
}

// findToChange is find for a change, which is refused, as by glusterd, while the volume's server quorum is not met.
func (c *Commands) findToChange(ctx context.Context, name string) (store.Record[*volume.Volume], error) {
	rec, err := c.find(ctx, name)
	if err == nil {
		err = RefuseWithoutQuorum(ctx, c.Quorum, rec.Value)
	}
	if err != nil {
		return store.Record[*volume.Volume]{}, err
	}
	return rec, nil
}

// RefuseWithoutQuorum refuses to change a volume that asks for the server quorum while that is not met. If q is nil it is always met.
func RefuseWithoutQuorum(ctx context.Context, q Quorum, v *volume.Volume) error {
	if q == nil || !v.ServerQuorum() {
		return nil
	}
	return q.Refuse(ctx)
}

// quorumOnly reports whether options are about nothing but the server quorum: that may be changed without it, or an
// administrator whose peers are gone for good could not help himself.
func (c *Commands) quorumOnly(names []string) bool {
	for _, name := range names {
		if key, err := c.Table.Complete(name); err != nil || key != optionServerQuorum {
			return false
		}
	}
	return len(names) > 0
}

// brickError says what is wrong with a brick: where it is not to run, why.
func (d *DataPlane) brickError(v *volume.Volume, b volume.Brick, st api.BrickStatus) string {
	switch {
	case v.State != volume.Started || st.Online:
		return st.Error
	case b.Reset:
		return "it is being reset: 'glustercli volume reset-brick' with commit makes it anew"
	case d.Withheld(v):
		return "it is kept from running while the server quorum is not met: " + d.Quorum.Count().String()
	}
	return st.Error
}
