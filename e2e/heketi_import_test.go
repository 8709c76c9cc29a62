package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gd2/e2e/lab"
)

// TestHeketiImport takes over what a Heketi and a real glusterd have made: volumes of every form go on under their old ids, with their
// files, while nothing on the bricks was touched; and they can be given up as any other.
func TestHeketiImport(t *testing.T) {
	t.Parallel()
	h := heketi{pool: newLab(t, lab.Options{Peers: 3, Config: heketiConfig, DiskMiB: 8 << 10}), user: "admin"}.at(1)
	o := newOldHeketi(h, replica3(), oldVolume{form: "none", bricks: 2, gib: 2},
		oldVolume{form: "replicate", words: []string{"replica", "3", "arbiter", "1"}, bricks: 3, gib: 1, arbiter: true},
		oldVolume{form: "disperse", words: []string{"disperse", "3", "redundancy", "1"}, bricks: 3, gib: 2})
	want := o.serveOld()
	h.startAll(3)
	for n := 2; n <= 3; n++ {
		h.cli("peer", "probe", h.Peer(n).Name)
	}
	h.waitOnline(3)
	o.imports()
	for v := range o.volumes {
		h.waitBricks(o.name(v))
		sameTree(t, h.mount(2, o.name(v)), want[v])
		h.must(h.Peer(2).Unmount(t.Context(), o.name(v)))
	}
	o.isOld()
	for v := range o.volumes {
		h.done("DELETE", "/volumes/"+o.volume(v), "{}")
	}
	o.unmounted()
}

// serveOld has a glusterd serve the volumes, fills them, and ends it with all that it has started. It returns the files of each.
func (o *oldHeketi) serveOld() (trees []tree) {
	o.t.Helper()
	o.startGlusterd()
	for v, form := range o.volumes {
		o.gluster(slices.Concat([]string{"volume", "create", o.name(v)}, form.words, o.bricksOf(v))...)
		o.gluster("volume", "set", o.name(v), "user.heketi.id", o.volume(v))
		o.gluster("volume", "start", o.name(v))
		trees = append(trees, fillTree(o.t, o.mount(1, o.name(v))))
		o.must(o.Peer(1).Unmount(o.t.Context(), o.name(v)))
	}
	for n := 1; n <= 3; n++ { // one of the peer's own: its processes cannot be mistaken for others
		o.run(n, "sh", "-c", `pids=$(cat /run/glusterd.pid $(find /run/gluster -name '*.pid')); kill $pids; for p in $pids; do tail --pid=$p -s 0.05 -f /dev/null; done`)
	}
	return trees
}

// imports carries the import out: planned first, and twice, of which the second changes nothing.
func (o *oldHeketi) imports() {
	o.t.Helper()
	text, err := json.Marshal(o.dump())
	o.must(err)
	o.must(os.WriteFile(o.Peer(1).Path("/srv/dump.json"), text, 0o644))
	plan := o.cli("heketi", "import", "/srv/dump.json", "--dry-run")
	for _, part := range []string{"heketi/clusters/" + o.cluster(), "heketi/nodes/" + o.id("e", 2), "devices/" + o.id("d", 3), "volumes/" + o.name(0)} {
		if !strings.Contains(plan, part) {
			o.t.Errorf("the plan does not have %s:\n%s", part, plan)
		}
	}
	if got := o.list("/clusters", "clusters"); len(got) != 0 {
		o.t.Errorf("the plan has changed something: %v", got)
	}
	// With the same key it is the same import, which is not carried out again.
	for key, word := range []string{"adopted", "adopted", "is there already"} {
		out := o.cli("heketi", "import", "/srv/dump.json", "--idempotency-key", fmt.Sprint("import", key/2))
		if strings.Count(out, ": "+word+"\n") != 7+len(o.volumes) { // a cluster, three nodes, three devices
			o.t.Errorf("not all %s:\n%s", word, out)
		}
	}
}

// larger makes a disk larger, which Heketi's resync takes in.
func (o *oldHeketi) larger(n int) {
	o.t.Helper()
	at := "/devices/" + o.id("d", n)
	total := func() float64 {
		return o.get(at, append(deviceKeys, "tags", "pv_uuid")...)["storage"].(map[string]any)["total"].(float64)
	}
	before := total()
	o.run(n, "truncate", "-s", "9G", "/srv/"+o.id("d", n)+".img")
	o.run(n, "losetup", "-c", o.devices[n-1])
	o.done("GET", at+"/resync", "")
	if after := total(); after != before+1<<20 {
		o.t.Errorf("%v KiB became %v after a GiB more", before, after)
	}
}

// isOld looks for what the Heketi had made under the ids that it has there.
func (o *oldHeketi) isOld() {
	o.t.Helper()
	used := map[int]float64{} // KiB, by host
	for n, form := range o.volumes {
		v := o.get("/volumes/"+o.volume(n), volumeKeys...)
		if v["name"] != o.name(n) || v["cluster"] != o.cluster() || v["size"] != float64(form.gib) || len(v["bricks"].([]any)) != form.bricks ||
			v["durability"].(map[string]any)["type"] != form.form {
			o.t.Errorf("%v", v)
		}
		for i := range form.bricks {
			used[o.host(i)] += 1<<20 + 8<<10
		}
	}
	for n := 1; n <= 3; n++ {
		if got := o.get("/nodes/"+o.id("e", n), nodeKeys...); got["zone"] != float64(n) || got["cluster"] != o.cluster() {
			o.t.Errorf("%v", got)
		}
		d := o.get("/devices/"+o.id("d", n), append(deviceKeys, "tags", "pv_uuid")...)
		if d["name"] != o.devices[n-1] || d["storage"].(map[string]any)["used"] != used[n] {
			o.t.Errorf("%v, want %v used", d, used[n])
		}
	}
	o.larger(1)
	if check := o.ask("GET", "/db/check", ""); !strings.Contains(check.body, `"totalinconsistencies":0`) {
		o.t.Errorf("%s", check.body)
	}
}
