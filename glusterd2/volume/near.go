package volume

import (
	"path"

	"gd2/store"
)

// places counts the bricks of a peer by their paths, and by the directories above those.
type places struct{ at, above map[place]int }

type place struct{ peerID, path string }

// brickPlaces are the places of the bricks of all volumes.
var brickPlaces = store.View[*Volume, places]{
	Kind: Records,
	New:  func() places { return places{at: map[place]int{}, above: map[place]int{}} },
	Put:  func(p places, rec store.Record[*Volume]) { p.count(rec.Value, 1) },
	Drop: func(p places, rec store.Record[*Volume]) { p.count(rec.Value, -1) },
}

func (p places) count(v *Volume, n int) {
	for b := range v.All() {
		add(p.at, place{b.PeerID, b.Path}, n)
		for dir := range above(b.Path) {
			add(p.above, place{b.PeerID, dir}, n)
		}
	}
}

func add[K comparable](counts map[K]int, at K, n int) {
	if counts[at] += n; counts[at] == 0 {
		delete(counts, at)
	}
}

// above goes through the directories above a cleaned absolute path. They are parts of the same string.
func above(name string) func(yield func(dir string) bool) {
	return func(yield func(dir string) bool) {
		for name != "/" && name != "." {
			if name = path.Dir(name); !yield(name) {
				return
			}
		}
	}
}

// near says whether a brick is, contains or lies inside another.
func (p places) near(b Brick) bool {
	if p.at[place{b.PeerID, b.Path}] > 0 || p.above[place{b.PeerID, b.Path}] > 0 {
		return true
	}
	for dir := range above(b.Path) {
		if p.at[place{b.PeerID, dir}] > 0 {
			return true
		}
	}
	return false
}

// AnyOverlaps reports whether any of these bricks is, contains or lies inside a brick of a volume on record. It costs the same among
// many volumes as among few.
func AnyOverlaps(r store.Reader, bricks []Brick) (found bool, err error) {
	err = brickPlaces.Read(r, func(p places) {
		for _, b := range bricks {
			found = found || p.near(b)
		}
	})
	return found, err
}

// owned is a path and the id of the volume whose brick is there.
type owned struct{ path, volumeID string }

// peerPaths counts the bricks of each peer.
var peerPaths = store.View[*Volume, map[string]map[owned]int]{
	Kind: Records,
	New:  func() map[string]map[owned]int { return map[string]map[owned]int{} },
	Put:  func(paths map[string]map[owned]int, rec store.Record[*Volume]) { countPaths(paths, rec.Value, 1) },
	Drop: func(paths map[string]map[owned]int, rec store.Record[*Volume]) { countPaths(paths, rec.Value, -1) },
}

func countPaths(paths map[string]map[owned]int, v *Volume, n int) {
	for b := range v.All() {
		if paths[b.PeerID] == nil {
			paths[b.PeerID] = map[owned]int{}
		}
		add(paths[b.PeerID], owned{b.Path, v.ID}, n)
	}
}

// PathsOn lists the paths of the bricks on a peer, in no order, without those that v itself has there.
func PathsOn(r store.Reader, peerID string, v *Volume) (list []string, err error) {
	own := map[string]bool{}
	for _, b := range v.BricksOn(peerID) {
		own[b.Path] = true
	}
	err = peerPaths.Read(r, func(paths map[string]map[owned]int) {
		list = make([]string, 0, len(paths[peerID]))
		for o := range paths[peerID] {
			if o.volumeID != v.ID || !own[o.path] {
				list = append(list, o.path)
			}
		}
	})
	return list, err
}
