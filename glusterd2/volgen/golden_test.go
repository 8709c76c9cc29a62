package volgen

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata/golden")

// TestGolden pins our texts byte by byte: a change of a byte makes every process of the pool reload.
func TestGolden(t *testing.T) {
	o := testParams(t)
	rep3 := captured(t, filepath.Join("testdata", "glusterd", "rep3"), "rep3")
	arb := captured(t, filepath.Join("testdata", "glusterd", "arb"), "arb")
	disp := captured(t, filepath.Join("testdata", "glusterd", "disp"), "disp")
	dr23 := captured(t, filepath.Join("testdata", "glusterd", "dr23"), "dr23")
	dist2 := captured(t, filepath.Join("testdata", "glusterd", "dist2"), "dist2")
	leaving := *dr23
	leaving.Subvols = slices.Clone(dr23.Subvols)
	leaving.Subvols[1].Bricks = slices.Clone(dr23.Subvols[1].Bricks)
	for i := range leaving.Subvols[1].Bricks {
		leaving.Subvols[1].Bricks[i].Leaving = true
	}
	for name, text := range map[string]string{
		"rep3-brick-0":        Brick(rep3, 0, o),
		"rep3-client":         Client(rep3, o, false),
		"rep3-client-trusted": Client(rep3, o, true),
		"rep3-shd":            SelfHeal(rep3, o),
		"arb-brick-2":         Brick(arb, 2, o),
		"arb-shd":             SelfHeal(arb, o),
		"disp-brick-0":        Brick(disp, 0, o),
		"disp-shd":            SelfHeal(disp, o),
		"dr23-client":         Client(dr23, o, false),
		"dist2-client":        Client(dist2, o, false),
		"dist2-rebalance":     Rebalance(dist2, o),
		"rep3-repair":         Repair(rep3, o),
		"dr23-leaving":        Rebalance(&leaving, o),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "golden", name+".vol")
			if *update {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), text); d != "" {
				t.Errorf("rewrite with -update if this is meant:\n%s", d)
			}
		})
	}
}
