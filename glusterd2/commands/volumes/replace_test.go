package volumes

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// replaced is a volume gv0 of three copies on p1 to p3 that runs, and the request to replace the last one.
func replaced(t *testing.T) (*rig, api.ReplaceBrickReq) {
	t.Helper()
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	r.start("gv0")
	return r, api.ReplaceBrickReq{SrcPeerID: "p3", SrcPath: "/bricks/gv0/2", DestPeerID: "p3", DestPath: "/new"}
}

func TestReplace(t *testing.T) {
	r, req := replaced(t)
	info, err := r.c.Replace(t.Context(), "gv0", req)
	if err != nil || info.Subvols[0].Bricks[2].Path != "/new" {
		t.Fatalf("%+v, %v", info, err)
	}
	bricks := r.record("gv0").Bricks()
	if b := bricks[2]; len(bricks) != 3 || b.Client != 2 || b.Path != "/new" || b.PeerID != "p3" {
		t.Errorf("bricks %+v", bricks)
	}
	if text := r.hosts.text("gv0/2"); text != "" {
		t.Errorf("the old brick still bears marks: %s", text)
	}
	if text := r.hosts.text("/new"); !strings.Contains(text, "running=true dirty=true") {
		t.Errorf("the new brick: %s", text)
	}
}

// A peer that is gone must not keep its brick from being replaced.
func TestReplaceWithoutItsPeer(t *testing.T) {
	r, req := replaced(t)
	rec, err := Find(r.store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	req.DestPeerID, req.Force = "p1", true
	p, err := r.c.planReplace(rec, req)
	if err != nil {
		t.Fatal(err)
	}
	if got := replacePlan(rec, p).Peers; !slices.Equal(got, []string{"p1"}) {
		t.Errorf("peers %v", got)
	}
	p.Source = []string{"p3"}
	if got := replacePlan(rec, p).Peers; !slices.Equal(got, []string{"p1", "p3"}) {
		t.Errorf("peers %v", got)
	}
}

func TestReplaceUndone(t *testing.T) {
	r, req := replaced(t)
	req.DestPeerID, req.Force = "p2", true
	before := r.hosts.text("")
	for _, call := range []string{"p3 blameless", "p2 prepare", "p3 stop", "p2 blame", "p2 start", "p2 heal-root"} {
		peer, what, _ := strings.Cut(call, " ")
		r.hosts.setFail(peer, what, api.Errorf(api.State, "no"))
		_, err := r.c.Replace(t.Context(), "gv0", req)
		refused(t, err, api.State, "")
		r.hosts.setFail(peer, what, nil)
		if now := r.hosts.text(""); now != before {
			t.Errorf("%s: left behind:\n%s", call, now)
		}
	}
	if b := r.record("gv0").Bricks()[2]; b.Path != req.SrcPath {
		t.Errorf("brick %+v", b)
	}
}

func TestReplaceRefuses(t *testing.T) {
	r, good := replaced(t)
	r.create("dist", api.SubvolReq{Type: api.SubvolDistribute})
	r.create("idle", api.SubvolReq{ReplicaCount: 3})
	r.start("dist")
	before := r.hosts.text("")
	for name, tt := range map[string]struct {
		volume string
		edit   func(*api.ReplaceBrickReq)
		kind   api.Kind
		field  string
	}{
		"no volume":      {"gv9", func(*api.ReplaceBrickReq) {}, api.NotFound, ""},
		"no brick":       {"gv0", func(r *api.ReplaceBrickReq) { r.SrcPath = "/bricks/gv0/1" }, api.NotFound, ""},
		"nothing named":  {"gv0", func(r *api.ReplaceBrickReq) { r.SrcPeerID, r.SrcPath = "", "" }, api.NotFound, ""},
		"no destination": {"gv0", func(r *api.ReplaceBrickReq) { r.DestPath = "" }, api.Invalid, "dest-brickpath"},
		"unknown peer":   {"gv0", func(r *api.ReplaceBrickReq) { r.DestPeerID = "p9" }, api.Invalid, "peerid"},
		"itself":         {"gv0", func(r *api.ReplaceBrickReq) { r.DestPath = r.SrcPath }, api.Invalid, "path"},
		"another's":      {"gv0", func(r *api.ReplaceBrickReq) { r.DestPath = "/bricks/dist/2" }, api.Invalid, "path"},
		"relative":       {"gv0", func(r *api.ReplaceBrickReq) { r.DestPath = "x" }, api.Invalid, "path"},
		"two on one":     {"gv0", func(r *api.ReplaceBrickReq) { r.DestPeerID = "p1" }, api.Invalid, "subvols"},
		"unknown flag":   {"gv0", func(r *api.ReplaceBrickReq) { r.Flags = map[string]bool{"magic": true} }, api.Invalid, "flags"},
		"only copy":      {"dist", func(r *api.ReplaceBrickReq) { r.SrcPath = "/bricks/dist/2" }, api.State, ""},
		"not started":    {"idle", func(r *api.ReplaceBrickReq) { r.SrcPath = "/bricks/idle/2" }, api.State, ""},
	} {
		req := good
		tt.edit(&req)
		_, err := r.c.Replace(t.Context(), tt.volume, req)
		if err == nil {
			t.Errorf("%s: not refused", name)
			continue
		}
		refused(t, err, tt.kind, tt.field)
	}
	if now := r.hosts.text(""); now != before {
		t.Errorf("something changed:\n%s", now)
	}
}

// Force goes on without copies that are offline, but never without the last one.
func TestReplaceNeedsCopies(t *testing.T) {
	r, req := replaced(t)
	down := func(peer string) {
		t.Helper()
		if err := (fakeHost{r.hosts, peer}).Stop(t.Context(), r.record("gv0")); err != nil {
			t.Fatal(err)
		}
	}
	check := func(force bool) error {
		v := r.record("gv0")
		return r.c.checkService(t.Context(), v, v.Bricks()[2], force)
	}
	down("p3")
	if err := check(false); err != nil {
		t.Errorf("the one that goes need not be online: %v", err)
	}
	down("p2")
	refused(t, check(false), api.State, "")
	if err := check(true); err != nil {
		t.Error(err)
	}
	down("p1")
	refused(t, check(true), api.State, "")
	req.Force = true
	_, err := r.c.Replace(t.Context(), "gv0", req)
	refused(t, err, api.State, "")
}

// An arbiter has no data: it is no copy that files could be healed from.
func TestReplaceNeedsData(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3, ArbiterCount: 1})
	r.start("gv0")
	v := r.record("gv0")
	if err := (fakeHost{r.hosts, "p1"}).Stop(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	refused(t, r.c.checkService(t.Context(), v, v.Bricks()[1], true), api.State, "")
	req := api.ReplaceBrickReq{SrcPeerID: "p3", SrcPath: "/bricks/gv0/2", DestPeerID: "p3", DestPath: "/new", Force: true}
	if _, err := r.c.Replace(t.Context(), "gv0", req); err != nil {
		t.Fatal(err)
	}
	if b := r.record("gv0").Bricks()[2]; !b.Arbiter {
		t.Errorf("the new brick is no arbiter: %+v", b)
	}
}

func TestReset(t *testing.T) {
	r, _ := replaced(t)
	req := api.ResetBrickReq{PeerID: "p3", Path: "/bricks/gv0/2"}
	_, err := r.c.ResetCommit(t.Context(), "gv0", req)
	refused(t, err, api.State, "")
	if _, err := r.c.ResetStart(t.Context(), "gv0", req); err != nil {
		t.Fatal(err)
	}
	if text := r.hosts.text("gv0/2"); !r.record("gv0").Bricks()[2].Reset || !strings.Contains(text, "running=false") {
		t.Errorf("%+v\n%s", r.record("gv0").Bricks()[2], text)
	}
	_, err = r.c.ResetStart(t.Context(), "gv0", req)
	refused(t, err, api.State, "")
	_, err = r.c.ResetStart(t.Context(), "gv0", api.ResetBrickReq{PeerID: "p2", Path: "/bricks/gv0/1"})
	refused(t, err, api.State, "")
	before := r.hosts.text("")
	r.hosts.setFail("p3", "start", api.Errorf(api.State, "no"))
	_, err = r.c.ResetCommit(t.Context(), "gv0", req)
	refused(t, err, api.State, "")
	r.hosts.setFail("p3", "start", nil)
	if now := r.hosts.text(""); now != before {
		t.Errorf("left behind:\n%s", now)
	}
	if _, err := r.c.ResetCommit(t.Context(), "gv0", req); err != nil {
		t.Fatal(err)
	}
	b := r.record("gv0").Bricks()[2]
	if text := r.hosts.text("gv0/2"); b.Reset || b.Client != 2 || !strings.Contains(text, "running=true dirty=true") {
		t.Errorf("%+v\n%s", b, text)
	}
}

// The marks of the reset brick are the record's: what is wanted of the host leaves it out, also if it runs.
func TestWanted(t *testing.T) {
	r, _ := replaced(t)
	v := r.record("gv0")
	d := &DataPlane{PeerID: "p3", Store: r.store}
	spec := d.specs(v)[0]
	if !d.wants(v, spec) {
		t.Error("a brick of the volume is not wanted")
	}
	b := v.Bricks()[2]
	b.Reset = true
	if d.wants(v.WithBrick(b), spec) {
		t.Error("a brick that is being reset is wanted")
	}
	if d.wants(v.WithBrick(b.Replacement(volume.Placed{PeerID: "p3", Path: "/new"}, "x")), spec) {
		t.Error("a brick that was replaced is wanted")
	}
}

// A brick of a disperse set stays while others of the set lack something, unless by force; one that is out of service has nothing.
func TestReplaceDispersed(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolDisperse, DisperseCount: 3, DisperseRedundancy: 1})
	r.start("gv0")
	v := r.record("gv0")
	var left []api.BrickHealInfo
	var fails error
	r.c.Unhealed = func(context.Context, string) ([]api.BrickHealInfo, error) { return left, fails }
	check := func(b volume.Brick, force bool) error { return r.c.checkService(t.Context(), v, b, force) }
	if err := check(v.Bricks()[2], false); err != nil {
		t.Error(err)
	}
	name, n := "host1:"+v.Bricks()[0].Path, int64(2)
	left = []api.BrickHealInfo{{HostID: &v.Bricks()[0].PeerID, Name: &name, Entries: &n}}
	refused(t, check(v.Bricks()[2], false), api.State, "")
	if err := check(v.Bricks()[2], true); err != nil {
		t.Error(err)
	}
	out := v.Bricks()[2]
	out.Reset = true
	if err := check(out, false); err != nil {
		t.Errorf("a brick that is being reset: %v", err)
	}
	left, fails = nil, api.Errorf(api.Unavailable, "no tool")
	refused(t, check(v.Bricks()[2], false), api.Unavailable, "")
}
