package volume

import (
	"fmt"
	"strings"
	"testing"

	"gd2/pkg/api"
)

// made is a volume of n subvolumes of the shape; paths are /old/SUBVOLUME-BRICK.
func made(shape Subvol, n int) *Volume {
	v := &Volume{Name: "gv0", ID: "v"}
	for i := range n {
		s := shape
		for j := range s.width() {
			s.Bricks = append(s.Bricks, Brick{ID: fmt.Sprintf("old%d-%d", i, j), PeerID: fmt.Sprint("p", j), Path: fmt.Sprintf("/old/%d-%d", i, j),
				Client: i*s.width() + j, Arbiter: s.Arbiter > 0 && j == s.width()-1})
		}
		v.Subvols = append(v.Subvols, s)
	}
	return v
}

func placed(n int) []Placed {
	out := make([]Placed, n)
	for i := range out {
		out[i] = Placed{PeerID: fmt.Sprint("n", i), Path: fmt.Sprint("/new/", i)}
	}
	return out
}

// outline writes a volume as its subvolumes, each its clients in order, A after an arbiter.
func outline(v *Volume) string {
	var sets []string
	for _, s := range v.Subvols {
		var bricks []string
		for _, b := range s.Bricks {
			mark := ""
			if b.Arbiter {
				mark = "A"
			}
			bricks = append(bricks, fmt.Sprint(b.Client, mark))
		}
		sets = append(sets, strings.Join(bricks, " "))
	}
	return v.Shape().String() + ": " + strings.Join(sets, ", ")
}

var (
	dist     = Subvol{Type: api.SubvolDistribute, Replica: 1}
	rep2     = Subvol{Type: api.SubvolReplicate, Replica: 2}
	rep3     = Subvol{Type: api.SubvolReplicate, Replica: 3}
	arb      = Subvol{Type: api.SubvolReplicate, Replica: 3, Arbiter: 1}
	disp     = Subvol{Type: api.SubvolDisperse, Disperse: 3, Redundancy: 1}
	anything = "anything"
)

func TestExpand(t *testing.T) {
	for _, tt := range []struct {
		name             string
		shape            Subvol
		subvols          int
		replica, arbiter int
		bricks           int
		want             string // or the field that is wrong
	}{
		{"distribute", dist, 2, 0, 0, 1, "distribute: 0, 1, 2"},
		{"replica", rep3, 1, 0, 0, 3, "replica 3: 0 1 2, 3 4 5"},
		{"replica named again", rep3, 1, 3, 0, 6, "replica 3: 0 1 2, 3 4 5, 6 7 8"},
		{"arbiter", arb, 1, 0, 0, 3, "replica 2 arbiter 1: 0 1 2A, 3 4 5A"},
		{"arbiter named again", arb, 1, 2, 1, 3, "replica 2 arbiter 1: 0 1 2A, 3 4 5A"},
		{"disperse", disp, 1, 0, 0, 3, "disperse 3 redundancy 1: 0 1 2, 3 4 5"},
		{"1 to 2", dist, 2, 2, 0, 2, "replica 2: 0 2, 1 3"},
		{"1 to 3", dist, 2, 3, 0, 4, "replica 3: 0 2 3, 1 4 5"},
		{"2 to 3", rep2, 2, 3, 0, 2, "replica 3: 0 1 4, 2 3 5"},
		{"2 to arbiter", rep2, 2, 3, 1, 2, "replica 2 arbiter 1: 0 1 4A, 2 3 5A"},
		{"2 to arbiter, the other spelling", rep2, 1, 2, 1, 1, "replica 2 arbiter 1: 0 1 2A"},
		{"1 to arbiter", dist, 1, 3, 1, 2, "replica 2 arbiter 1: 0 1 2A"},
		{"no bricks", rep2, 1, 0, 0, 0, "bricks"},
		{"half a set", rep3, 1, 0, 0, 2, "bricks"},
		{"raise with too few", rep2, 2, 3, 0, 1, "bricks"},
		{"raise and spread at once", rep2, 2, 3, 0, 5, "bricks"},
		{"lower", rep3, 1, 2, 0, 3, "replica"},
		{"disperse to replica", disp, 1, 3, 0, 3, "replica"},
		{"copy to arbiter", rep3, 1, 3, 1, 1, "arbiter"},
		{"wider arbiter", arb, 1, 4, 0, 1, "replica"},
		{"arbiter of 4", rep2, 1, 4, 1, 2, "replica"},
		{"negative", rep2, 1, -1, 0, 1, "replica"},
		{"absurd", rep2, 1, 99, 0, 97, "replica"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := made(tt.shape, tt.subvols)
			before, n := outline(v), 0
			got, added, err := v.Expand(Growth{Replica: tt.replica, Arbiter: tt.arbiter, Bricks: placed(tt.bricks)},
				func() string { n++; return fmt.Sprint("id", n) })
			if outline(v) != before {
				t.Errorf("the volume itself became %s", outline(v))
			}
			if err != nil {
				if e := api.AsError(err); e.Kind != api.Invalid || e.Fields[api.FieldField] != tt.want {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			if outline(got) != tt.want || len(added) != tt.bricks {
				t.Errorf("%s with %d bricks added, want %s", outline(got), len(added), tt.want)
			}
		})
	}
}

// A number that was given away is not given again while its brick is there, though a lower one is free.
func TestExpandKeepsClients(t *testing.T) {
	v := made(dist, 3)
	v.Subvols = v.Subvols[1:]
	got, _, err := v.Expand(Growth{Bricks: placed(1)}, func() string { return anything })
	if err != nil || outline(got) != "distribute: 1, 2, 3" {
		t.Errorf("%s, %v", outline(got), err)
	}
}

func TestPart(t *testing.T) {
	v := made(rep3, 1)
	part := v.Part(v.Bricks()[1])
	if part.ID != v.ID || len(part.BricksOn("p1")) != 1 || len(part.Bricks()) != 1 || len(v.Bricks()) != 3 {
		t.Errorf("part %+v of %+v", part, v)
	}
}
