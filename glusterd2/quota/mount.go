package quota

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volgen"
	"gd2/pkg/api"
	"gd2/pkg/runcmd"
)

// Mounter mounts volumes on this host for the moment in which something is done there.
type Mounter struct {
	Host    string
	Layout  brick.Layout
	Program string
}

func (m Mounter) dir() string { return filepath.Join(m.Layout.RunDir, "quota") }

// with mounts what the volfile key names, calls do with the folder, and unmounts it.
func (m Mounter) with(ctx context.Context, key, log string, args []string, do func(dir string) error) (err error) {
	if err := errors.Join(os.MkdirAll(m.dir(), 0o700), os.MkdirAll(filepath.Dir(log), 0o755)); err != nil {
		return api.Errorf(api.Internal, "mount %s: %v", key, err)
	}
	dir, err := os.MkdirTemp(m.dir(), "mnt")
	if err != nil {
		return api.Errorf(api.Internal, "mount %s: %v", key, err)
	}
	defer func() { err = errors.Join(err, unmount(dir)) }()
	if err := m.mount(ctx, key, log, args, dir); err != nil {
		return err
	}
	return do(dir)
}

// mount mounts what the volfile key names on a folder.
func (m Mounter) mount(ctx context.Context, key, log string, args []string, dir string) error {
	args = append([]string{"-s", m.Host, "--volfile-id", key, "-l", log, "--attribute-timeout=0", "--entry-timeout=0"}, args...)
	_, err := runcmd.Run(ctx, runcmd.Command{Name: m.Program, Args: append(args, dir), Env: m.Layout.Env(), Dir: "/"})
	if err != nil {
		return api.Errorf(api.Unavailable, "mount %s: %v; its log is %s", key, err, log)
	}
	return nil
}

// MountFor mounts a volume on a folder for another program to look at its limits, and leaves it there, unless it is there
// already. The other unmounts it.
func (m Mounter) MountFor(ctx context.Context, volumeName, dir string) error {
	there, err := mountinfo.Mounted(dir)
	if there || err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return api.Errorf(api.Internal, "mount volume %s: %v", volumeName, err)
	}
	return m.mount(ctx, volgen.ClientKey(volumeName), filepath.Join(m.Layout.LogDir, "quota-mount-"+volumeName+".log"), auxiliary(), dir)
}

// unmount takes a mount away at once, whoever still uses it, and removes its folder.
func unmount(dir string) error {
	err := unix.Unmount(dir, unix.MNT_DETACH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		err = nil // it was not mounted
	}
	if err == nil {
		err = os.Remove(dir)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return api.Errorf(api.Internal, "unmount %s: %v", dir, err)
	}
	return nil
}

// Tidy unmounts what an earlier life of the daemon left mounted.
func (m Mounter) Tidy() error {
	mounts, err := mountinfo.GetMounts(func(i *mountinfo.Info) (skip, stop bool) {
		return !strings.HasPrefix(i.Mountpoint, m.dir()+"/"), false
	})
	if err != nil {
		return api.Errorf(api.Internal, "look for mounts below %s: %v", m.dir(), err)
	}
	var errs []error
	for _, i := range mounts {
		errs = append(errs, unmount(i.Mountpoint))
	}
	return errors.Join(errs...)
}
