package brick

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Op names what a call of the operating system is for, so that a test can make exactly one of them fail.
type Op string

// OS is what checks and preparation of brick directories ask of the operating system. Every path is absolute.
type OS interface {
	// Stat follows symbolic links.
	Stat(op Op, path string) (Stat, error)
	RealPath(op Op, path string) (string, error)
	// Getxattr returns nil without an error if there is no such attribute.
	Getxattr(op Op, path, name string) ([]byte, error)
	Setxattr(op Op, path, name string, value []byte) error
	// Removexattr does nothing if there is no such attribute.
	Removexattr(op Op, path, name string) error
	Mkdir(op Op, path string, mode os.FileMode) error
	// GiveToGroup lets a group own a directory and all that is made in it, and write there.
	GiveToGroup(op Op, path string, gid int) error
	// Rename fails with an error that is os.ErrExist if there is something at to.
	Rename(op Op, from, to string) error
	// Remove removes a file or an empty directory; RemoveAll all below it too. Nothing to remove is no error for either.
	Remove(op Op, path string) error
	RemoveAll(op Op, path string) error
	ReadDir(op Op, path string) ([]string, error)
}

// Stat is what matters of a file's metadata.
type Stat struct {
	Dir bool
	// Device numbers the filesystem that the file is on.
	Device uint64
}

// System is the OS of this host.
type System struct{}

var _ OS = System{}

// Stat implements OS.
func (System) Stat(_ Op, path string) (Stat, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Stat{}, err
	}
	s := Stat{Dir: info.IsDir()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Device = st.Dev
	}
	return s, nil
}

// RealPath implements OS.
func (System) RealPath(_ Op, path string) (string, error) { return filepath.EvalSymlinks(path) }

// Getxattr implements OS.
func (System) Getxattr(_ Op, path, name string) ([]byte, error) {
	buf := make([]byte, 1024)
	for {
		n, err := unix.Getxattr(path, name, buf)
		switch {
		case err == nil:
			return buf[:n], nil
		case errors.Is(err, unix.ENODATA):
			return nil, nil
		case errors.Is(err, unix.ERANGE) && len(buf) < 1<<16:
			buf = make([]byte, 1<<16) // the kernel's own limit
		default:
			return nil, &os.PathError{Op: "getxattr " + name, Path: path, Err: err}
		}
	}
}

// Setxattr implements OS.
func (System) Setxattr(_ Op, path, name string, value []byte) error {
	if err := unix.Setxattr(path, name, value, 0); err != nil {
		return &os.PathError{Op: "setxattr " + name, Path: path, Err: err}
	}
	return nil
}

// Removexattr implements OS.
func (System) Removexattr(_ Op, path, name string) error {
	if err := unix.Removexattr(path, name); err != nil && !errors.Is(err, unix.ENODATA) {
		return &os.PathError{Op: "removexattr " + name, Path: path, Err: err}
	}
	return nil
}

// Mkdir implements OS.
func (System) Mkdir(_ Op, path string, mode os.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode) // whatever the umask
}

// groupMode is that of a directory in which a group may write: the group of what is made in it is the same.
const groupMode = os.ModeSetgid | 0o775

// GiveToGroup implements OS.
func (System) GiveToGroup(_ Op, path string, gid int) error {
	if err := os.Chown(path, -1, gid); err != nil {
		return err
	}
	return os.Chmod(path, groupMode)
}

// Rename implements OS.
func (System) Rename(_ Op, from, to string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Remove implements OS.
func (System) Remove(_ Op, path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// RemoveAll implements OS.
func (System) RemoveAll(_ Op, path string) error { return os.RemoveAll(path) }

// ReadDir implements OS.
func (System) ReadDir(_ Op, path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}
