package volume

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
)

// Limits of what one volume may be.
const (
	// MaxNameLength bounds a volume's name in bytes: names of files and volfile keys are built of volume, host and path.
	MaxNameLength = 128
	// MaxReplica bounds the copies of a file.
	MaxReplica = 16
	// MaxDisperse bounds the bricks of a disperse subvolume (EC_MAX_NODES in the disperse translator).
	MaxDisperse = 31
	// MaxBricks bounds the bricks of a volume.
	MaxBricks = 2000
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*$`)

// reserved names are words of the volfile grammar and of the command line, which glusterd refuses too, and a word that
// stands in REST paths where a volume's name does.
var reserved = []string{"all", "options-group", "volume", "type", "subvolumes", "option", "end-volume", "volume_not_in_ring"}

// ValidateName checks a volume's name: letters, digits, - and _, at most MaxNameLength, not a word of the volfile grammar.
func ValidateName(name string) error {
	switch {
	case name == "":
		return api.FieldErrorf("name", "the volume needs a name")
	case len(name) > MaxNameLength:
		return api.FieldErrorf("name", "volume name %.20q… is %d characters long: at most %d", name, len(name), MaxNameLength)
	case !nameRule.MatchString(name):
		return api.FieldErrorf("name", "volume name %q: use letters, digits, - and _ only, and no - at the start", name)
	case slices.Contains(reserved, name):
		return api.FieldErrorf("name", "volume name %q is reserved", name)
	}
	return nil
}

// Placed is a brick that a request asks for, on a peer that is known.
type Placed struct {
	PeerID string
	Path   string
	// Arbiter is true when the request itself says that the brick is an arbiter.
	Arbiter bool
}

// Layout turns the subvolumes of a request into those of a volume, with ids from newID and clients numbered from 0.
// place resolves the peer of a brick. All subvolumes must have one shape. Distribute subvolumes are taken apart, since
// each of their bricks stands alone. Errors are api.Invalid and name the field.
func Layout(reqs []api.SubvolReq, place func(api.BrickReq) (Placed, error), newID func() string) ([]Subvol, error) {
	if len(reqs) == 0 {
		return nil, api.FieldErrorf("subvols", "the volume needs at least one subvolume")
	}
	var out []Subvol
	client := 0
	for i, req := range reqs {
		shape, err := shapeOf(req)
		if err != nil {
			return nil, err
		}
		if i > 0 && !sameShape(shape, out[0]) {
			return nil, api.FieldErrorf("subvols", "subvolume %d is %s, but subvolume 0 is %s: all must have one shape", i, shape, out[0])
		}
		bricks := make([]Brick, len(req.Bricks))
		for j, b := range req.Bricks {
			p, err := place(b)
			if err != nil {
				return nil, err
			}
			last := j == len(req.Bricks)-1
			if p.Arbiter && (shape.Arbiter == 0 || !last) {
				return nil, api.FieldErrorf("subvols", "brick %s: only the last brick of an arbiter subvolume is the arbiter", p.Path)
			}
			bricks[j] = Brick{ID: newID(), PeerID: p.PeerID, Path: p.Path, Client: client, Arbiter: shape.Arbiter > 0 && last}
			client++
		}
		if client > MaxBricks {
			return nil, api.FieldErrorf("subvols", "the volume has more than %d bricks", MaxBricks)
		}
		if shape.Type != api.SubvolDistribute {
			shape.Bricks = bricks
			out = append(out, shape)
			continue
		}
		for _, b := range bricks {
			out = append(out, Subvol{Type: api.SubvolDistribute, Replica: 1, Bricks: []Brick{b}})
		}
	}
	return out, nil
}

func shapeOf(req api.SubvolReq) (Subvol, error) {
	n := len(req.Bricks)
	switch {
	case len(req.Subvols) > 0:
		return Subvol{}, api.FieldErrorf("subvols", "subvolumes inside a subvolume are not known")
	case n == 0:
		return Subvol{}, api.FieldErrorf("bricks", "a subvolume needs bricks")
	}
	for _, c := range []struct {
		field string
		value int
	}{{"replica", req.ReplicaCount}, {"arbiter", req.ArbiterCount}, {"disperse-count", req.DisperseCount},
		{"disperse-data", req.DisperseData}, {"disperse-redundancy", req.DisperseRedundancy}} {
		if c.value < 0 {
			return Subvol{}, api.FieldErrorf(c.field, "%s %d: a count cannot be negative", c.field, c.value)
		}
	}
	disperse := req.DisperseCount > 0 || req.DisperseData > 0 || req.DisperseRedundancy > 0
	replicate := req.ReplicaCount > 1 || req.ArbiterCount > 0
	switch t := strings.ToLower(req.Type); {
	case disperse && replicate:
		return Subvol{}, api.FieldErrorf("subvols", "a subvolume is either replicate or disperse, not both")
	case t == api.SubvolDisperse || t == "" && disperse:
		return disperseShape(req, n)
	case t == api.SubvolReplicate || t == "" && replicate:
		return replicateShape(req, n)
	case (t == "" || t == api.SubvolDistribute) && !disperse && !replicate:
		return Subvol{Type: api.SubvolDistribute, Replica: 1}, nil
	case t == api.SubvolDistribute:
		return Subvol{}, api.FieldErrorf("type", "a distribute subvolume has no replica or disperse counts")
	}
	return Subvol{}, api.FieldErrorf("type", "subvolume type %q: use %s, %s or %s", req.Type, api.SubvolDistribute, api.SubvolReplicate, api.SubvolDisperse)
}

// replicateShape accepts both spellings of an arbiter volume: the replica count with the arbiter or without it.
func replicateShape(req api.SubvolReq, n int) (Subvol, error) {
	replica, arbiter := req.ReplicaCount, req.ArbiterCount
	if arbiter > 1 {
		return Subvol{}, api.FieldErrorf("arbiter", "arbiter count %d: only 1 is possible", arbiter)
	}
	if arbiter == 1 {
		if replica != 2 && replica != 3 {
			return Subvol{}, api.FieldErrorf("replica", "replica %d arbiter 1: an arbiter goes with replica 2 (or 3, which counts the arbiter)", replica)
		}
		replica = 3
	}
	if replica == 0 {
		replica = n
	}
	switch {
	case replica < 2 || replica > MaxReplica:
		return Subvol{}, api.FieldErrorf("replica", "replica count %d: use 2 to %d", replica, MaxReplica)
	case n != replica:
		return Subvol{}, api.FieldErrorf("bricks", "%d bricks in a subvolume of %d: number of bricks and replica count differ", n, replica)
	}
	return Subvol{Type: api.SubvolReplicate, Replica: replica, Arbiter: arbiter}, nil
}

func disperseShape(req api.SubvolReq, n int) (Subvol, error) {
	total, redundancy, err := DisperseCounts(req.DisperseCount, req.DisperseData, req.DisperseRedundancy, n)
	if err != nil {
		return Subvol{}, err
	}
	if n != total {
		return Subvol{}, api.FieldErrorf("bricks", "%d bricks in a subvolume of %d: number of bricks and disperse count differ", n, total)
	}
	return Subvol{Type: api.SubvolDisperse, Disperse: total, Redundancy: redundancy}, nil
}

// DisperseCounts completes what a request says of a dispersed subvolume: any of the number of its bricks, of its data
// bricks and its redundancy may be 0. If nothing else says how many bricks there are, it is n. The error is Invalid.
func DisperseCounts(total, data, redundancy, n int) (bricks, redundant int, err error) {
	if total == 0 {
		total = n
		if data > 0 && redundancy > 0 {
			total = data + redundancy
		}
	}
	switch {
	case redundancy == 0 && data > 0:
		redundancy = total - data
	case redundancy == 0:
		redundancy = Redundancy(total)
	}
	switch {
	case data > 0 && data+redundancy != total:
		return 0, 0, api.FieldErrorf("disperse-data", "disperse data %d and redundancy %d do not make %d bricks", data, redundancy, total)
	case total < 3 || total > MaxDisperse:
		return 0, 0, api.FieldErrorf("disperse-count", "disperse count %d: use 3 to %d", total, MaxDisperse)
	case redundancy < 1 || 2*redundancy >= total:
		return 0, 0, api.FieldErrorf("disperse-redundancy", "redundancy %d of %d: at least 1 and less than half of the bricks", redundancy, total)
	}
	return total, redundancy, nil
}

// Redundancy is what a disperse set of the given size gets when nobody says: the smallest that leaves a power of two of
// data bricks, which makes whole-stripe writes of common sizes; 1 where there is none. The stock command proposes the same.
func Redundancy(total int) int {
	for r := 1; 2*r < total; r++ {
		if d := total - r; d&(d-1) == 0 {
			return r
		}
	}
	return 1
}

func sameShape(a, b Subvol) bool {
	return a.Type == b.Type && a.Replica == b.Replica && a.Arbiter == b.Arbiter && a.Disperse == b.Disperse && a.Redundancy == b.Redundancy
}

// String describes the shape in the words of the command line.
func (s Subvol) String() string {
	switch {
	case s.Type == api.SubvolDisperse:
		return "disperse " + strconv.Itoa(s.Disperse) + " redundancy " + strconv.Itoa(s.Redundancy)
	case s.Arbiter > 0:
		return "replica " + strconv.Itoa(s.Replica-s.Arbiter) + " arbiter " + strconv.Itoa(s.Arbiter)
	case s.Type == api.SubvolReplicate:
		return "replica " + strconv.Itoa(s.Replica)
	}
	return "distribute"
}

// Overlaps reports whether two cleaned absolute paths are the same or one lies inside the other.
func Overlaps(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	// This is asked for every brick of the pool: no new strings.
	b = strings.TrimSuffix(b, "/")
	return strings.HasPrefix(a, b) && (len(a) == len(b) || a[len(b)] == '/')
}
