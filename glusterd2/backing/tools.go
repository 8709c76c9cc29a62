package backing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"gd2/pkg/runcmd"
)

// tools are what the provisioners have in common.
type tools struct{ Config }

// run runs a command and returns its output.
func (t *tools) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	res, err := t.Run(ctx, runcmd.Command{
		Name: name, Args: args, Env: []string{"LC_ALL=C", "LVM_SUPPRESS_FD_WARNINGS=1"}, Files: heldIn(ctx), Whole: true,
	})
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w: is its package installed (lvm2, xfsprogs)?", err)
	}
	return res.Stdout, err
}

// mkfs makes XFS on a block device or in a file. A filesystem that is there already, from an earlier try that was cut
// off, is made anew: nothing was ever stored on it.
func (t *tools) mkfs(ctx context.Context, on string, b Brick) error {
	// Inodes of 512 bytes hold GlusterFS's attributes; Heketi and glusterd2 used the same sizes.
	args := []string{"-q", "-f", "-i", "size=512", "-n", "size=8192"}
	if b.Arbiter {
		args = append(args, "-i", "maxpct=100")
	}
	_, err := t.run(ctx, "mkfs.xfs", append(args, on)...)
	return err
}

// mount mounts the filesystem of a brick unless it is mounted.
func (t *tools) mount(ctx context.Context, what string, b Brick, options string) error {
	at := t.mountPoint(b)
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	mounted, err := mountinfo.Mounted(at)
	if err != nil || mounted {
		return err
	}
	_, err = t.run(ctx, "mount", "-t", "xfs", "-o", "rw,inode64,noatime,nouuid"+options, what, at)
	return err
}

// unmount takes the filesystem of a brick away, and the directory that it was mounted on. A mount of a device that is
// gone goes as well: nobody can be served from it.
func (t *tools) unmount(b Brick) error {
	at := t.mountPoint(b)
	for {
		mounted, err := mountinfo.Mounted(at)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && !mounted {
			break
		}
		if err := unix.Unmount(at, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return &os.PathError{Op: "unmount", Path: at, Err: err}
		}
	}
	// A brick whose filesystem was taken from under it makes parts of its own directory anew below the mount point.
	real, err := filepath.EvalSymlinks(at)
	if err != nil {
		return err
	}
	inside, err := mountinfo.GetMounts(mountinfo.PrefixFilter(real))
	if err == nil && len(inside) > 0 {
		err = fmt.Errorf("%s is mounted inside of %s", inside[0].Mountpoint, at)
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(real)
}

// growXFS makes a mounted filesystem as large as what it is on.
func (t *tools) growXFS(ctx context.Context, b Brick) error {
	_, err := t.run(ctx, "xfs_growfs", t.mountPoint(b))
	return err
}

// room returns what users of the filesystem of a directory can have of it in all, and what is free of that.
func room(dir string) (size, free uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return (st.Blocks - (st.Bfree - st.Bavail)) * uint64(st.Bsize), st.Bavail * uint64(st.Bsize), nil
}
