// Package backing makes what bricks of a size stand on: thin volumes of LVM, image files, or plain directories. It works
// on this host only, and every call may be repeated after it was cut off anywhere.
package backing

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/pkg/runcmd"
)

// Kinds of devices.
const (
	// LVM is a block device that becomes a volume group; a brick is a thin volume in a pool of its own, with XFS on it.
	LVM = "lvm"
	// Loop is a directory that holds an image file for each brick, with XFS in it.
	Loop = "loop"
	// Directory is a directory on a filesystem that somebody else looks after; a brick is a directory in it.
	Directory = "directory"
)

// Device is what bricks are made on.
type Device struct {
	// ID is chosen by the pool; what is made on the device is named after it.
	ID string
	// Name is the path of the block device or of the directory.
	Name string
	// UUID is what Measure told of the device when it was taken; empty before that.
	UUID string
}

// Measure is what a device can hold, in bytes.
type Measure struct {
	Size uint64 `json:"size"`
	Free uint64 `json:"free"`
	// Unit is what the device gives out at once; 0 means single bytes.
	Unit uint64 `json:"unit,omitempty"`
	// UUID is what LVM calls the device, by which it is found if its name changes.
	UUID string `json:"uuid,omitempty"`
}

// Brick is what to make on a device. Sizes are bytes.
type Brick struct {
	// ID names the brick for all time: nothing else is ever called so.
	ID string
	// Size is that of the brick's filesystem. Pool and Metadata are those of its thin pool, for LVM.
	Size, Pool, Metadata uint64
	// At is where the filesystem is mounted if that is not where we would mount it: another program has made the brick.
	At string
	// Arbiter says that the brick holds names only, and needs room for inodes.
	Arbiter bool
}

// Provisioner makes bricks on devices of one kind.
type Provisioner interface {
	// Look tells what Take would measure, which LVM knows exactly only then, or why it would refuse. It changes nothing.
	Look(ctx context.Context, d Device, wipe bool) (Measure, error)
	// Take takes a device into use, and measures it. One that holds something else is refused, with what it holds,
	// unless wipe is set.
	Take(ctx context.Context, d Device, wipe bool) (Measure, error)
	// Release gives up what Take has made. A device that belongs to somebody else, or that holds bricks, is left alone:
	// the latter is an error.
	Release(ctx context.Context, d Device) error
	// Measure measures a device that was taken.
	Measure(ctx context.Context, d Device) (Measure, error)
	// Rescan measures it too, after it has taken in what the device was made larger by.
	Rescan(ctx context.Context, d Device) (Measure, error)
	// Make makes the filesystem of a brick and mounts it. Mount mounts it again. Unmake removes it, whatever state it is in.
	Make(ctx context.Context, d Device, b Brick) error
	Mount(ctx context.Context, d Device, b Brick) error
	Unmake(ctx context.Context, d Device, b Brick) error
	// Grow makes the filesystem of a brick larger, to the sizes that it is given; there is no way back.
	Grow(ctx context.Context, d Device, b Brick) error
	// Bricks lists the ids of the bricks that are on a device, whole or in part.
	Bricks(ctx context.Context, d Device) ([]string, error)
	// Folder returns where the filesystem of a brick is found.
	Folder(d Device, b Brick) string
}

// Host is all that this host can make bricks on.
type Host struct {
	kinds map[string]Provisioner
}

// Config is what a Host is made of.
type Config struct {
	// Mounts is the directory below which the filesystems of bricks are mounted.
	Mounts string
	// Locks is the directory of the bricks' locks.
	Locks string
	// Run runs a command; nil means runcmd.Run.
	Run func(ctx context.Context, c runcmd.Command) (runcmd.Result, error)
	Log *logrus.Entry
}

// commandTimeout bounds a single command. lvcreate writes the metadata of a thin pool full of zeros, 16 GiB at the most, for which a
// slow disk takes minutes; one that is dying does not come to an end.
const commandTimeout = 8 * time.Minute

// New makes a Host.
func New(c Config) *Host {
	if c.Run == nil {
		c.Run = runcmd.Run
	}
	t := &tools{Config: c}
	return &Host{kinds: map[string]Provisioner{LVM: alone{lvm{t}, t}, Loop: alone{loop{t}, t}, Directory: directory{t}}}
}

// Of returns the provisioner of a kind. The error is Invalid.
func (h *Host) Of(kind string) (Provisioner, error) {
	p, ok := h.kinds[kind]
	if !ok {
		return nil, api.FieldErrorf("provisioner", "provisioner %.40q: use %s, %s or %s", kind, LVM, Loop, Directory)
	}
	return p, nil
}

// refuse is an error about a device.
func refuse(d Device, format string, args ...any) error {
	return api.Errorf(api.State, "device %s: %s", d.Name, fmt.Sprintf(format, args...)).With("device", d.Name)
}

// imageName is the file of a brick, and what LVM calls its volume, as in Heketi.
func imageName(b Brick) string { return "brick_" + b.ID }

// brickIDs are the ids in names that begin as imageName and may end with one of the suffixes, sorted, each once.
func brickIDs(names []string, prefixes, suffixes []string) []string {
	var out []string
	for _, name := range names {
		for _, p := range prefixes {
			id, ok := strings.CutPrefix(name, p)
			for _, s := range suffixes {
				id = strings.TrimSuffix(id, s)
			}
			if ok && id != "" {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mountPoint is where the filesystem of a brick is mounted.
func (t *tools) mountPoint(b Brick) string {
	if b.At != "" {
		return b.At
	}
	return filepath.Join(t.Mounts, b.ID)
}
