package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

var _ GrowHost = fakeHost{}

// sizeAt is the size of the brick of a volume that is at a place.
func sizeAt(v *volume.Volume, at string) uint64 {
	for b := range v.All() {
		if b.PeerID+" "+b.Path == at {
			return b.Size
		}
	}
	return 0
}

func (h fakeHost) MayGrow(ctx context.Context, part *volume.Volume, _ map[string]uint64) error {
	return h.each(ctx, part, "may-grow", func(string) error { return nil })
}

func (h fakeHost) Grow(ctx context.Context, part *volume.Volume) error {
	return h.each(ctx, part, "grow", func(at string) error {
		b, there := h.bricks[at]
		if size := sizeAt(part, at); !there || size < b.size {
			return api.Errorf(api.Internal, "%s does not shrink to %d", at, size)
		}
		b.size = sizeAt(part, at)
		h.bricks[at] = b
		return nil
	})
}
