package quota

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// auxiliary are the arguments of the mount by which limits are set: bricks take them from a client with this pid only.
func auxiliary() []string { return []string{"--client-pid=-5"} }

func (m Mounter) aux(ctx context.Context, volumeName string, do func(dir string) error) error {
	log := filepath.Join(m.Layout.LogDir, "quota-mount-"+volumeName+".log")
	return m.with(ctx, volgen.ClientKey(volumeName), log, auxiliary(), do)
}

// Find returns the gfid of a directory of a volume. Errors: NotFound, Invalid for what is no directory.
func (m Mounter) Find(ctx context.Context, volumeName, path string) (gfid string, err error) {
	err = m.aux(ctx, volumeName, func(dir string) error {
		gfid, err = gfidOf(dir, volumeName, path)
		return err
	})
	return gfid, err
}

func gfidOf(dir, volumeName, path string) (string, error) {
	full := filepath.Join(dir, path)
	info, err := os.Lstat(full)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return "", api.Errorf(api.NotFound, "directory %.200q does not exist in volume %s", path, volumeName).With(api.FieldField, "path")
	case err != nil:
		return "", api.Errorf(api.Unavailable, "look at %.200q in volume %s: %v", path, volumeName, cause(err))
	case !info.IsDir():
		return "", api.FieldErrorf("path", "%.200q in volume %s is no directory: only directories have limits", path, volumeName)
	}
	buf := make([]byte, 64)
	n, err := unix.Lgetxattr(full, "glusterfs.gfid.string", buf)
	if err != nil {
		return "", api.Errorf(api.Unavailable, "read the gfid of %.200q in volume %s: %v", path, volumeName, err)
	}
	return cString(buf[:n]), nil
}

func cString(raw []byte) string {
	for i, c := range raw {
		if c == 0 {
			return string(raw[:i])
		}
	}
	return string(raw)
}

// cause is an error of the file system without the path, which people do not know.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Set makes the limits of one directory of a volume as they are given; a bound that is nil is taken away. Errors: NotFound,
// State if another directory has the path now.
func (m Mounter) Set(ctx context.Context, volumeName string, l volume.Limit) error {
	return m.aux(ctx, volumeName, func(dir string) error { return set(dir, volumeName, l) })
}

// Apply does what Set does for several directories, over one mount. What is gone from where the limit says is left out.
func (m Mounter) Apply(ctx context.Context, volumeName string, limits []volume.Limit) error {
	if len(limits) == 0 {
		return nil
	}
	return m.aux(ctx, volumeName, func(dir string) error {
		for _, l := range limits {
			if err := set(dir, volumeName, l); err != nil && !api.IsKind(err, api.NotFound, api.State, api.Invalid) || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
		}
		return nil
	})
}

func set(dir, volumeName string, l volume.Limit) error {
	gfid, err := gfidOf(dir, volumeName, l.Path)
	if err != nil {
		return err
	}
	if gfid != l.GFID {
		return api.Errorf(api.State, "%.200q in volume %s is another directory now", l.Path, volumeName)
	}
	full := filepath.Join(dir, l.Path)
	return errors.Join(setBound(full, xattrUsage, l.Usage), setBound(full, xattrObjects, l.Objects))
}

func setBound(full, name string, b *volume.Bound) error {
	var err error
	if b != nil {
		err = unix.Lsetxattr(full, name, bound(*b), 0)
	} else if err = unix.Lremovexattr(full, name); errors.Is(err, unix.ENODATA) {
		err = nil
	}
	if err != nil {
		return api.Errorf(api.Unavailable, "%s of %s: %v", name, filepath.Base(full), err)
	}
	return nil
}
