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

// fill writes until there is no room, to the last byte: in ever smaller blocks, of which few fit in each round.
func fill(w io.Writer) (err error) {
	for _, size := range []int{4 << 20, 64 << 10, 1 << 10, 1} {
		block := make([]byte, size)
		for err = nil; err == nil; {
			_, err = w.Write(block)
		}
	}
	return err
}

// FreeDisk undoes FillDisk.
func (p *Peer) FreeDisk(dir string) error { return os.Remove(p.Path(filepath.Join(dir, filler))) }
