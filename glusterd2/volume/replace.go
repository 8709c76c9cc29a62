package volume

import (
	"slices"

	"gd2/pkg/api"
)

// OpReplaceBrick is the name of the operation that puts a brick in the place of another.
const OpReplaceBrick = "volume.replace-brick"

// Replaceable returns the subvolume of a brick that is to be made anew, here or elsewhere. It refuses one whose files no other
// brick has.
func (v *Volume) Replaceable(brickID string) (Subvol, Brick, error) {
	s, b, err := v.BrickOf(brickID)
	if err == nil && s.Alone() {
		err = api.Errorf(api.State, "volume %s is distributed only: no other brick has the files of %s; add-brick makes room "+
			"elsewhere, and remove-brick moves the files there", v.Name, b.Path)
	}
	return s, b, err
}

// BrickOf returns a brick by its id, and its subvolume. The error is NotFound.
func (v *Volume) BrickOf(brickID string) (Subvol, Brick, error) {
	for _, s := range v.Subvols {
		if i := slices.IndexFunc(s.Bricks, func(b Brick) bool { return b.ID == brickID }); i >= 0 {
			return s, s.Bricks[i], nil
		}
	}
	return Subvol{}, Brick{}, api.Errorf(api.NotFound, "volume %s has no brick %s", v.Name, brickID)
}

// Alone reports whether a brick of the subvolume has files that no other brick has.
func (s Subvol) Alone() bool { return s.width() < 2 }

// Substitute returns the brick that was made to take the files of another one; ok is false if there is none.
func (v *Volume) Substitute(brickID string) (b Brick, ok bool) {
	for b := range v.All() {
		if b.InPlaceOf == brickID && brickID != "" {
			return b, true
		}
	}
	return Brick{}, false
}

// Replacement is what takes the place of a brick. It keeps the number of the client translator, by which the marks on the other
// copies know the place, and is the arbiter if that was one.
func (b Brick) Replacement(p Placed, id string) Brick {
	return Brick{ID: id, PeerID: p.PeerID, Path: p.Path, Client: b.Client, Arbiter: b.Arbiter}
}

// WithBrick is the volume with b in the place of the brick that has the same client number. v itself is left as it is.
func (v *Volume) WithBrick(b Brick) *Volume {
	out := *v
	out.Subvols = slices.Clone(v.Subvols)
	for i, s := range out.Subvols {
		if at := slices.IndexFunc(s.Bricks, func(o Brick) bool { return o.Client == b.Client }); at >= 0 {
			out.Subvols[i].Bricks = slices.Clone(s.Bricks)
			out.Subvols[i].Bricks[at] = b
		}
	}
	return &out
}
