package cmd

import (
	"fmt"

	"gd2/pkg/api"
)

// shape is what all subvolumes of a new volume look like: a subvolume without its bricks, and how many of them it takes.
type shape struct {
	subvol api.SubvolReq
	width  int
}

// shape works out the subvolumes from the numbers given and the number of bricks.
func (f *createFlags) shape(bricks int) (shape, error) {
	dispersed := f.dispersed || f.disperse > 0 || f.data > 0 || f.redundancy > 0
	switch {
	case dispersed && (f.replica > 0 || f.arbiter > 0):
		return shape{}, usagef("replica and disperse exclude each other")
	case dispersed:
		return f.disperseShape(bricks)
	case f.replica > 0 || f.arbiter > 0:
		return f.replicaShape(bricks)
	}
	return shape{subvol: api.SubvolReq{Type: api.SubvolDistribute}, width: 1}, nil
}

// replicaShape accepts both of glusterd's spellings of a set with an arbiter: replica 2 arbiter 1 and replica 3 arbiter 1.
func (f *createFlags) replicaShape(bricks int) (shape, error) {
	n := f.replica
	switch {
	case f.arbiter > 0 && n == 0:
		return shape{}, usagef("arbiter needs replica: replica 3 arbiter 1")
	case f.arbiter > 1:
		return shape{}, usagef("arbiter is %d; it can only be 1", f.arbiter)
	case f.arbiter == 1 && n != 2 && n != 3:
		return shape{}, usagef("arbiter 1 needs replica 3 (or 2, which means the same), not %d", n)
	case n < 2:
		return shape{}, usagef("replica is %d; it must be at least 2", n)
	}
	name := fmt.Sprintf("replica %d", n)
	if f.arbiter == 1 {
		name += " arbiter 1"
		n = 3
	}
	s := shape{width: n, subvol: api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: n, ArbiterCount: f.arbiter}}
	return s, s.divides(bricks, name)
}

// disperseShape fills in what was left out: the number of bricks is that of all bricks, and the redundancy one that leaves a
// power of two of data bricks, or else 1.
func (f *createFlags) disperseShape(bricks int) (shape, error) {
	n, data, red := f.disperse, f.data, f.redundancy
	if n == 0 && data > 0 && red > 0 {
		n = data + red
	}
	if n == 0 {
		n = bricks
	}
	switch {
	case red == 0 && data > 0:
		red = n - data
	case red == 0:
		red = bestRedundancy(n)
	}
	switch {
	case data > 0 && data+red != n:
		return shape{}, usagef("disperse %d is not disperse-data %d plus redundancy %d", n, data, red)
	case n < 3:
		return shape{}, usagef("disperse is %d; it needs at least 3 bricks", n)
	case red < 1:
		return shape{}, usagef("disperse %d with disperse-data %d leaves no redundancy; it must be at least 1", n, data)
	case 2*red >= n:
		return shape{}, usagef("redundancy %d is too much for disperse %d; it must be less than half of it", red, n)
	}
	s := shape{width: n, subvol: api.SubvolReq{
		Type: api.SubvolDisperse, DisperseCount: n, DisperseData: n - red, DisperseRedundancy: red,
	}}
	return s, s.divides(bricks, fmt.Sprintf("disperse %d redundancy %d", n, red))
}

// bestRedundancy is the smallest that leaves a power of two of data bricks, which is what files are cut into fastest, and 1
// when there is none.
func bestRedundancy(n int) int {
	for red := 1; 2*red < n; red++ {
		if data := n - red; data&(data-1) == 0 {
			return red
		}
	}
	return 1
}

// divides checks that the bricks fill whole subvolumes.
func (s shape) divides(bricks int, name string) error {
	if bricks%s.width == 0 {
		return nil
	}
	return usagef("%s cannot be divided into %s subvolumes; give a multiple of %d", count(bricks, "brick"), name, s.width)
}

// split groups the bricks into subvolumes in their order.
func (s shape) split(bricks []api.BrickReq) []api.SubvolReq {
	var out []api.SubvolReq
	for i := 0; i < len(bricks); i += s.width {
		sub := s.subvol
		sub.Bricks = bricks[i : i+s.width : i+s.width]
		out = append(out, sub)
	}
	return out
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
