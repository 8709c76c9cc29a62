package volumes

import (
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
)

func (r *rig) expand(name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	r.t.Helper()
	return r.c.Expand(r.t.Context(), name, req)
}

func at(peer, path string) []api.BrickReq { return []api.BrickReq{{PeerID: peer, Path: path}} }

func TestExpand(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	more := bricksOn("more", api.SubvolReq{}, "p3", "p2", "p1").Bricks
	got, err := r.expand("gv0", api.VolumeExpandReq{Bricks: more})
	if err != nil || !strings.Contains(got.Hint, "fix-layout") || got.Type != api.DistributedReplicate {
		t.Fatalf("%+v, %v", got, err)
	}
	if text := r.hosts.text("more"); strings.Contains(text, "running=true") {
		t.Errorf("bricks of a volume that is not started run:\n%s", text)
	}
	r.start("gv0")
	if _, err = r.expand("gv0", api.VolumeExpandReq{Bricks: bricksOn("yet", api.SubvolReq{}, "p1", "p2", "p3").Bricks}); err != nil {
		t.Fatal(err)
	}
	if text := r.hosts.text("yet"); strings.Count(text, "running=true dirty=false blames=[]") != 3 {
		t.Errorf("the new bricks:\n%s", text)
	}
	var clients []int
	for _, b := range r.record("gv0").Bricks() {
		clients = append(clients, b.Client)
	}
	if !slices.Equal(clients, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("clients %v", clients)
	}
}

func TestExpandRaisesReplica(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	three := bricksOn("copy", api.SubvolReq{}, "p2", "p3", "p1").Bricks
	_, err := r.expand("gv0", api.VolumeExpandReq{ReplicaCount: 2, Bricks: three})
	refused(t, err, api.State, "")
	r.start("gv0")
	got, err := r.expand("gv0", api.VolumeExpandReq{ReplicaCount: 2, Bricks: three})
	if err != nil || !strings.Contains(got.Hint, "heal") || got.ReplicaCount != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if text := r.hosts.text("copy"); strings.Count(text, "running=true dirty=true") != 3 {
		t.Errorf("the new copies:\n%s", text)
	}
	if text := r.hosts.text("gv0/"); strings.Count(text, "blames=[gv0-client-3 gv0-client-4 gv0-client-5]") != 3 {
		t.Errorf("the old copies:\n%s", text)
	}
	if o := r.record("gv0").Options; o["performance.client-io-threads"] != "off" {
		t.Errorf("options %v", o)
	}
}

func TestExpandRefuses(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	r.start("gv0")
	before := r.hosts.text("")
	for name, tt := range map[string]struct {
		req   api.VolumeExpandReq
		kind  api.Kind
		field string
	}{
		"nothing":          {api.VolumeExpandReq{}, api.Invalid, "bricks"},
		"half a set":       {api.VolumeExpandReq{Bricks: at("p1", "/x")}, api.Invalid, "bricks"},
		"unknown peer":     {api.VolumeExpandReq{ReplicaCount: 4, Bricks: at("p9", "/x")}, api.Invalid, "peerid"},
		"brick of its own": {api.VolumeExpandReq{ReplicaCount: 4, Bricks: at("p1", "/bricks/gv0/0")}, api.Invalid, "path"},
		"inside its own":   {api.VolumeExpandReq{ReplicaCount: 4, Bricks: at("p1", "/bricks/gv0/0/x")}, api.Invalid, "path"},
		"two on one peer":  {api.VolumeExpandReq{ReplicaCount: 4, Bricks: at("p1", "/x")}, api.Invalid, "subvols"},
		"size":             {api.VolumeExpandReq{Size: 1 << 30}, api.State, "size"},
		"unknown flag":     {api.VolumeExpandReq{Bricks: at("p1", "/x"), Flags: map[string]bool{"magic": true}}, api.Invalid, "flags"},
		"lower":            {api.VolumeExpandReq{ReplicaCount: 2, Bricks: at("p1", "/x")}, api.Invalid, "replica"},
	} {
		_, err := r.expand("gv0", tt.req)
		if err == nil {
			t.Errorf("%s: not refused", name)
			continue
		}
		refused(t, err, tt.kind, tt.field)
	}
	_, err := r.expand("gv9", api.VolumeExpandReq{})
	refused(t, err, api.NotFound, "")
	if now := r.hosts.text(""); now != before {
		t.Errorf("something changed:\n%s", now)
	}
}

// A copy that is away would not learn of the new one, and might be read instead of it.
func TestExpandNeedsAllCopies(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	r.start("gv0")
	p2 := fakeHost{r.hosts, "p2"}
	if err := p2.Stop(t.Context(), r.record("gv0")); err != nil {
		t.Fatal(err)
	}
	rec, err := Find(r.store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	req := api.VolumeExpandReq{ReplicaCount: 4, Bricks: at("p1", "/x"), Force: true}
	p, err := r.c.planExpand(rec, req)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, r.c.checkExpand(t.Context(), rec.Value, p, false), api.State, "")
	if _, err := r.expand("gv0", req); err != nil {
		t.Error(err)
	}
}

func TestExpandUndone(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	r.start("gv0")
	before := r.hosts.text("")
	for _, call := range []string{"p1 prepare", "p2 blame", "p1 start"} {
		peer, what, _ := strings.Cut(call, " ")
		r.hosts.setFail(peer, what, api.Errorf(api.State, "no"))
		_, err := r.expand("gv0", api.VolumeExpandReq{ReplicaCount: 4, Bricks: at("p1", "/x"), Force: true})
		refused(t, err, api.State, "")
		r.hosts.setFail(peer, what, nil)
		if now := r.hosts.text(""); now != before {
			t.Errorf("%s: left behind:\n%s", call, now)
		}
	}
	if n := len(r.record("gv0").Bricks()); n != 3 {
		t.Errorf("%d bricks", n)
	}
}
