package volume

import (
	"slices"

	"gd2/pkg/api"
)

// Shrink returns the volume without the bricks of the ids, and these. Unless replica, the number of copies afterwards, is
// lower than the present one (0 leaves it) they must be whole subvolumes, and not all of them. The bricks that stay keep
// their clients. Errors are api.Invalid and name the field. v itself is left as it is.
func (v *Volume) Shrink(replica int, ids []string) (*Volume, []Brick, error) {
	if len(ids) == 0 {
		return nil, nil, api.FieldErrorf("bricks", "name at least one brick to remove")
	}
	shape, err := v.Shape().lowered(replica)
	if err != nil {
		return nil, nil, err
	}
	out := *v
	if sameShape(shape, v.Shape()) {
		out.Subvols, err = v.fewerSubvols(ids)
	} else {
		out.Subvols, err = v.narrowerSubvols(shape, ids)
	}
	if err != nil {
		return nil, nil, err
	}
	if had, has := v.holds(), out.holds(); had > has {
		out.Capacity -= min(out.Capacity, had-has)
	}
	return &out, slices.DeleteFunc(v.Bricks(), func(b Brick) bool { return !slices.Contains(ids, b.ID) }), nil
}

// holds adds up what the subvolumes of a volume of a size hold, in bytes. A brick and the one that was made to take its files count
// once.
func (v *Volume) holds() (bytes uint64) {
	for _, s := range v.Subvols {
		if _, moves := v.Substitute(s.Bricks[0].ID); moves {
			continue
		}
		bytes += s.Bricks[0].Size * uint64(max(s.Disperse-s.Redundancy, 1))
	}
	return bytes
}

// lowered is the shape with fewer copies; the same shape for 0 or the present number. An arbiter goes first.
func (s Subvol) lowered(replica int) (Subvol, error) {
	s.Bricks = nil
	switch now := max(s.Replica, 1); {
	case replica < 0:
		return s, api.FieldErrorf("replica", "replica count %d: a count is not negative", replica)
	case replica == 0 || s.Type != api.SubvolDisperse && replica == now:
		return s, nil
	case s.Type == api.SubvolDisperse:
		return s, api.FieldErrorf("replica", "the volume is dispersed: it has no copies whose number could be lowered")
	case replica > now:
		return s, api.FieldErrorf("replica", "replica count %d: every subvolume has %d copies only; add-brick raises their number", replica, now)
	case replica == 1:
		return Subvol{Type: api.SubvolDistribute, Replica: 1}, nil
	}
	s.Replica, s.Arbiter = replica, 0
	return s, nil
}

// fewerSubvols leaves out whole subvolumes.
func (v *Volume) fewerSubvols(ids []string) ([]Subvol, error) {
	var stay []Subvol
	for i, s := range v.Subvols {
		switch _, gone := s.without(ids); gone {
		case 0:
			stay = append(stay, s)
		case len(s.Bricks):
		default:
			return nil, api.FieldErrorf("bricks", "%d of the %d bricks of subvolume %s: name all of them (%s), or lower the replica count",
				gone, len(s.Bricks), v.SubvolName(i), s)
		}
	}
	if len(stay) == 0 {
		return nil, api.FieldErrorf("bricks", "these are all subvolumes of the volume: at least one must stay; to give up the volume, delete it")
	}
	return stay, nil
}

// narrowerSubvols takes copies from every subvolume.
func (v *Volume) narrowerSubvols(shape Subvol, ids []string) ([]Subvol, error) {
	out := make([]Subvol, len(v.Subvols))
	fewer := v.Shape().width() - shape.Replica
	for i, s := range v.Subvols {
		stay, gone := s.without(ids)
		if gone != fewer {
			return nil, api.FieldErrorf("bricks", "%d bricks of subvolume %s: to go from %s to %s each of the %d subvolumes gives %d",
				gone, v.SubvolName(i), v.Shape(), shape, len(v.Subvols), fewer)
		}
		if slices.ContainsFunc(stay, func(b Brick) bool { return b.Arbiter }) {
			return nil, api.FieldErrorf("bricks", "the arbiter of subvolume %s would stay, and it holds no data: name it too", v.SubvolName(i))
		}
		out[i] = shape
		out[i].Bricks = stay
	}
	return out, nil
}

// without are the bricks of a subvolume that are not of the ids, and the number of those that are.
func (s Subvol) without(ids []string) (stay []Brick, gone int) {
	stay = slices.DeleteFunc(slices.Clone(s.Bricks), func(b Brick) bool { return slices.Contains(ids, b.ID) })
	return stay, len(s.Bricks) - len(stay)
}

// Leave returns the volume with exactly the bricks of the ids marked as leaving. v itself is left as it is.
func (v *Volume) Leave(ids []string) *Volume {
	out := *v
	out.Subvols = slices.Clone(v.Subvols)
	for i := range out.Subvols {
		s := &out.Subvols[i]
		s.Bricks = slices.Clone(s.Bricks)
		for j := range s.Bricks {
			s.Bricks[j].Leaving = slices.Contains(ids, s.Bricks[j].ID)
		}
	}
	return &out
}
