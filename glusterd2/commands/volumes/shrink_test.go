package volumes

import (
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

func (r *rig) shrinkReq(name string, indices ...int) (req api.VolumeShrinkReq) {
	r.t.Helper()
	bricks := r.record(name).Bricks()
	for _, i := range indices {
		req.Bricks = append(req.Bricks, api.BrickReq{PeerID: bricks[i].PeerID, Path: bricks[i].Path})
	}
	return req
}

func (r *rig) clients(name string) (out []int) {
	r.t.Helper()
	for _, b := range r.record(name).Bricks() {
		out = append(out, b.Client)
	}
	return out
}

func end(movers map[string]*fakeMover, status volume.TaskStatus) {
	for _, m := range movers {
		m.end(status)
	}
}

func TestShrinkMovesFirst(t *testing.T) {
	r := newRig(t)
	movers := r.movers()
	ctx := t.Context()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	req := r.shrinkReq("gv0", 1, 2)
	_, err := r.c.ShrinkStart(ctx, "gv0", req)
	refused(t, err, api.State, "") // not started
	r.start("gv0")
	_, err = r.c.ShrinkStatus(ctx, "gv0")
	refused(t, err, api.State, "")
	_, err = r.c.ShrinkCommit(ctx, "gv0", req)
	refused(t, err, api.State, "")

	id, err := r.c.ShrinkStart(ctx, "gv0", req)
	if err != nil {
		t.Fatal(err)
	}
	st, err := r.c.ShrinkStatus(ctx, "gv0")
	if err != nil || st.RebalanceID != id || st.State != "in progress" || len(st.Nodes) != 2 {
		t.Errorf("%+v, %v", st, err)
	}
	if v := r.record("gv0"); v.Subvols[0].Leaving() || !v.Subvols[1].Leaving() || !v.Subvols[2].Leaving() {
		t.Errorf("leaving: %+v", v.Subvols)
	}
	if vs, err := r.c.Status(ctx, "gv0"); err != nil || len(vs.Tasks) != 1 || vs.Tasks[0].Type != "Remove brick" || len(vs.Tasks[0].Bricks) != 2 {
		t.Errorf("tasks %+v, %v", vs.Tasks, err)
	}
	_, err = r.c.ShrinkCommit(ctx, "gv0", req)
	refused(t, err, api.State, "")
	force := req
	force.Force = true
	_, err = r.c.Shrink(ctx, "gv0", force)
	refused(t, err, api.State, "")
	_, err = r.c.ShrinkStart(ctx, "gv0", req)
	refused(t, err, api.State, "")

	end(movers, volume.TaskComplete)
	r.rebalanced("gv0", volume.TaskComplete)
	_, err = r.c.RebalanceStart(ctx, "gv0", api.RebalanceStartReq{})
	refused(t, err, api.State, "")
	_, err = r.expand("gv0", api.VolumeExpandReq{Bricks: at("p1", "/x")})
	refused(t, err, api.State, "")
	_, err = r.c.ShrinkCommit(ctx, "gv0", r.shrinkReq("gv0", 0, 1))
	refused(t, err, api.Invalid, "bricks")
	r.hosts.setFail("p3", checkEmpty, api.Errorf(api.State, "a file is left"))
	_, err = r.c.ShrinkCommit(ctx, "gv0", req)
	refused(t, err, api.State, "")
	r.hosts.setFail("p3", checkEmpty, nil)
	if n := len(r.record("gv0").Bricks()); n != 3 {
		t.Errorf("%d bricks after a commit that was refused", n)
	}
	v, err := r.c.ShrinkCommit(ctx, "gv0", api.VolumeShrinkReq{})
	if err != nil || len(v.Subvols) != 1 || !slices.Equal(r.clients("gv0"), []int{0}) {
		t.Errorf("%+v, %v", v, err)
	}
	if results, err := volume.TaskResults.List(r.store); err != nil || len(results) > 0 {
		t.Errorf("left behind: %+v, %v", results, err)
	}
	_, err = r.c.ShrinkStatus(ctx, "gv0")
	refused(t, err, api.State, "")
}

func TestShrinkStopped(t *testing.T) {
	r := newRig(t)
	movers := r.movers()
	ctx := t.Context()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	req := r.shrinkReq("gv0", 1)
	if _, err := r.c.ShrinkStart(ctx, "gv0", req); err != nil {
		t.Fatal(err)
	}
	st, err := r.c.ShrinkStop(ctx, "gv0", api.VolumeShrinkReq{})
	if err != nil || st.State != "stopped" {
		t.Errorf("%+v, %v", st, err)
	}
	if r.record("gv0").Subvols[1].Leaving() {
		t.Error("the brick still leaves")
	}
	_, err = r.c.ShrinkCommit(ctx, "gv0", req)
	refused(t, err, api.State, "")
	_, err = r.c.ShrinkStop(ctx, "gv0", req)
	refused(t, err, api.State, "")

	// One that fails can be stopped, or ended by force, but not committed.
	if _, err = r.c.ShrinkStart(ctx, "gv0", req); err != nil {
		t.Fatal(err)
	}
	end(movers, volume.TaskFailed)
	r.rebalanced("gv0", volume.TaskFailed)
	_, err = r.c.ShrinkCommit(ctx, "gv0", req)
	refused(t, err, api.State, "")
	other := r.shrinkReq("gv0", 2)
	other.Force = true
	_, err = r.c.Shrink(ctx, "gv0", other)
	refused(t, err, api.State, "")
	req.Force = true
	if _, err = r.c.Shrink(ctx, "gv0", req); err != nil || !slices.Equal(r.clients("gv0"), []int{0, 2}) {
		t.Errorf("clients %v, %v", r.clients("gv0"), err)
	}
	if _, ok, err := volume.Tasks.Get(r.store, "gv0"); ok || err != nil {
		t.Errorf("the task is left: %v", err)
	}
}

func TestShrinkLowersReplica(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	r.start("gv0")
	req := r.shrinkReq("gv0", 1)
	req.ReplicaCount = 2
	_, err := r.c.Shrink(ctx, "gv0", req)
	refused(t, err, api.Invalid, "force")
	_, err = r.c.ShrinkStart(ctx, "gv0", req)
	refused(t, err, api.Invalid, "replica")
	req.Force = true

	p2 := fakeHost{r.hosts, "p2"}
	if err := p2.Blame(ctx, EmptyBricks{Volume: r.record("gv0"), Bricks: r.record("gv0").Bricks()[:1]}); err != nil {
		t.Fatal(err)
	}
	_, err = r.c.Shrink(ctx, "gv0", req)
	refused(t, err, api.State, "") // it has what p1 lacks
	if err := p2.Forgive(ctx, EmptyBricks{Volume: r.record("gv0")}); err != nil {
		t.Fatal(err)
	}
	p3 := fakeHost{r.hosts, "p3"}
	if err := p3.Stop(ctx, r.record("gv0")); err != nil {
		t.Fatal(err)
	}
	_, err = r.c.Shrink(ctx, "gv0", req)
	refused(t, err, api.State, "") // one that stays is offline
	if err := p3.Start(ctx, r.record("gv0")); err != nil {
		t.Fatal(err)
	}
	v, err := r.c.Shrink(ctx, "gv0", req)
	if err != nil || v.ReplicaCount != 2 || !slices.Equal(r.clients("gv0"), []int{0, 2}) {
		t.Errorf("%+v, %v", v, err)
	}
}

// A copy is removed because its peer is gone.
func TestShrinkWithoutPeer(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{ReplicaCount: 3})
	r.start("gv0")
	r.down("p3")
	req := r.shrinkReq("gv0", 2)
	req.ReplicaCount, req.Force = 2, true
	if v, err := r.c.Shrink(t.Context(), "gv0", req); err != nil || v.ReplicaCount != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestShrinkRefuses(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	one := r.shrinkReq("gv0", 0)
	for name, tt := range map[string]struct {
		req   api.VolumeShrinkReq
		kind  api.Kind
		field string
	}{
		"nothing":      {api.VolumeShrinkReq{Force: true}, api.Invalid, "bricks"},
		"unknown":      {api.VolumeShrinkReq{Bricks: at("p1", "/x"), Force: true}, api.NotFound, "bricks"},
		"twice":        {api.VolumeShrinkReq{Bricks: append(slices.Clone(one.Bricks), one.Bricks...), Force: true}, api.Invalid, "bricks"},
		"all":          {func() api.VolumeShrinkReq { q := r.shrinkReq("gv0", 0, 1, 2); q.Force = true; return q }(), api.Invalid, "bricks"},
		"not by force": {one, api.Invalid, "force"},
		"raise":        {api.VolumeShrinkReq{ReplicaCount: 2, Bricks: one.Bricks, Force: true}, api.Invalid, "replica"},
	} {
		_, err := r.c.Shrink(t.Context(), "gv0", tt.req)
		if err == nil {
			t.Errorf("%s: not refused", name)
			continue
		}
		refused(t, err, tt.kind, tt.field)
	}
	_, err := r.c.Shrink(t.Context(), "gv9", one)
	refused(t, err, api.NotFound, "")
	if len(r.record("gv0").Bricks()) != 3 || strings.Count(r.hosts.text("gv0"), "running=true") != 3 {
		t.Error("something changed")
	}
}

func TestShrinkRefusesMadeBricks(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	rec, err := Find(r.store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	rec.Value = rec.Value.Leave(nil)
	rec.Value.Subvols[0].Bricks[0].Device = "d"
	_, err = r.c.planShrink(rec, r.shrinkReq("gv0", 0))
	refused(t, err, api.NotSupported, "bricks")
}

// The reconciler ends bricks that a volume does not have any more, and no others.
func TestStrayBricks(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	locked := false
	rec := &Reconciler{
		Store: r.c.Store, Plane: &DataPlane{PeerID: "p1", Store: r.c.Store, Quorum: metQuorum{}},
		Locked: func(string) bool { return locked },
	}
	spec := brick.Spec{VolumeName: "gv0", Host: "10.0.0.1", Path: r.record("gv0").Bricks()[0].Path}
	if rec.stray(spec) {
		t.Error("a brick of the volume")
	}
	req := r.shrinkReq("gv0", 0)
	req.Force = true
	if _, err := r.c.Shrink(t.Context(), "gv0", req); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !rec.stray(spec) {
		t.Error("a brick that was removed stays")
	}
	if locked = true; rec.stray(spec) {
		t.Error("a transaction works on the volume")
	}
}
