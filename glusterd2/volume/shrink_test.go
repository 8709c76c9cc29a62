package volume

import (
	"fmt"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func TestShrink(t *testing.T) {
	for _, tt := range []struct {
		name    string
		shape   Subvol
		subvols int
		replica int
		bricks  string // SUBVOLUME-BRICK
		want    string // or the field that is wrong
	}{
		{"distribute", dist, 3, 0, "1-0", "distribute: 0, 2"},
		{"distribute, named", dist, 3, 1, "1-0 0-0", "distribute: 2"},
		{"whole set", rep3, 2, 0, "0-0 0-2 0-1", "replica 3: 3 4 5"},
		{"whole set, named", rep3, 2, 3, "1-0 1-2 1-1", "replica 3: 0 1 2"},
		{"disperse", disp, 2, 0, "0-0 0-2 0-1", "disperse 3 redundancy 1: 3 4 5"},
		{"3 to 2", rep3, 2, 2, "0-0 1-2", "replica 2: 1 2, 3 4"},
		{"3 to 1", rep3, 1, 1, "0-0 0-2", "distribute: 1"},
		{"2 to 1", rep2, 2, 1, "0-1 1-0", "distribute: 0, 3"},
		{"arbiter away", arb, 2, 2, "0-2 1-2", "replica 2: 0 1, 3 4"},
		{"arbiter and a copy", arb, 1, 1, "0-2 0-0", "distribute: 1"},
		{"nothing", dist, 2, 0, "", "bricks"},
		{"all", dist, 2, 0, "0-0 1-0", "bricks"},
		{"half a set", rep3, 2, 0, "0-0", "bricks"},
		{"a set and a half", rep2, 3, 0, "0-0 0-1 1-1", "bricks"},
		{"half a disperse set", disp, 2, 0, "0-0", "bricks"},
		{"uneven", rep3, 2, 2, "0-0 0-1", "bricks"},
		{"too few", rep3, 1, 1, "0-0", "bricks"},
		{"arbiter stays", arb, 1, 2, "0-0", "bricks"},
		{"raise", rep2, 1, 3, "0-0", "replica"},
		{"negative", rep2, 1, -1, "0-0", "replica"},
		{"copies of a disperse set", disp, 1, 2, "0-0", "replica"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := made(tt.shape, tt.subvols)
			before := outline(v)
			var ids []string
			for _, at := range strings.Fields(tt.bricks) {
				ids = append(ids, "old"+at)
			}
			got, removed, err := v.Shrink(tt.replica, ids)
			if outline(v) != before {
				t.Errorf("the volume itself became %s", outline(v))
			}
			if err != nil {
				if e := api.AsError(err); e.Kind != api.Invalid || e.Fields[api.FieldField] != tt.want {
					t.Errorf("error %v, want %s", err, tt.want)
				}
				return
			}
			if outline(got) != tt.want || len(removed) != len(ids) {
				t.Errorf("%s with %d bricks removed, want %s", outline(got), len(removed), tt.want)
			}
		})
	}
}

func TestLeave(t *testing.T) {
	v := made(rep2, 2)
	left := v.Leave([]string{"old1-0", "old1-1"})
	if got := fmt.Sprint(left.Subvols[0].Leaving(), left.Subvols[1].Leaving(), v.Subvols[1].Leaving()); got != "false true false" {
		t.Error(got)
	}
	if back := left.Leave(nil); back.Subvols[1].Leaving() || !left.Subvols[1].Leaving() {
		t.Error("not taken back, or from the wrong one")
	}
}
