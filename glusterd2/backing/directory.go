package backing

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// directory makes bricks of directories. The sizes are what placement counts with; nothing here enforces them.
type directory struct{ *tools }

var _ Provisioner = directory{}

// Look implements Provisioner.
func (directory) Look(_ context.Context, d Device, _ bool) (Measure, error) {
	if _, err := checkFolder(d); err != nil {
		return Measure{}, err
	}
	size, free, err := room(d.Name)
	return Measure{Size: size, Free: free}, err
}

// Take implements Provisioner. There is nothing to wipe: what is in the way is somebody's files.
func (p directory) Take(ctx context.Context, d Device, _ bool) (Measure, error) {
	if err := takeFolder(d); err != nil {
		return Measure{}, err
	}
	return p.Measure(ctx, d)
}

// Release implements Provisioner.
func (directory) Release(_ context.Context, d Device) error { return releaseFolder(d) }

// Rescan implements Provisioner.
func (p directory) Rescan(ctx context.Context, d Device) (Measure, error) { return p.Measure(ctx, d) }

// Measure implements Provisioner.
func (directory) Measure(_ context.Context, d Device) (Measure, error) {
	if err := ownFolder(d); err != nil {
		return Measure{}, err
	}
	size, free, err := room(d.Name)
	return Measure{Size: size, Free: free}, err
}

// Bricks implements Provisioner.
func (directory) Bricks(_ context.Context, d Device) ([]string, error) { return bricksIn(d) }

// Folder implements Provisioner.
func (directory) Folder(d Device, b Brick) string { return filepath.Join(d.Name, imageName(b)) }

// Make implements Provisioner.
func (p directory) Make(_ context.Context, d Device, b Brick) error {
	if err := ownFolder(d); err != nil {
		return err
	}
	if err := os.Mkdir(p.Folder(d, b), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// Mount implements Provisioner: there is nothing to mount, but the directory must be there.
func (p directory) Mount(_ context.Context, d Device, b Brick) error {
	if err := ownFolder(d); err != nil {
		return err
	}
	_, err := os.Stat(p.Folder(d, b))
	return err
}

// Unmake implements Provisioner.
func (p directory) Unmake(_ context.Context, d Device, b Brick) error {
	if owner, err := folderOwner(d); err != nil || owner != d.ID {
		return nil //nolint:nilerr // a filesystem that is not there holds no brick
	}
	return os.RemoveAll(p.Folder(d, b))
}

// Grow implements Provisioner.
func (p directory) Grow(ctx context.Context, d Device, b Brick) error { return p.Mount(ctx, d, b) }
