package volgen

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// anyVolume draws a volume of any shape with any options that are valid for it.
func anyVolume(rt *rapid.T, tab *xlator.Table) *volume.Volume {
	shape := rapid.SampledFrom([]volume.Subvol{
		{Type: api.SubvolDistribute, Replica: 1}, {Type: api.SubvolReplicate, Replica: 2},
		{Type: api.SubvolReplicate, Replica: 3}, {Type: api.SubvolReplicate, Replica: 3, Arbiter: 1},
		{Type: api.SubvolReplicate, Replica: 7}, {Type: api.SubvolDisperse, Disperse: 3, Redundancy: 1},
		{Type: api.SubvolDisperse, Disperse: 6, Redundancy: 2},
	}).Draw(rt, "shape")
	size := max(shape.Replica, shape.Disperse)
	v := &volume.Volume{
		ID: "0f0e0d0c-0b0a-0908-0706-050403020100", Transport: "tcp",
		Name:    rapid.StringMatching(`[a-zA-Z0-9_-]{1,20}`).Draw(rt, "name"),
		Options: map[string]string{}, Auth: volume.Auth{Username: "u", Password: "p"},
	}
	client := rapid.IntRange(0, 5).Draw(rt, "first client") // a volume that shrank does not count from 0
	for i := range rapid.IntRange(1, 4).Draw(rt, "subvolumes") {
		s := shape
		for j := range size {
			s.Bricks = append(s.Bricks, volume.Brick{
				ID: fmt.Sprint(client), PeerID: fmt.Sprint("peer", j), Client: client, Arbiter: j >= size-s.Arbiter,
				Path: fmt.Sprintf("/%s/%d", rapid.StringMatching(`[a-z#"\\ é.]{1,10}`).Draw(rt, "path"), i),
			})
			client++
		}
		v.Subvols = append(v.Subvols, s)
	}
	for key, value := range rapid.MapOfN(rapid.SampledFrom(tab.Keys()), rapid.SampledFrom([]string{
		"on", "off", "3", "64MB", "10%", "posix", "client", "auto", "INFO", "a \"b\" \\c", "#x",
	}), 0, 30).Draw(rt, "options") {
		if tab.Validate(key, value) == nil {
			v.Options[key] = value
		}
	}
	return v
}

// TestAnyVolume: whatever the volume, its volfiles are well formed, have one top, and lead to each brick once.
func TestAnyVolume(t *testing.T) {
	o := testParams(t)
	rapid.Check(t, func(rt *rapid.T) {
		v := anyVolume(rt, o.Table)
		texts := map[string]string{"client": Client(v, o, false), "trusted": Client(v, o, true), "rebalance": Rebalance(v, o)}
		if v.NeedsSelfHeal() {
			texts["selfheal"] = SelfHeal(v, o)
		}
		for what, text := range texts {
			graph := wellFormed(rt, what, text)
			if got, want := reached(graph), brickList(v); !slices.Equal(got, want) {
				rt.Errorf("%s leads to %q, want %q\n%s", what, got, want, text)
			}
			if top := graph[len(graph)-1]; top.Name != v.Name {
				rt.Errorf("%s: top %s, want the volume", what, top.Name)
			}
		}
		for i, b := range v.Bricks() {
			graph := wellFormed(rt, "brick", Brick(v, i, o))
			if d := graph[0].Options["directory"]; d != b.Path {
				rt.Errorf("brick directory %q, want %q", d, b.Path)
			}
		}
		if Client(v, o, true) != texts["trusted"] {
			rt.Errorf("the same volume gave two texts")
		}
	})
}

// wellFormed parses a text and checks that every translator but the last is used by another.
func wellFormed(rt *rapid.T, what, text string) []xl {
	graph, err := parse(text)
	if err != nil {
		rt.Fatalf("%s: %v\n%s", what, err, text)
	}
	used := map[string]bool{}
	for _, x := range graph {
		for _, c := range x.Subvolumes {
			used[c] = true
		}
	}
	for _, x := range graph[:len(graph)-1] {
		if !used[x.Name] {
			rt.Fatalf("%s: nothing uses %s\n%s", what, x.Name, text)
		}
	}
	return graph
}

func reached(graph []xl) []string {
	var out []string
	for _, x := range graph {
		if x.Type == typeClient && x.Options["remote-host"] != "" {
			out = append(out, x.Options["remote-host"]+":"+x.Options["remote-subvolume"])
		}
	}
	return out
}

func brickList(v *volume.Volume) []string {
	var out []string
	for _, b := range v.Bricks() {
		out = append(out, b.PeerID+":"+b.Path)
	}
	return out
}
