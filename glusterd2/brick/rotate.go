package brick

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

// rotateTimeout bounds the wait for a process to begin its new log.
const rotateTimeout = 30 * time.Second

// RotateLog renames the log of a process to LOG.TIME, in seconds since 1970 as glusterd does, and waits until the process
// has begun a new one. old is empty if the log was renamed by somebody else. Errors: Conflict if there is a log of that time.
func RotateLog(ctx context.Context, r Reach, at time.Time) (log, old string, err error) {
	p, err := r.open()
	if err != nil {
		return "", "", err
	}
	defer p.Close() //nolint:errcheck // only the watch ends
	log, ok := p.Arg("-l")
	if !ok {
		return "", "", api.Errorf(api.State, "process %d was started without a log file", p.Pid())
	}
	old = fmt.Sprintf("%s.%d", log, at.Unix())
	err = unix.Renameat2(unix.AT_FDCWD, log, unix.AT_FDCWD, old, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.ENOENT): // an earlier rotation came to its end here, or somebody else renamed it
		old = ""
	case errors.Is(err, unix.EEXIST):
		return log, "", api.Errorf(api.Conflict, "the log was rotated in the same second: %s exists", old)
	case err != nil:
		return log, "", api.Errorf(api.Internal, "rename %s: %v", log, err)
	}
	if err := p.Signal(syscall.SIGHUP); err != nil {
		return log, old, api.Errorf(api.Unavailable, "ask process %d for a new log: %v", p.Pid(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, rotateTimeout)
	defer cancel()
	err = until(ctx, p, func() (bool, error) {
		_, err := os.Stat(log)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return log, old, api.Errorf(api.AsError(err).Kind, "process %d has not begun a new log: %v", p.Pid(), err)
	}
	return log, old, nil
}
