package xlator

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
)

func TestResolve(t *testing.T) {
	tab := load(t)
	got, err := tab.Resolve(map[string]string{"io-cache": "on", "replicate.eager-lock": "off", "user.x": "y"}, rep3)
	want := map[string]string{"performance.io-cache": "on", "cluster.eager-lock": "off", "user.x": "y"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("error %v, diff %s", err, d)
	}
	_, err = tab.Resolve(map[string]string{"io-cache": "perhaps", "nonsense": "1", "performance.read-ahead": "on"}, rep3)
	if e := api.AsError(err); e == nil || e.Kind != api.Invalid || len(e.Causes) != 2 {
		t.Errorf("error %v: want one Invalid error with two causes", err)
	}
	_, err = tab.Resolve(map[string]string{"io-cache": "on", "performance.io-cache": "off"}, rep3)
	if err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("two spellings of one option: error %v", err)
	}
}

func TestResolvePool(t *testing.T) {
	tab := load(t)
	if _, err := tab.ResolvePool(map[string]string{"cluster.server-quorum-ratio": "60%", "cluster.brick-multiplex": "off"}); err != nil {
		t.Error(err)
	}
	for key, value := range map[string]string{"performance.io-cache": "on", "cluster.server-quorum-ratio": "160%", "cluster.brick-multiplex": "maybe", "cluster.max-bricks-per-process": "1",
		"client.strict-locks": "on", "nfs.acl": "on"} {
		if _, err := tab.ResolvePool(map[string]string{key: value}); !api.IsKind(err, api.Invalid) {
			t.Errorf("%s=%s: error %v", key, value, err)
		}
	}
	if keys := tab.PoolKeys(); len(keys) != 10 { // those that glusterd 10.3 shows for "volume get all all"
		t.Errorf("options of the pool: %q", keys)
	}
	for _, key := range tab.PoolKeys() {
		if _, err := tab.Complete(key); err != nil {
			t.Error(err)
		}
	}
}

func TestPoolOpVersion(t *testing.T) {
	tab := load(t)
	for _, key := range []string{keyOpVersion, keyMaxOpVersion} {
		if got := tab.Default(key, Shape{}); got != "100000" {
			t.Errorf("%s is %q", key, got)
		}
		if _, err := tab.ResolvePool(map[string]string{key: "70200"}); err == nil || !strings.Contains(err.Error(), "100000") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if need, _ := tab.OpVersions(map[string]string{"cluster.max-bricks-per-process": "2"}); need > MaxOpVersion {
		t.Errorf("an option needs op-version %d", need)
	}
}

func TestReset(t *testing.T) {
	tab := load(t)
	set := map[string]string{"features.quota": "on", "performance.io-cache": "on", "user.x": "y"}
	for _, c := range []struct {
		names      []string
		all, force bool
		want       []string
		wrong      string
	}{
		{all: true, want: []string{"performance.io-cache", "user.x"}},
		{all: true, force: true, want: []string{"performance.io-cache", "user.x"}},
		{names: []string{"io-cache", "performance.io-cache", "performance.read-ahead"}, want: []string{"performance.io-cache"}},
		{names: []string{"features.quota"}, wrong: "belongs to quota"},
		{names: []string{"features.quota"}, force: true, wrong: "belongs to quota"},
		{names: []string{"features.bitrot"}, wrong: "protected"},
		{names: []string{"nonsense"}, wrong: "does not exist"},
	} {
		got, err := tab.Reset(set, c.names, c.all, c.force)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%v: error %v, want %q", c.names, err, c.wrong)
			}
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%+v: error %v, diff %s", c, err, d)
		}
	}
}

func TestOptions(t *testing.T) {
	tab := load(t)
	all := tab.Options(map[string]string{"performance.io-cache": "on", "user.x": "y"}, rep3)
	if len(all) != 390 {
		t.Errorf("%d options, want all 389 and user.x", len(all))
	}
	i := slices.IndexFunc(all, func(o api.VolumeOption) bool { return o.Name == "performance.io-cache" })
	want := api.VolumeOption{Name: "performance.io-cache", Value: "on", Modified: true, DefaultValue: "off", OptionLevel: Basic}
	if d := cmp.Diff(want, all[i]); d != "" {
		t.Error(d)
	}
	if l := tab.Level("cluster.lock-migration"); l != Advanced && l != Basic {
		t.Errorf("level %q", l)
	}
}

func TestConsistent(t *testing.T) {
	tab := load(t)
	for _, c := range []struct {
		options map[string]string
		want    string
	}{
		{map[string]string{"cluster.nufa": "on", "cluster.switch": "off"}, ""},
		{map[string]string{"cluster.nufa": "on", "cluster.switch": "on"}, "cannot both be on"},
		{map[string]string{"features.worm": "enable", "features.read-only": "1"}, "cannot both be on"},
		{map[string]string{"server.root-squash": "on", "performance.read-after-open": "no"}, "must be on"},
		{map[string]string{"cluster.quorum-type": "fixed"}, "needs cluster.quorum-count"},
		{map[string]string{"cluster.quorum-type": "fixed", "cluster.quorum-count": "2"}, ""},
		{map[string]string{"performance.cache-min-file-size": "2MB", "performance.cache-max-file-size": "1MB"}, "greater than"},
	} {
		err := tab.Consistent(c.options)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.options, err, c.want)
		}
	}
}

func TestOpVersions(t *testing.T) {
	tab := load(t)
	for _, c := range []struct {
		options     map[string]string
		all, client int
	}{
		{nil, 1, 1},
		{CreateOptions(api.SubvolReplicate), 40000, 30800},
		{map[string]string{"features.shard": "off"}, 1, 1},
		{map[string]string{"features.shard-lru-limit": "100"}, 50000, 50000},
		{map[string]string{"user.x": "on"}, 1, 1},
	} {
		if all, client := tab.OpVersions(c.options); all != c.all || client != c.client {
			t.Errorf("%v: %d and %d, want %d and %d", c.options, all, client, c.all, c.client)
		}
	}
}

// TestBuiltinGroups: every group must be settable on the volumes that it is for.
func TestBuiltinGroups(t *testing.T) {
	tab := load(t)
	groups, err := BuiltinGroups()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
		request := map[string]string{}
		for _, o := range g.Options {
			request[o.Name] = o.OnValue
		}
		resolved, err := tab.Resolve(request, rep3)
		if err != nil {
			t.Errorf("group %s: %v", g.Name, err)
		}
		if err := tab.Consistent(resolved); err != nil {
			t.Errorf("group %s: %v", g.Name, err)
		}
		if g.Description == "" || len(g.Options) == 0 {
			t.Errorf("group %s: description %q, %d options", g.Name, g.Description, len(g.Options))
		}
	}
	want := slices.Sorted(maps.Keys(descriptions))
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}

func FuzzComplete(f *testing.F) {
	tab := load(f)
	for _, s := range []string{"cache-size", "a.b.c", "brick.x/y.z", "....", "user.", "/"} {
		f.Add(s, "on")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		key, err := tab.Complete(name)
		if err != nil {
			return
		}
		again, err := tab.Complete(key)
		if err != nil || again != key {
			t.Errorf("Complete(%q) = %q, which completes to %q, %v", name, key, again, err)
		}
		_ = tab.ValidateFor(key, value, rep3)
	})
}
