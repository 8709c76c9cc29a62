package volumes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gd2/pkg/api"
)

// set sets options of the volume gv.
func (r *rig) set(options map[string]string) (api.VolumeInfo, error) {
	return r.c.SetOptions(r.t.Context(), "gv", api.VolumeOptionReq{Options: options})
}

func TestOptions(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	got, err := r.set(map[string]string{"performance.cache-size": "64MB", "cache-refresh-timeout": "2"})
	if err != nil || got.Options["performance.cache-size"] != "64MB" || got.Options["performance.cache-refresh-timeout"] != "2" {
		t.Fatalf("%v, %v", got.Options, err)
	}
	o, err := r.c.Option(t.Context(), "gv", "performance.cache-size")
	if err != nil || o.Value != "64MB" || !o.Modified || o.DefaultValue != "32MB" {
		t.Errorf("%+v, %v", o, err)
	}
	all, err := r.c.Options(t.Context(), "gv")
	if err != nil || len(all) < 200 {
		t.Errorf("%d options, %v", len(all), err)
	}
	_, err = r.c.Option(t.Context(), "gv", "no.such")
	refused(t, err, api.Invalid, "options")
	got, err = r.set(map[string]string{"performance.cache-size": ""})
	if _, still := got.Options["performance.cache-size"]; still || err != nil {
		t.Errorf("an empty value does not take the option back: %v, %v", got.Options, err)
	}
}

func TestOptionRefusals(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	many := map[string]string{}
	for i := range maxOptions + 1 {
		many[fmt.Sprintf("user.o%d", i)] = "x"
	}
	before := recordText(r.store, "gv")
	for what, options := range map[string]map[string]string{
		"none": {}, "unknown": {"performance.cache-sice": "1"}, "ambiguous": {"enable": "on"}, "type": {"performance.cache-size": "much"},
		"range": {"performance.cache-refresh-timeout": "100"}, "newline": {"user.a": "x\noption b"}, "pool-wide": {"cluster.brick-multiplex": "on"},
		"shape": {"disperse.quorum-count": "2"}, "clash": {"features.read-only": "on", "features.worm": "on"},
		"needs another": {"cluster.quorum-type": "fixed"}, "too many": many, "unknown group": {"group": "nice"}, "group value": {"virt": "maybe"},
		"one good one bad": {"performance.cache-size": "64MB", "nfs.disable": "perhaps"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := r.set(options)
			refused(t, err, api.Invalid, "options")
		})
	}
	if after := recordText(r.store, "gv"); after != before {
		t.Errorf("the refusals changed something: %s", after)
	}
	// What clashes with what is set already.
	if _, err := r.set(map[string]string{"features.read-only": "on"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.set(map[string]string{"features.worm": "on"})
	refused(t, err, api.Invalid, "options")
	if _, err := r.set(map[string]string{"features.worm": "on", "features.read-only": "off"}); err != nil {
		t.Error(err)
	}
}

func TestResetOptions(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	fresh := recordText(r.store, "gv")
	reset := func(req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
		return r.c.ResetOptions(t.Context(), "gv", req)
	}
	if _, err := r.set(map[string]string{"performance.cache-size": "64MB", "nfs.disable": "off", "user.x": "1"}); err != nil {
		t.Fatal(err)
	}
	_, err := reset(api.VolumeOptionResetReq{})
	refused(t, err, api.Invalid, "options")
	_, err = reset(api.VolumeOptionResetReq{Options: []string{"no.such"}})
	refused(t, err, api.Invalid, "options")
	got, err := reset(api.VolumeOptionResetReq{Options: []string{"cache-size", "performance.cache-size"}})
	if _, still := got.Options["performance.cache-size"]; still || err != nil {
		t.Errorf("%v, %v", got.Options, err)
	}
	got, err = reset(api.VolumeOptionResetReq{Options: []string{"nfs.disable"}})
	if got.Options["nfs.disable"] != "on" || err != nil {
		t.Errorf("an option that new volumes have set, after its reset: %v, %v", got.Options, err)
	}
	if _, err := reset(api.VolumeOptionResetReq{All: true, Force: true}); err != nil {
		t.Error(err)
	}
	if again := recordText(r.store, "gv"); again != fresh {
		t.Errorf("after the reset of all: %s\nwant as new: %s", again, fresh)
	}
}

// A reset must not leave options that clash.
func TestResetKeepsOptionsConsistent(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	if _, err := r.set(map[string]string{"cluster.quorum-type": "fixed", "cluster.quorum-count": "2"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.c.ResetOptions(t.Context(), "gv", api.VolumeOptionResetReq{Options: []string{"cluster.quorum-count"}})
	refused(t, err, api.Invalid, "options")
}

func TestGroups(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	mine := api.OptionGroup{Name: "mine", Options: []api.GroupOption{{Name: "cache-size", OnValue: "64MB"}, {Name: "performance.read-ahead", OnValue: "off"}}}
	g, err := r.c.CreateGroup(ctx, api.OptionGroupReq{OptionGroup: mine})
	if err != nil || g.Options[0].Name != "performance.cache-size" {
		t.Fatalf("%+v, %v", g, err)
	}
	_, err = r.c.CreateGroup(ctx, api.OptionGroupReq{OptionGroup: mine})
	refused(t, err, api.Exists, "")
	for _, on := range []map[string]string{{"mine": "on"}, {"group": "mine"}} {
		got, err := r.set(on)
		if err != nil || got.Options["performance.cache-size"] != "64MB" || got.Options["performance.read-ahead"] != "off" {
			t.Errorf("%v: %v, %v", on, got.Options, err)
		}
		got, err = r.set(map[string]string{"mine": "off"})
		if _, still := got.Options["performance.cache-size"]; still || err != nil {
			t.Errorf("off: %v, %v", got.Options, err)
		}
	}
	// What is named by itself comes before what a group says, under whatever name.
	for range 10 {
		got, err := r.set(map[string]string{"mine": "on", "cache-size": "8MB"})
		if err != nil || got.Options["performance.cache-size"] != "8MB" {
			t.Fatalf("%v, %v", got.Options, err)
		}
	}
	if err := r.c.DeleteGroup(ctx, "mine"); err != nil {
		t.Error(err)
	}
	refused(t, r.c.DeleteGroup(ctx, "mine"), api.NotFound, "")
	refused(t, r.c.DeleteGroup(ctx, "virt"), api.Forbidden, "")
}

func TestGroupRefusals(t *testing.T) {
	r := newRig(t)
	one := []api.GroupOption{{Name: "performance.cache-size", OnValue: "64MB"}}
	for what, c := range map[string]struct {
		group api.OptionGroup
		kind  api.Kind
		field string
	}{
		"name":           {api.OptionGroup{Name: "a/b", Options: one}, api.Invalid, "name"},
		"the word group": {api.OptionGroup{Name: "group", Options: one}, api.Invalid, "name"},
		"an option":      {api.OptionGroup{Name: "performance.cache-size", Options: one}, api.Invalid, "name"},
		"long name":      {api.OptionGroup{Name: strings.Repeat("x", 300), Options: one}, api.Invalid, "name"},
		"builtin":        {api.OptionGroup{Name: "virt", Options: one}, api.Exists, ""},
		"empty":          {api.OptionGroup{Name: "g"}, api.Invalid, "options"},
		"description":    {api.OptionGroup{Name: "g", Options: one, Description: strings.Repeat("x", 2000)}, api.Invalid, "description"},
		"unknown option": {api.OptionGroup{Name: "g", Options: []api.GroupOption{{Name: "no.such", OnValue: "1"}}}, api.Invalid, "options"},
		"bad value":      {api.OptionGroup{Name: "g", Options: []api.GroupOption{{Name: "nfs.disable", OnValue: "?"}}}, api.Invalid, "options"},
		"pool-wide":      {api.OptionGroup{Name: "g", Options: []api.GroupOption{{Name: "cluster.brick-multiplex", OnValue: "on"}}}, api.Invalid, "options"},
	} {
		_, err := r.c.CreateGroup(t.Context(), api.OptionGroupReq{OptionGroup: c.group})
		t.Run(what, func(t *testing.T) { refused(t, err, c.kind, c.field) })
	}
}

func TestClusterOptions(t *testing.T) {
	r := newRig(t)
	c := Cluster{r.c}
	value := func(list []api.ClusterOption, key string) api.ClusterOption {
		for _, o := range list {
			if o.Key == key {
				return o
			}
		}
		t.Fatalf("no option %s", key)
		return api.ClusterOption{}
	}
	set := func(k, v string) ([]api.ClusterOption, error) {
		return c.SetOptions(t.Context(), api.ClusterOptionReq{Options: map[string]string{k: v}})
	}
	const ratio = "cluster.server-quorum-ratio"
	list, err := set(ratio, "60%")
	if err != nil || value(list, ratio).Value != "60%" || !value(list, ratio).Modified {
		t.Fatalf("%+v, %v", list, err)
	}
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	if o, err := r.c.Option(t.Context(), "gv", ratio); err != nil || o.Value != "60%" || !o.Modified {
		t.Errorf("a volume tells of the option of the pool: %+v, %v", o, err)
	}
	for _, idle := range []string{"cluster.localtime-logging", "cluster.enable-shared-storage"} {
		_, err = set(idle, "enable")
		refused(t, err, api.Invalid, "options")
	}
	if list, err = set("cluster.localtime-logging", "disable"); err != nil || value(list, ratio).Value != "60%" {
		t.Errorf("the second option took the first away: %+v, %v", list, err)
	}
	if list, err = set(ratio, ""); err != nil || value(list, ratio).Modified {
		t.Errorf("%+v, %v", list, err)
	}
	for k, v := range map[string]string{"no.such": "1", "performance.cache-size": "1", ratio: "200%", "": "x"} {
		_, err := set(k, v)
		refused(t, err, api.Invalid, "options")
	}
	_, err = c.SetOptions(t.Context(), api.ClusterOptionReq{})
	refused(t, err, api.Invalid, "options")
}

// However many edits come at once, each is either applied or refused with Conflict.
func TestEditsRace(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	const edits = 12
	errs := make([]error, edits)
	var wg sync.WaitGroup
	for i := range edits {
		wg.Go(func() {
			c := r.peers[fmt.Sprintf("p%d", i%3+1)]
			if i%2 == 0 {
				_, errs[i] = c.SetOptions(t.Context(), "gv", api.VolumeOptionReq{Options: map[string]string{fmt.Sprintf("user.o%d", i): "x"}})
			} else {
				_, errs[i] = c.Edit(t.Context(), "gv", api.VolumeEditReq{Metadata: map[string]string{fmt.Sprintf("m%d", i): "x"}})
			}
		})
	}
	wg.Wait()
	applied := 0
	v := r.record("gv")
	for i, err := range errs {
		there := v.Options[fmt.Sprintf("user.o%d", i)]+v.Metadata[fmt.Sprintf("m%d", i)] == "x"
		if err != nil && !api.IsKind(err, api.Conflict) || (err == nil) != there {
			t.Errorf("edit %d: %v, applied %v", i, err, there)
		}
		if there {
			applied++
		}
	}
	if applied == 0 {
		t.Error("no edit was applied")
	}
}

func TestEditMetadata(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	edit := func(req api.VolumeEditReq) (api.VolumeInfo, error) { return r.c.Edit(ctx, "gv", req) }
	if v, err := edit(api.VolumeEditReq{Metadata: map[string]string{"a": "1", "b": "2"}}); err != nil || v.Metadata["a"] != "1" {
		t.Errorf("%+v, %v", v, err)
	}
	for filter, found := range map[[2]string]int{{"", ""}: 1, {"a", ""}: 1, {"a", "1"}: 1, {"", "2"}: 1, {"a", "2"}: 0, {"c", ""}: 0} {
		if list, err := r.c.List(ctx, filter[0], filter[1]); err != nil || len(list) != found {
			t.Errorf("filter %v: %d volumes, %v", filter, len(list), err)
		}
	}
	if v, err := edit(api.VolumeEditReq{Metadata: map[string]string{"a": ""}, DeleteMetadata: true}); err != nil || len(v.Metadata) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	for _, bad := range []map[string]string{nil, {"_a": "x"}, {"": "x"}, {"a\n": "x"}, {"a": strings.Repeat("x", api.MaxMetadata)}} {
		_, err := edit(api.VolumeEditReq{Metadata: bad})
		refused(t, err, api.Invalid, "metadata")
	}
	half := strings.Repeat("x", api.MaxMetadata*2/3)
	if _, err := edit(api.VolumeEditReq{Metadata: map[string]string{"c": half}}); err != nil {
		t.Error(err)
	}
	_, err := edit(api.VolumeEditReq{Metadata: map[string]string{"d": half}})
	refused(t, err, api.Invalid, "metadata")
}

// What bricks cannot take while they run is refused then, and only then.
func TestBrickLayersNeedAStop(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	r.start("gv")
	_, err := r.set(map[string]string{"features.sdfs": "on", "performance.cache-size": "64MB"})
	refused(t, err, api.State, "options")
	if !strings.Contains(err.Error(), "features/sdfs") || !strings.Contains(err.Error(), "stop the volume") {
		t.Error(err)
	}
	_, err = r.set(map[string]string{"storage.linux-aio": "on"})
	refused(t, err, api.State, "options")
	for _, fine := range []map[string]string{{"storage.linux-aio": "off"}, {"debug.trace": "client"}, {"performance.read-ahead": "on"}, {"performance.io-thread-count": "32"}} {
		if _, err := r.set(fine); err != nil {
			t.Errorf("%v: %v", fine, err)
		}
	}
	if _, err := r.c.Stop(t.Context(), "gv", api.VolumeStopReq{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.set(map[string]string{"features.sdfs": "on", "storage.linux-aio": "on"}); err != nil {
		t.Fatal(err)
	}
	r.start("gv")
	_, err = r.c.ResetOptions(t.Context(), "gv", api.VolumeOptionResetReq{Options: []string{"features.sdfs"}})
	refused(t, err, api.State, "options")
}

func TestGroupsOfFiles(t *testing.T) {
	r := newRig(t)
	r.c.GroupsDir = t.TempDir()
	for name, text := range map[string]string{
		"virt": "performance.cache-size=128MB\n", "bad": "performance.cache-size\n", "site": "cache-refresh-timeout=2\nno.such=1\n",
	} {
		if err := os.WriteFile(filepath.Join(r.c.GroupsDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	got, err := r.set(map[string]string{"group": "virt"})
	if err != nil || got.Options["performance.cache-size"] != "128MB" || got.Options["cluster.quorum-type"] != "" {
		t.Errorf("the file does not win over the group that is built in: %v, %v", got.Options, err)
	}
	for group, part := range map[string]string{"bad": "line 1", "site": "no.such"} {
		_, err := r.set(map[string]string{"group": group})
		refused(t, err, api.Invalid, "options")
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", group, err)
		}
	}
	groups, err := r.c.Groups(t.Context())
	if err != nil || len(groups) != 8 {
		t.Errorf("%d groups, %v", len(groups), err)
	}
}

func TestOptionHelp(t *testing.T) {
	r := newRig(t)
	list, err := r.c.OptionHelp(t.Context(), "cache-size")
	if err != nil || len(list) != 1 || list[0].Name != "performance.cache-size" || list[0].DefaultValue != "32MB" {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := r.c.OptionHelp(t.Context(), ""); err != nil || len(list) != 389 {
		t.Errorf("%d, %v", len(list), err)
	}
	for _, name := range []string{"no.such.option", "user.x"} {
		_, err := r.c.OptionHelp(t.Context(), name)
		refused(t, err, api.Invalid, "")
	}
}
