package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// hasRoom refuses to move the files of subvolumes that the others cannot hold. It knows that only where each brick has a filesystem of
// its own; else what is used there may be others' files.
func (c *Commands) hasRoom(ctx context.Context, v *volume.Volume, leaving []string) error {
	sizes := map[string]api.SizeInfo{}
	for _, b := range c.gather(ctx, v).Bricks {
		if b.Info.Size > 0 && b.Size.Capacity <= b.Info.Size {
			sizes[b.Info.ID] = b.Size
		}
	}
	need, have, known := roomOf(v.Leave(leaving), sizes)
	if !known || need <= have {
		return nil
	}
	return api.Errorf(api.State, "volume %s: the bricks that are to leave have %d bytes in use, and the others %d left: make room first, with volume expand", v.Name, need, have).
		With("volume", v.Name)
}

// roomOf adds up what is used of the subvolumes that leave, and what is free on the others, in bytes of files. It is known only if the size
// of every brick is.
func roomOf(v *volume.Volume, sizes map[string]api.SizeInfo) (need, have uint64, known bool) {
	for _, s := range v.Subvols {
		var used, free uint64
		first := true
		for _, b := range s.Bricks {
			size, ok := sizes[b.ID]
			if !ok {
				return 0, 0, false
			}
			if b.Arbiter {
				continue
			}
			if used = max(used, size.Used); first || size.Free < free {
				free = size.Free
			}
			first = false
		}
		parts := uint64(max(s.Disperse-s.Redundancy, 1))
		if s.Leaving() {
			need += used * parts
		} else {
			have += free * parts
		}
	}
	return need, have, true
}
