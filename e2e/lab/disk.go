package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SmallDisk puts a file system of its own, of a size in MiB, at a folder of the peer, which it makes. Nothing that was
// in the folder is seen any more.
func (p *Peer) SmallDisk(ctx context.Context, dir string, mib int) error {
	image := "/srv/disk-of-" + filepath.Base(dir)
	for _, argv := range [][]string{
		{"mkdir", "-p", dir},
		{"truncate", "-s", fmt.Sprintf("%dM", mib), image},
		{"mkfs.ext4", "-q", "-F", "-m", "0", image},
		{"mount", "-o", "loop", image, dir},
	} {
		if _, err := p.Run(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

// filler is the file that takes all the room of a small disk.
const filler = "filler"

// FillDisk takes all the room that the file system of a folder has left; FreeDisk gives it back.
func (p *Peer) FillDisk(dir string) error {
	f, err := os.Create(p.Path(filepath.Join(dir, filler)))
	if err != nil {
		return err
	}
	if err := fill(f); !errors.Is(err, unix.ENOSPC) {
		return errors.Join(fmt.Errorf("the disk is not full: %w", err), f.Close())
	}
	return f.Close()
}

// fill writes until there is no room.
func fill(w io.Writer) error {
	for _, size := range []int{1 << 20, 1} { // to the last block
		block := make([]byte, size<<2)
		for {
			if _, err := w.Write(block); err != nil && size == 1 {
				return err
			} else if err != nil {
				break
			}
		}
	}
	return nil
}

// FreeDisk undoes FillDisk.
func (p *Peer) FreeDisk(dir string) error { return os.Remove(p.Path(filepath.Join(dir, filler))) }
