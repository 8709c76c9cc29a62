package brick

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

// xattrTimes holds the times that clients see of a file: they are the same on all bricks, where those of the file system
// are not.
const xattrTimes = "trusted.glusterfs.mdata"

// FileTime returns when a file was changed last, as clients see it. file is a path from the root of the brick, or gfid:UUID.
// It returns false if the brick does not have the file. No path leads out of the brick.
func FileTime(brick, file string) (time.Time, bool, error) {
	root, err := os.OpenRoot(brick)
	if err != nil {
		return time.Time{}, false, api.Errorf(api.Internal, "%v", err)
	}
	defer func() { _ = root.Close() }() // only read
	if id, ok := strings.CutPrefix(file, "gfid:"); ok && len(id) > 4 {
		file = filepath.Join(".glusterfs", id[:2], id[2:4], id)
	}
	f, err := root.Open(strings.TrimPrefix(file, "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, api.Errorf(api.Internal, "%v", err)
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return time.Time{}, false, api.Errorf(api.Internal, "%v", err)
	}
	buf := make([]byte, 256)
	n, err := unix.Fgetxattr(int(f.Fd()), xattrTimes, buf) // #nosec G115 -- a descriptor is small
	if at, ok := parseTimes(buf[:max(n, 0)]); ok && err == nil {
		return at, true, nil
	}
	return st.ModTime(), true, nil
}

// parseTimes reads the time of the last change of the content from GlusterFS' xattr: a version byte, 8 bytes of flags, and
// ctime, mtime and atime, each as seconds and nanoseconds of 8 bytes.
func parseTimes(b []byte) (time.Time, bool) {
	const version, size, mtime = 1, 1 + 8 + 3*16, 1 + 8 + 16
	if len(b) < size || b[0] != version {
		return time.Time{}, false
	}
	sec, nsec := binary.BigEndian.Uint64(b[mtime:]), binary.BigEndian.Uint64(b[mtime+8:])
	if sec > 1<<40 || nsec >= 1e9 {
		return time.Time{}, false
	}
	return time.Unix(int64(sec), int64(nsec)), true // #nosec G115 -- bounded above
}
