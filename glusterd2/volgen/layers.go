package volgen

import (
	"slices"

	"gd2/glusterd2/volume"
)

// BrickLayers compares the graphs that two states of a volume give its bricks, and returns the translators that only the
// one or the other has. The bricks themselves must be the same.
func BrickLayers(was, is *volume.Volume, o Params) (added, gone []string) {
	for i := range is.Bricks() {
		before, after := brickGraph(was, i, o).layers(), brickGraph(is, i, o).layers()
		added = append(added, slices.DeleteFunc(slices.Clone(after), func(l string) bool { return slices.Contains(before, l) })...)
		gone = append(gone, slices.DeleteFunc(slices.Clone(before), func(l string) bool { return slices.Contains(after, l) })...)
	}
	return unique(added), unique(gone)
}

func (g *graph) layers() []string {
	out := make([]string, len(g.nodes))
	for i, n := range g.nodes {
		out[i] = n.typ
	}
	return out
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
