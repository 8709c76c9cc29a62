package volgen

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/volume"
)

// effect is what glusterd 10.3 did to the volfiles of a volume when options were set on it.
type effect struct {
	Volume  string              `json:"volume"`
	Set     map[string]string   `json:"set"`
	Changes map[string][]string `json:"changes"`
}

// unlike are the settings whose effect is not glusterd's on purpose, with the reason.
var unlike = map[string]string{
	"client.send-gids=off": "glusterd keeps sending the groups; here the option does what it says",
	"debug.trace=arbiter":  "glusterd puts the tracer on bricks that have no arbiter too",
	"debug.trace=io-stats": "glusterd puts the tracer between the server and the brick's name, which cuts clients off; refused here",
}

// TestOptionsMatch sets each option that glusterd 10.3 let itself be set (some 370 of them, one at a time, and some together)
// on a replicated, a dispersed and a distributed volume, and compares what changes in the volfiles with what changed in
// glusterd's. The captures are one JSON object a line; the changes are those that the function changes finds.
func TestOptionsMatch(t *testing.T) {
	f, err := os.Open("testdata/glusterd/options.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o, n, volumes := testParams(t), 0, map[string]*volume.Volume{}
	for sc := bufio.NewScanner(f); sc.Scan(); n++ {
		var e effect
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		name := settingText(e.Set)
		if unlike[name] != "" {
			continue
		}
		before := volumes[e.Volume]
		if before == nil {
			before = captured(t, filepath.Join("testdata", "glusterd", e.Volume), e.Volume)
			volumes[e.Volume] = before
		}
		after := *before
		after.Options = maps.Clone(before.Options)
		maps.Copy(after.Options, e.Set)
		for what, text := range map[string][2]string{
			"client":  {Client(before, o, false), Client(&after, o, false)},
			"trusted": {Client(before, o, true), Client(&after, o, true)},
			"brick":   {Brick(before, 0, o), Brick(&after, 0, o)},
			"shd":     {SelfHeal(before, o), SelfHeal(&after, o)},
		} {
			if what == "shd" && !before.NeedsSelfHeal() {
				continue
			}
			if d := cmp.Diff(e.Changes[what], changes(t, text[0], text[1])); d != "" {
				t.Errorf("%s %s, %s: glusterd (-), ours (+):\n%s", e.Volume, name, what, d)
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d settings compared", n)
	}
}

func settingText(set map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(set)) {
		out = append(out, k+"="+set[k])
	}
	return strings.Join(out, " ")
}

// changes lists what differs between two volfiles, by translator.
func changes(t *testing.T, before, after string) []string {
	t.Helper()
	a, err := parse(before)
	if err != nil {
		t.Fatal(err)
	}
	b, err := parse(after)
	if err != nil {
		t.Fatal(err)
	}
	old, now := byName(a), byName(b)
	var out []string
	for name, x := range old {
		if _, ok := now[name]; !ok {
			out = append(out, "- "+name+" "+x.Type)
		}
	}
	for name, x := range now {
		was, ok := old[name]
		if !ok || was.Type != x.Type {
			out = append(out, "+ "+name+" "+x.Type)
		}
		if s := strings.Join(x.Subvolumes, " "); s != strings.Join(was.Subvolumes, " ") {
			out = append(out, name+" over "+s)
		}
		for k := range was.Options {
			if _, ok := x.Options[k]; !ok {
				out = append(out, name+" without "+k)
			}
		}
		for k, v := range x.Options {
			if old, ok := was.Options[k]; !ok || old != v {
				out = append(out, fmt.Sprintf("%s %s=%s", name, k, v))
			}
		}
	}
	slices.Sort(out)
	return out
}

func byName(graph []xl) map[string]xl {
	out := map[string]xl{}
	for _, x := range graph {
		out[x.Name] = x
	}
	return out
}
