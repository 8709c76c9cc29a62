package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVolumeTypes makes a volume of every type, writes to it, mounts it anew on another peer and reads everything back.
func TestVolumeTypes(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	for _, tc := range []struct {
		name   string
		words  string
		bricks int
		typ    string
		// copies is how many of the first bricks must each hold every file, in full.
		copies int
	}{
		{"dist", "", 3, "Distribute", 0},
		{"rep2", "replica 2", 2, "Replicate", 2},
		{"rep3", "replica 3", 3, "Replicate", 3},
		{"rep4", "replica 4", 4, "Replicate", 4},
		{"arb2", "replica 2 arbiter 1", 3, "Replicate", 2},
		{"arb3", "replica 3 arbiter 1", 3, "Replicate", 2},
		{"disp", "disperse 3 redundancy 1", 3, "Disperse", 0},
		{"disp42", "disperse-data 4 redundancy 2", 6, "Disperse", 0},
		{"dr", "replica 3", 6, "Distributed-Replicate", 0},
		{"darb", "replica 3 arbiter 1", 6, "Distributed-Replicate", 0},
		{"ddisp", "disperse 3 redundancy 1", 6, "Distributed-Disperse", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := p.in(t)
			words := slices.Concat(strings.Fields(tc.words), p.bricks(tc.name, tc.bricks))
			if tc.bricks > 3 && tc.name != "dr" && tc.name != "darb" && tc.name != "ddisp" {
				words = append(words, "force") // two bricks of a set share a peer
			}
			status := p.create(tc.name, words...)
			if status.Info.Type != tc.typ || len(status.Bricks) != tc.bricks {
				t.Errorf("type %s with %d bricks, not %s with %d", status.Info.Type, len(status.Bricks), tc.typ, tc.bricks)
			}
			dir := p.mount(1, tc.name)
			want := fillTree(t, dir)
			p.must(p.Peer(1).Unmount(t.Context(), tc.name))
			sameTree(t, p.mount(2, tc.name), want)
			p.must(p.Peer(2).Unmount(t.Context(), tc.name))
			for i, brick := range p.bricks(tc.name, tc.copies) {
				_, path, _ := strings.Cut(brick, ":")
				sameTree(t, p.Peer(i%3+1).Path(path), want)
			}
			p.healInfo(tc.name, tc.typ, tc.bricks)
			p.cli("volume", "stop", tc.name)
			p.cli("volume", "delete", tc.name)
		})
	}
}

// healInfo asks what is to be healed: nothing on any brick, for the types that heal. A disperse volume keeps marks of what was being
// written when its client went, until a heal looks at them.
func (p pool) healInfo(volume, typ string, bricks int) {
	p.t.Helper()
	if typ == "Distribute" {
		p.cliRefused("heal info of "+typ, "volume", "heal", volume, "info")
		return
	}
	p.eventually(60*time.Second, func(context.Context) error {
		p.cli("volume", "heal", volume)
		text := p.cli("volume", "heal", volume, "info")
		if strings.Count(text, "Number of entries: 0") != bricks {
			return fmt.Errorf("heal info of %s (%s):\n%s", volume, typ, text)
		}
		return nil
	})
}
