package quota

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

// maxAnswer bounds what the bricks of a volume answer in a virtual xattr, in bytes: what the kernel takes.
const maxAnswer = 64 << 10

// Xattr reads an extended attribute of a file of a volume, over a mount of its own. Errors: NotFound, Unavailable.
func (m Mounter) Xattr(ctx context.Context, volumeName, path, name string) (value string, err error) {
	log := filepath.Join(m.Layout.LogDir, volumeName+"-clearlocks-mnt.log")
	err = m.with(ctx, volumeName, log, nil, func(dir string) error {
		buf := make([]byte, maxAnswer)
		n, err := unix.Lgetxattr(filepath.Join(dir, path), name, buf)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			return api.Errorf(api.NotFound, "%.200q does not exist in volume %s", path, volumeName).With(api.FieldField, "path")
		case err != nil:
			return api.Errorf(api.Unavailable, "read %s of %.200q in volume %s: %v", name, path, volumeName, err)
		}
		value = cString(buf[:n])
		return nil
	})
	return value, err
}
