package provision

import "math"

// Sizes that follow from GlusterFS, LVM and XFS, in bytes.
const (
	// DefaultAverageFile is the size of a file where nobody says otherwise, as in Heketi.
	DefaultAverageFile = 64 << 10
	// arbiterFile is what an arbiter brick needs for the name of one file: an inode, its link under .glusterfs and a
	// share of their directories. It is a block of XFS.
	arbiterFile = 4 << 10
	// minArbiter is the smallest arbiter brick, if its device asks for no more.
	minArbiter = 16 << 20
	// maxPoolMetadata is the largest metadata volume of a thin pool that LVM takes.
	maxPoolMetadata = 16 << 30
)

// Sizing tells what a brick takes of a device.
type Sizing struct {
	// Unit is what the device gives out at once: the extent of a volume group, 4 MiB; 0 means single bytes.
	Unit uint64
	// Thin says that every brick comes with a thin pool of its own, whose metadata takes half a percent.
	Thin bool
	// MinBrick is the smallest brick that the device can hold: mkfs.xfs makes nothing below 300 MiB.
	MinBrick uint64
}

// Cost returns what a brick takes of the device, in bytes, with room for snapshots; reserve below 1 counts as 1. The
// arithmetic is Heketi's, so that devices that it has filled add up. It is MaxUint64 if the size is beyond all devices.
func (s Sizing) Cost(size uint64, reserve float64) uint64 {
	pool := s.Pool(size, reserve)
	if !s.Thin || pool == math.MaxUint64 {
		return pool
	}
	return pool + s.round(min(pool/200, maxPoolMetadata))
}

// Pool returns the part of Cost that is for data: the size of the thin pool. What is left is its metadata.
func (s Sizing) Pool(size uint64, reserve float64) uint64 {
	room := float64(size) * max(reserve, 1)
	if room >= math.MaxInt64 {
		return math.MaxUint64
	}
	return s.round(max(uint64(room), size))
}

func (s Sizing) round(n uint64) uint64 {
	if s.Unit == 0 {
		return n
	}
	return (n + s.Unit - 1) / s.Unit * s.Unit
}

// arbiterSize returns the size of the arbiter brick beside data bricks of a size.
func (r *Request) arbiterSize(brick uint64) uint64 {
	file := r.AverageFile
	if file == 0 {
		file = DefaultAverageFile
	}
	files := brick/file + 1
	return min(max(files*arbiterFile, minArbiter), max(brick, minArbiter))
}

// sizeOn returns the size of a brick on a device, which may have to be larger than what was asked for.
func (r *Request) sizeOn(d *Device, brick uint64, arbiter bool) uint64 {
	if arbiter {
		return max(r.arbiterSize(brick), d.Sizing.MinBrick)
	}
	return brick
}
