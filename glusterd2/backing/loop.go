package backing

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// spare is the part of a filesystem, one in so many, that is left for its own needs.
const spare = 100

// loop makes bricks in image files.
type loop struct{ *tools }

var _ Provisioner = loop{}

// Look implements Provisioner.
func (p loop) Look(_ context.Context, d Device, _ bool) (Measure, error) {
	if _, err := checkFolder(d); err != nil {
		return Measure{}, err
	}
	return measureImages(d)
}

// Take implements Provisioner. There is nothing to wipe: what is in the way is somebody's files.
func (p loop) Take(ctx context.Context, d Device, _ bool) (Measure, error) {
	if err := takeFolder(d); err != nil {
		return Measure{}, err
	}
	return p.Measure(ctx, d)
}

// Release implements Provisioner.
func (loop) Release(_ context.Context, d Device) error { return releaseFolder(d) }

// Rescan implements Provisioner.
func (p loop) Rescan(ctx context.Context, d Device) (Measure, error) { return p.Measure(ctx, d) }

// Measure implements Provisioner.
func (loop) Measure(_ context.Context, d Device) (Measure, error) {
	if err := ownFolder(d); err != nil {
		return Measure{}, err
	}
	return measureImages(d)
}

// measureImages measures what images in a directory can have.
func measureImages(d Device) (Measure, error) {
	_, free, err := room(d.Name)
	if err != nil {
		return Measure{}, err
	}
	ours, err := filepath.Glob(filepath.Join(d.Name, imageName(Brick{ID: "*"})+".img"))
	if err != nil {
		return Measure{}, err
	}
	size := free - free/spare
	for _, name := range ours {
		if info, err := os.Stat(name); err == nil {
			size += uint64(info.Size())
		}
	}
	return Measure{Size: size, Free: free, Unit: 4 << 10}, nil
}

// Bricks implements Provisioner.
func (loop) Bricks(_ context.Context, d Device) ([]string, error) { return bricksIn(d) }

// Folder implements Provisioner.
func (p loop) Folder(_ Device, b Brick) string { return p.mountPoint(b) }

func image(d Device, b Brick) string { return filepath.Join(d.Name, imageName(b)+".img") }

// Make implements Provisioner. The image appears under its name when its filesystem is whole, so that a repetition
// knows whether there is something to keep.
func (p loop) Make(ctx context.Context, d Device, b Brick) error {
	if err := ownFolder(d); err != nil {
		return err
	}
	if _, err := os.Stat(image(d, b)); err == nil {
		return p.Mount(ctx, d, b)
	}
	tmp := image(d, b) + ".new"
	if err := allocate(tmp, b.Size); err != nil {
		return errors.Join(err, remove(tmp))
	}
	if err := p.mkfs(ctx, tmp, b); err != nil {
		return errors.Join(err, remove(tmp))
	}
	if err := os.Rename(tmp, image(d, b)); err != nil {
		return errors.Join(err, remove(tmp))
	}
	return p.Mount(ctx, d, b)
}

// allocate makes a file with all its blocks, so that the brick never runs out of room that it was promised.
func allocate(path string, size uint64) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(size)); err != nil {
		return errors.Join(&os.PathError{Op: "fallocate", Path: path, Err: err}, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

// Mount implements Provisioner. An image that was cut off is refused: the kernel may still have its filesystem in memory, from a
// mount before, and would go on with that.
func (p loop) Mount(ctx context.Context, d Device, b Brick) error {
	if err := ownFolder(d); err != nil {
		return err
	}
	if info, err := os.Stat(image(d, b)); err != nil || uint64(info.Size()) < b.Size {
		if err == nil {
			err = refuse(d, "the image of brick %s has %d bytes of %d: it is damaged", b.ID, info.Size(), b.Size)
		}
		return err
	}
	return p.mount(ctx, image(d, b), b, ",loop")
}

// Unmake implements Provisioner.
func (p loop) Unmake(_ context.Context, d Device, b Brick) error {
	if err := p.unmount(b); err != nil {
		return err
	}
	if owner, err := folderOwner(d); err != nil || owner != d.ID {
		return nil //nolint:nilerr // a filesystem that is not there holds no image
	}
	return errors.Join(remove(image(d, b)+".new"), remove(image(d, b)))
}

// Grow implements Provisioner.
func (p loop) Grow(ctx context.Context, d Device, b Brick) error {
	if _, err := os.Stat(image(d, b)); err != nil {
		return err // never made anew: it is a brick with files
	}
	if err := allocate(image(d, b), b.Size); err != nil {
		return err
	}
	if err := p.Mount(ctx, d, b); err != nil {
		return err
	}
	dev, err := p.run(ctx, "losetup", "--noheadings", "--output", "NAME", "--associated", image(d, b))
	if err != nil {
		return err
	}
	if _, err := p.run(ctx, "losetup", "--set-capacity", firstLine(dev)); err != nil {
		return err
	}
	return p.growXFS(ctx, b)
}

// remove removes a file that may not be there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
