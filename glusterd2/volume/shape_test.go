package volume

import (
	"fmt"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func layout(reqs ...api.SubvolReq) ([]Subvol, error) {
	n := 0
	return Layout(reqs, func(b api.BrickReq) (Placed, error) { return Placed{PeerID: b.PeerID, Path: b.Path}, nil },
		func() string { n++; return fmt.Sprint("id", n) })
}

func bricks(n int) []api.BrickReq {
	out := make([]api.BrickReq, n)
	for i := range out {
		out[i] = api.BrickReq{PeerID: fmt.Sprint("p", i), Path: fmt.Sprint("/b", i)}
	}
	return out
}

func TestLayout(t *testing.T) {
	tests := []struct {
		name    string
		reqs    []api.SubvolReq
		want    string // shape and number of subvolumes
		wantErr string // field
	}{
		{"distribute", []api.SubvolReq{{Bricks: bricks(3)}}, "distribute x3", ""},
		{"replica 3", []api.SubvolReq{{Type: "replicate", ReplicaCount: 3, Bricks: bricks(3)}}, "replica 3 x1", ""},
		{"type alone", []api.SubvolReq{{Type: "Replicate", Bricks: bricks(2)}}, "replica 2 x1", ""},
		{"2x3", []api.SubvolReq{{ReplicaCount: 3, Bricks: bricks(3)}, {ReplicaCount: 3, Bricks: bricks(3)}}, "replica 3 x2", ""},
		{"replica 2 arbiter 1", []api.SubvolReq{{ReplicaCount: 2, ArbiterCount: 1, Bricks: bricks(3)}}, "replica 2 arbiter 1 x1", ""},
		{"replica 3 arbiter 1", []api.SubvolReq{{ReplicaCount: 3, ArbiterCount: 1, Bricks: bricks(3)}}, "replica 2 arbiter 1 x1", ""},
		{"disperse 6", []api.SubvolReq{{Type: "disperse", Bricks: bricks(6)}}, "disperse 6 redundancy 2 x1", ""},
		{"disperse data 4", []api.SubvolReq{{DisperseData: 4, DisperseRedundancy: 2, Bricks: bricks(6)}}, "disperse 6 redundancy 2 x1", ""},
		{"disperse 3", []api.SubvolReq{{DisperseCount: 3, Bricks: bricks(3)}}, "disperse 3 redundancy 1 x1", ""},
		{"nothing", nil, "", "subvols"},
		{"no bricks", []api.SubvolReq{{}}, "", "bricks"},
		{"4 of 3", []api.SubvolReq{{ReplicaCount: 3, Bricks: bricks(4)}}, "", "bricks"},
		{"arbiter 2", []api.SubvolReq{{ReplicaCount: 3, ArbiterCount: 2, Bricks: bricks(5)}}, "", "arbiter"},
		{"arbiter of 4", []api.SubvolReq{{ReplicaCount: 4, ArbiterCount: 1, Bricks: bricks(4)}}, "", "replica"},
		{"redundancy too high", []api.SubvolReq{{DisperseCount: 4, DisperseRedundancy: 2, Bricks: bricks(4)}}, "", "disperse-redundancy"},
		{"absurd", []api.SubvolReq{{DisperseCount: 1 << 30, Bricks: bricks(4)}}, "", "disperse-count"},
		{"negative", []api.SubvolReq{{ReplicaCount: -1, Bricks: bricks(1)}}, "", "replica"},
		{"both", []api.SubvolReq{{ReplicaCount: 2, DisperseCount: 3, Bricks: bricks(3)}}, "", "subvols"},
		{"two shapes", []api.SubvolReq{{ReplicaCount: 2, Bricks: bricks(2)}, {ReplicaCount: 3, Bricks: bricks(3)}}, "", "subvols"},
		{"unknown type", []api.SubvolReq{{Type: "stripe", Bricks: bricks(2)}}, "", "type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := layout(tt.reqs...)
			if tt.wantErr != "" {
				if e := api.AsError(err); e == nil || e.Kind != api.Invalid || e.Fields[api.FieldField] != tt.wantErr {
					t.Fatalf("error %v, want one about field %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := fmt.Sprintf("%s x%d", got[0], len(got)); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
			v := Volume{Subvols: got}
			for i, b := range v.Bricks() {
				if b.Client != i {
					t.Errorf("brick %d has client %d", i, b.Client)
				}
			}
		})
	}
}

func TestArbiterIsTheLastBrick(t *testing.T) {
	got, err := layout(api.SubvolReq{ReplicaCount: 2, ArbiterCount: 1, Bricks: bricks(3)})
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range got[0].Bricks {
		if b.Arbiter != (i == 2) {
			t.Errorf("brick %d arbiter %v", i, b.Arbiter)
		}
	}
}

func TestValidateName(t *testing.T) {
	for _, good := range []string{"gv0", "a", "0a", "my_vol-1", strings.Repeat("x", MaxNameLength)} {
		if err := ValidateName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", "a b", "a/b", "a\n", "..", "all", "volume", "é", strings.Repeat("x", 300)} {
		if err := ValidateName(bad); !api.IsKind(err, api.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOverlaps(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"/a", "/a", true}, {"/a", "/a/b", true}, {"/a/b", "/a", true}, {"/a", "/ab", false}, {"/", "/x", true}} {
		if got := Overlaps(tt.a, tt.b); got != tt.want {
			t.Errorf("%s %s: %v", tt.a, tt.b, got)
		}
	}
}

func TestRedundancy(t *testing.T) {
	for total, want := range map[int]int{3: 1, 4: 1, 5: 1, 6: 2, 7: 3, 8: 1, 9: 1, 10: 2, 11: 3, 12: 4} {
		if got := Redundancy(total); got != want {
			t.Errorf("Redundancy(%d) = %d, want %d", total, got, want)
		}
	}
}
