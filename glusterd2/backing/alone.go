package backing

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

// alone is a Provisioner that works on a brick only while nothing else does, commands among them that a daemon has left when it died:
// they go on, and a second mkfs beside the first would spoil the filesystem. Each command holds the brick's lock as long as it runs.
// LVM's own let go of it; they have LVM's locks.
type alone struct {
	Provisioner
	*tools
}

// Make implements Provisioner.
func (p alone) Make(ctx context.Context, d Device, b Brick) error {
	return p.with(ctx, b, func(ctx context.Context) error { return p.Provisioner.Make(ctx, d, b) })
}

// Mount implements Provisioner.
func (p alone) Mount(ctx context.Context, d Device, b Brick) error {
	return p.with(ctx, b, func(ctx context.Context) error { return p.Provisioner.Mount(ctx, d, b) })
}

// Grow implements Provisioner.
func (p alone) Grow(ctx context.Context, d Device, b Brick) error {
	return p.with(ctx, b, func(ctx context.Context) error { return p.Provisioner.Grow(ctx, d, b) })
}

// Unmake implements Provisioner.
func (p alone) Unmake(ctx context.Context, d Device, b Brick) error {
	return p.with(ctx, b, func(ctx context.Context) error {
		if err := p.Provisioner.Unmake(ctx, d, b); err != nil {
			return err
		}
		return remove(p.lockPath(b))
	})
}

// lockKey is the key of a context for the lock that commands hold.
type lockKey struct{}

// heldIn are the locks of a context.
func heldIn(ctx context.Context) []*os.File {
	if f, ok := ctx.Value(lockKey{}).(*os.File); ok {
		return []*os.File{f}
	}
	return nil
}

func (t *tools) lockPath(b Brick) string { return filepath.Join(t.Locks, b.ID) }

// with runs do under the lock of a brick.
func (t *tools) with(ctx context.Context, b Brick, do func(ctx context.Context) error) error {
	f, err := t.lock(ctx, b)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(context.WithValue(ctx, lockKey{}, f))
}

// lock waits for the lock of a brick, as long as the longest command may take. The error is Unavailable if it does not get it.
func (t *tools) lock(ctx context.Context, b Brick) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if err := os.MkdirAll(t.Locks, 0o700); err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := tryLock(t.lockPath(b))
		if err != nil || f != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, api.Errorf(api.Unavailable, "brick %s: another command works on it still", b.ID)
		case <-tick.C:
		}
	}
}

// tryLock locks a file; without one it is held by others.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && stillAt(f, path) {
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

// stillAt reports whether a file has not been removed while it was waited for.
func stillAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	now, statErr := os.Stat(path)
	return err == nil && statErr == nil && os.SameFile(mine, now)
}
