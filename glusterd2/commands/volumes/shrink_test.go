package volumes

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/device"
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
	// Its clients could not be mounted any more.
	for key, value := range map[string]string{"cluster.read-subvolume": "gv0-client-1", "cluster.quorum-count": "3"} {
		option := map[string]string{key: value}
		if _, err := r.c.SetOptions(ctx, "gv0", api.VolumeOptionReq{Options: option}); err != nil {
			t.Fatal(err)
		}
		_, err = r.c.Shrink(ctx, "gv0", req)
		refused(t, err, api.State, "")
		if _, err := r.c.ResetOptions(ctx, "gv0", api.VolumeOptionResetReq{Options: []string{key}}); err != nil {
			t.Fatal(err)
		}
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

// Bricks that gd2 has made are removed once their processes have ended, and their room is given back then.
func TestShrinkMadeBricks(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 12*gib)
	r.mustCreate(sized("gv0", 10*gib, 3))
	before := r.used()
	r.expandBy("gv0", api.VolumeExpandReq{Size: 5 * gib})
	r.start("gv0")
	req := api.VolumeShrinkReq{Force: true}
	gone := r.record("gv0").Subvols[1].Bricks
	for _, b := range gone {
		req.Bricks = append(req.Bricks, api.BrickReq{PeerID: b.PeerID, Path: b.Path})
	}
	taken := r.used()
	v, err := r.c.Shrink(t.Context(), "gv0", req)
	if err != nil || v.Capacity != 10*gib || len(v.Subvols) != 1 {
		t.Fatalf("%+v, %v", v, err)
	}
	if r.used() != taken {
		t.Errorf("the room of bricks that run was given back: %d, was %d", r.used(), taken)
	}
	for _, b := range gone {
		k := &DebtKeeper{Store: r.pool.Store(b.PeerID), Host: fakeHost{r.hosts, b.PeerID}, PeerID: b.PeerID}
		if err := k.once(t.Context()); !errors.Is(err, errRuns) {
			t.Errorf("a brick that runs: %v", err)
		}
		if err := (fakeHost{r.hosts, b.PeerID}).Stop(t.Context(), r.record("gv0").Part(b)); err != nil {
			t.Fatal(err)
		}
		if err := k.once(t.Context()); err != nil {
			t.Error(err)
		}
		if text := r.hosts.text(b.Path); text != "" {
			t.Errorf("left: %s", text)
		}
	}
	if err := r.store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.used() != before {
		t.Errorf("%d used, %d before the volume grew", r.used(), before)
	}
}

// A brick whose peer is away when it is given up takes its room until the peer is back; by force its device is forgotten with it.
func TestReplaceOwes(t *testing.T) {
	r := sizedReplica(t, 2)
	old, before := r.record("gv0").Bricks()[2], r.used()
	rec, err := Find(r.store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	sub, _, err := rec.Value.Replaceable(old.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := newReplace(rec, Allow{}, old)
	if err := r.c.placeReplacement(rec, sub, &p); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.Ops.replace.Run(t.Context(), r.c.Engine, replacePlan(rec, p)); err != nil {
		t.Fatal(err)
	}
	if r.used() != before+old.Cost {
		t.Errorf("%d used, %d and the brick that is still there are %d", r.used(), before, before+old.Cost)
	}
	debts, owed, err := device.DebtsOn(r.store, old.Device)
	if err != nil || len(debts) != 1 || owed != old.Cost {
		t.Errorf("%v, %d, %v", debts, owed, err)
	}
	h := fakeHost{r.hosts, old.PeerID}
	if err := h.Stop(t.Context(), p.oldPart()); err != nil {
		t.Fatal(err)
	}
	if err := (&DebtKeeper{Store: r.pool.Store(old.PeerID), Host: h, PeerID: old.PeerID}).once(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.used() != before || r.hosts.text(old.Path) != "" {
		t.Errorf("%d used, %d before; %s", r.used(), before, r.hosts.text(old.Path))
	}
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

// TestLastCopyIsLookedAt: a copy that has something the others lack does not go, also if the volume is not replicated without it.
func TestLastCopyIsLookedAt(t *testing.T) {
	dir := t.TempDir()
	index := filepath.Join(dir, ".glusterfs", "indices", "xattrop")
	d := &DataPlane{PeerID: "p1", OS: brick.System{}, Store: newRig(t).store}
	for _, s := range []volume.Subvol{{Type: api.SubvolReplicate, Replica: 2}, {Type: api.SubvolDistribute, Replica: 1}} {
		v := &volume.Volume{Name: "gv", Subvols: []volume.Subvol{s}}
		part := v.Part(volume.Brick{ID: "b", PeerID: "p1", Path: dir})
		if err := os.RemoveAll(index); err != nil {
			t.Fatal(err)
		}
		if err := d.MayGo(t.Context(), part, checkBlameless); err != nil {
			t.Errorf("%s: a brick without notes: %v", s, err)
		}
		if err := os.MkdirAll(filepath.Join(index, "11111111-1111-4111-8111-111111111111"), 0o700); err != nil {
			t.Fatal(err)
		}
		refused(t, d.MayGo(t.Context(), part, checkBlameless), api.State, "")
	}
}
