package volume

import (
	"slices"

	"gd2/pkg/api"
)

// Growth says how a volume is to grow. Counts of 0 leave the shape of its subvolumes as it is: then there are more of them.
type Growth struct {
	// Replica and Arbiter are the counts that every subvolume has afterwards; both spellings of an arbiter are known.
	Replica, Arbiter int
	// Bricks are the new ones, set by set, in the order in which the subvolumes take them.
	Bricks []Placed
}

// Expand returns the volume as it is after it has grown, and the new bricks, whose clients are numbered after all that
// there are. Errors are api.Invalid and name the field. v itself is left as it is.
func (v *Volume) Expand(g Growth, newID func() string) (*Volume, []Brick, error) {
	if len(g.Bricks) == 0 {
		return nil, nil, api.FieldErrorf("bricks", "name at least one brick to add")
	}
	if len(v.Bricks())+len(g.Bricks) > MaxBricks {
		return nil, nil, api.FieldErrorf("bricks", "the volume would have more than %d bricks", MaxBricks)
	}
	shape, err := v.Shape().grown(g.Replica, g.Arbiter)
	if err != nil {
		return nil, nil, err
	}
	added := make([]Brick, len(g.Bricks))
	next := v.nextClient()
	for i, p := range g.Bricks {
		added[i] = Brick{ID: newID(), PeerID: p.PeerID, Path: p.Path, Client: next + i}
	}
	out := *v
	if sameShape(shape, v.Shape()) {
		out.Subvols, err = v.moreSubvols(shape, added)
	} else {
		out.Subvols, err = v.widerSubvols(shape, added)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, b := range out.Bricks() {
		i := slices.IndexFunc(added, func(a Brick) bool { return a.ID == b.ID })
		if i < 0 {
			continue
		}
		added[i] = b
		if g.Bricks[i].Arbiter && !b.Arbiter {
			return nil, nil, api.FieldErrorf("bricks", "brick %s: only the last brick of an arbiter subvolume is the arbiter", b.Path)
		}
	}
	return &out, added, nil
}

// nextClient is the number of the next client translator: numbers of bricks that are there are never given twice.
func (v *Volume) nextClient() int {
	next := 0
	for _, b := range v.Bricks() {
		next = max(next, b.Client+1)
	}
	return next
}

// width is how many bricks a subvolume of the shape has.
func (s Subvol) width() int { return max(s.Replica, s.Disperse, 1) }

// grown is the shape with other counts of copies; the same shape for counts of 0.
func (s Subvol) grown(replica, arbiter int) (Subvol, error) {
	s.Bricks = nil
	switch {
	case replica < 0 || arbiter < 0 || arbiter > 1:
		return s, api.FieldErrorf("replica", "replica %d arbiter %d: counts are not negative, and there is one arbiter at most", replica, arbiter)
	case replica == 0 && arbiter == 0:
		return s, nil
	case s.Type == api.SubvolDisperse:
		return s, api.FieldErrorf("replica", "the volume is dispersed: it cannot become replicated")
	case arbiter == 1 && replica != 0 && replica != 2 && replica != 3:
		return s, api.FieldErrorf("replica", "replica %d arbiter 1: an arbiter goes with replica 2 (or 3, which counts the arbiter)", replica)
	case arbiter == 1:
		replica = 3
	case s.Arbiter == 1 && replica == 2:
		replica = 3 // the same volume without its arbiter named
	}
	switch now := max(s.Replica, 1); {
	case replica > MaxReplica:
		return s, api.FieldErrorf("replica", "replica count %d: at most %d", replica, MaxReplica)
	case replica < now:
		return s, api.FieldErrorf("replica", "replica count %d: every subvolume has %d copies already; remove-brick lowers their number", replica, now)
	case replica == now && arbiter == 1 && s.Arbiter == 0:
		return s, api.FieldErrorf("arbiter", "a full copy cannot become an arbiter: lower the replica count to 2 first, then add the arbiters")
	case replica > now && s.Arbiter > 0:
		return s, api.FieldErrorf("replica", "the subvolumes have an arbiter: copies cannot be added to them")
	case replica > now:
		s.Type, s.Replica, s.Arbiter = api.SubvolReplicate, replica, arbiter
	}
	return s, nil
}

// moreSubvols appends subvolumes of the same shape.
func (v *Volume) moreSubvols(shape Subvol, added []Brick) ([]Subvol, error) {
	w := shape.width()
	if len(added)%w != 0 {
		return nil, api.FieldErrorf("bricks", "%d bricks do not make whole subvolumes of %d (%s): give a multiple of %d", len(added), w, shape, w)
	}
	out := slices.Clone(v.Subvols)
	for set := range slices.Chunk(added, w) {
		s := shape
		s.Bricks = slices.Clone(set)
		s.Bricks[w-1].Arbiter = s.Arbiter > 0
		out = append(out, s)
	}
	return out, nil
}

// widerSubvols gives every subvolume more copies.
func (v *Volume) widerSubvols(shape Subvol, added []Brick) ([]Subvol, error) {
	more := shape.Replica - v.Shape().width()
	if want := more * len(v.Subvols); len(added) != want {
		return nil, api.FieldErrorf("bricks", "%d bricks: to go from %s to %s, each of the %d subvolumes needs %d more, %d in all",
			len(added), v.Shape(), shape, len(v.Subvols), more, want)
	}
	var out []Subvol
	for i, s := range v.Subvols {
		wider := shape
		wider.Bricks = append(slices.Clone(s.Bricks), added[i*more:(i+1)*more]...)
		wider.Bricks[shape.Replica-1].Arbiter = shape.Arbiter > 0
		out = append(out, wider)
	}
	return out, nil
}

// Part is the volume with some of its bricks only, for what is done to these alone. They stand in one subvolume of the
// volume's shape, whose counts mean nothing.
func (v *Volume) Part(bricks ...Brick) *Volume {
	part, shape := *v, v.Shape()
	shape.Bricks = bricks
	part.Subvols = []Subvol{shape}
	return &part
}

// On is the volume with what its bricks stand on, for those that gd2 makes: device and sizes of the bricks with the same ids.
func (v *Volume) On(made []Brick) *Volume {
	out := *v
	out.Subvols = slices.Clone(v.Subvols)
	for i := range out.Subvols {
		s := &out.Subvols[i]
		s.Bricks = slices.Clone(s.Bricks)
		for j := range s.Bricks {
			b := &s.Bricks[j]
			if at := slices.IndexFunc(made, func(m Brick) bool { return m.ID == b.ID }); at >= 0 {
				b.Device, b.Size, b.Cost, b.Pool = made[at].Device, made[at].Size, made[at].Cost, made[at].Pool
				b.InPlaceOf = made[at].InPlaceOf
			}
		}
	}
	return &out
}
