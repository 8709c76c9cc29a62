package selfheal

import (
	"context"
	"time"

	"gd2/pkg/api"

	"golang.org/x/sys/unix"
)

// xattrDisperseHeal, read through a mount, makes the disperse translator heal the file or directory before it answers.
const xattrDisperseHeal = "trusted.ec.heal"

// healRootAgain is how often the heal of a root is asked for: the mount may not be connected to the new brick at first.
const healRootAgain = 200 * time.Millisecond

// HealRoot heals the root of a disperse volume through a mount of its own until healed says that it is; what is made on the
// new brick by that is marked for the self-heal daemons. Errors are *api.Error.
func (r Repairer) HealRoot(ctx context.Context, e Empty, healed func() (bool, error)) error {
	return r.through(ctx, e, "replace-brick", "the heal of volume %s cannot be begun: %v", func(ctx context.Context, root string) error {
		tick := time.NewTicker(healRootAgain)
		defer tick.Stop()
		for {
			_, last := unix.Getxattr(root, xattrDisperseHeal, make([]byte, 1024))
			if ok, err := healed(); ok || err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return api.Errorf(api.State, "the heal of volume %s did not begin on its new brick: %v", e.VolumeName, last)
			}
		}
	})
}
