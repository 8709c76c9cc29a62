package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadPidFile returns the pid that a pid file names. A file that does not exist, or that is empty because its daemon is
// only starting, gives ErrNotRunning.
func ReadPidFile(path string) (int, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return 0, fmt.Errorf("%s: %w", path, ErrNotRunning)
	}
	if err != nil {
		return 0, err
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return 0, fmt.Errorf("%s: %w", path, ErrNotRunning)
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s: %q is not a pid: %w", path, text, ErrNotRunning)
	}
	return pid, nil
}

// lockOwner returns the pid of the process that holds a lock on the file, 0 if none does.
func lockOwner(path string) (int, error) {
	// Write access is what a question about an exclusive lock needs on some network file systems; nothing is written.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("%s: ask for its lock: %w", path, err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}

// Adopt returns the running process that is the daemon of the spec, or ErrNotRunning. Three things must hold: its pid is
// in the pid file, it holds the lock on that file, and its command line is that of the daemon. A pid that was given to
// another process since the daemon died fails at the lock, and one that is about to be, at the pidfd.
func Adopt(s Spec) (*Process, error) {
	pid, err := ReadPidFile(s.PidFile)
	if err != nil {
		return nil, err
	}
	owner, err := lockOwner(s.PidFile)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if owner != pid {
		return nil, fmt.Errorf("%s: pid %d does not hold the file: %w", s.PidFile, pid, ErrNotRunning)
	}
	return Open(pid, s.matches)
}

// Clean removes what a daemon that ended left behind: its pid file and its socket.
func Clean(s Spec) error {
	for _, path := range []string{s.PidFile, s.Socket} {
		if path == "" {
			continue
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("clean up after %s: %w", s.Name, err)
		}
	}
	return nil
}
