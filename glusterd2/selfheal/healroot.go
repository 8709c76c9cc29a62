package selfheal

import (
	"context"
	"errors"
	"path/filepath"
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
func (r Repairer) HealRoot(ctx context.Context, e Empty, healed func() (bool, error)) (err error) {
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	dir := r.dir(e.VolumeName)
	if err := r.Clear(e.VolumeName); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Clear(e.VolumeName)) }()
	if err := r.mount(ctx, dir, e.Volfile, filepath.Join(r.Layout.LogDir, e.VolumeName+"-replace-brick-mount.log")); err != nil {
		return api.Errorf(api.State, "the heal of volume %s cannot be begun: %v", e.VolumeName, err)
	}
	tick := time.NewTicker(healRootAgain)
	defer tick.Stop()
	for {
		_, last := unix.Getxattr(filepath.Join(dir, "root"), xattrDisperseHeal, make([]byte, 1024))
		if ok, err := healed(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return api.Errorf(api.State, "the heal of volume %s did not begin on its new brick: %v", e.VolumeName, last)
		}
	}
}
