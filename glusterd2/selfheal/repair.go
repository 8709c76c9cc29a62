package selfheal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
	"gd2/pkg/runcmd"

	"golang.org/x/sys/unix"
)

// Extended attributes by which the replicate translator is told, through a mount, which of its children is empty: the
// others then blame it for everything, so that it is healed and nobody reads from it before. The value is the name of
// the child's client translator; only processes that heal may set them.
const (
	xattrAddBrick     = "trusted.add-brick"
	xattrReplaceBrick = "trusted.replace-brick"
)

// addReplicaPid is the process id by which the translators know a mount that announces empty bricks
// (GF_CLIENT_PID_ADD_REPLICA_MOUNT of GlusterFS 10).
const addReplicaPid = "-12"

// repairTimeout bounds the mount and what is done in it.
const repairTimeout = 40 * time.Second

// Repairer tells the copies of a volume about bricks that are empty, by a mount of its own that is gone afterwards.
type Repairer struct {
	// Program is the path of glusterfs; empty means Program.
	Program string
	Layout  brick.Layout
}

// Empty is a set of bricks that have nothing yet.
type Empty struct {
	VolumeName string
	// Volfile is that of Repair in the volfile generator, of the volume with the empty bricks in it.
	Volfile string
	// Clients are the names of the bricks' client translators, such as gv0-client-3.
	Clients []string
	// Replaced says that the bricks take the place of others; else they are additional copies.
	Replaced bool
}

// Mark makes the present copies blame the empty bricks. The bricks that are empty need not run; of each set at least one
// other must. It may be repeated. Errors are *api.Error.
func (r Repairer) Mark(ctx context.Context, e Empty) error {
	attr := xattrAddBrick
	if e.Replaced {
		attr = xattrReplaceBrick
	}
	return r.through(ctx, e, "add-brick", "the copies of volume %s cannot be told which bricks are empty: %v", func(_ context.Context, root string) error {
		for _, name := range e.Clients {
			if err := unix.Setxattr(root, attr, append([]byte(name), 0), 0); err != nil {
				return api.Errorf(api.State, "the copies of volume %s cannot be told that %s is empty: %v; at least one of each set must be online", e.VolumeName, name, err)
			}
		}
		return nil
	})
}

// through does something in a mount of the volume, which has a log of that name and is gone afterwards. Why it cannot be mounted is
// put into words by a format for the volume and the error.
func (r Repairer) through(ctx context.Context, e Empty, log, cannot string, do func(ctx context.Context, root string) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	dir := r.dir(e.VolumeName)
	if err := r.Clear(e.VolumeName); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Clear(e.VolumeName)) }()
	if err := r.mount(ctx, dir, e.Volfile, filepath.Join(r.Layout.LogDir, e.VolumeName+"-"+log+"-mount.log")); err != nil {
		return api.Errorf(api.State, cannot, e.VolumeName, err)
	}
	return do(ctx, filepath.Join(dir, "root"))
}

// dir holds the mount point and the volfile.
func (r Repairer) dir(volumeName string) string {
	return filepath.Join(r.Layout.RunDir, "repair", volumeName)
}

func (r Repairer) mount(ctx context.Context, dir, volfile, log string) error {
	if err := os.MkdirAll(filepath.Join(dir, "root"), 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "volfile") // it carries credentials
	if err := os.WriteFile(file, []byte(volfile), 0o600); err != nil {
		return err
	}
	program := r.Program
	if program == "" {
		program = Program
	}
	_, err := runcmd.Run(ctx, runcmd.Command{Name: program, Env: r.Layout.Env(), Args: []string{
		"-f", file, "--client-pid=" + addReplicaPid, "-l", log, filepath.Join(dir, "root"),
	}})
	return err
}

// Clear removes what a Mark that was cut off has left.
func (r Repairer) Clear(volumeName string) error {
	dir := r.dir(volumeName)
	err := unix.Unmount(filepath.Join(dir, "root"), unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // EINVAL: nothing is mounted there
		return api.Errorf(api.Internal, "unmount %s: %v", dir, err)
	}
	// Not all below it: were something mounted there after all, its files would go.
	for _, name := range []string{"root", "volfile", ""} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return api.Errorf(api.Internal, "clean up after a repair: %v", fmt.Errorf("%s: %w", dir, err))
		}
	}
	return nil
}
