package volumes

import (
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

func TestLifecycle(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	_, err := r.c.Stop(t.Context(), "gv", api.VolumeStopReq{})
	refused(t, err, api.State, "")
	if v, err := r.c.Start(t.Context(), "gv", api.VolumeStartReq{}); err != nil || v.State != api.VolumeStarted {
		t.Fatalf("%+v, %v", v, err)
	}
	_, err = r.c.Start(t.Context(), "gv", api.VolumeStartReq{})
	refused(t, err, api.State, "")
	refused(t, r.c.Delete(t.Context(), "gv", false), api.State, "")
	if v, err := r.c.Start(t.Context(), "gv", api.VolumeStartReq{ForceStartBricks: true}); err != nil || v.State != api.VolumeStarted {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err := r.c.Stop(t.Context(), "gv", api.VolumeStopReq{}); err != nil || v.State != api.VolumeStopped {
		t.Fatalf("%+v, %v", v, err)
	}
	if text := r.hosts.text(""); strings.Contains(text, "running=true") {
		t.Errorf("bricks run after the stop:\n%s", text)
	}
	if err := r.c.Delete(t.Context(), "gv", false); err != nil {
		t.Fatal(err)
	}
	refused(t, r.c.Delete(t.Context(), "gv", false), api.NotFound, "")
	_, err = r.c.Get(t.Context(), "gv")
	refused(t, err, api.NotFound, "")
}

func TestNoSuchVolume(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	for _, name := range []string{"", "gv", strings.Repeat("x", 5000), "../peers/p1", "a\nb"} {
		for call, err := range map[string]error{
			"start":  second(r.c.Start(ctx, name, api.VolumeStartReq{})),
			"stop":   second(r.c.Stop(ctx, name, api.VolumeStopReq{})),
			"delete": r.c.Delete(ctx, name, false),
			"get":    second(r.c.Get(ctx, name)),
			"status": second(r.c.Status(ctx, name)),
			"bricks": second(r.c.Bricks(ctx, name)),
			"set":    second(r.c.SetOptions(ctx, name, api.VolumeOptionReq{Options: map[string]string{"nfs.disable": "on"}})),
			"reset":  second(r.c.ResetOptions(ctx, name, api.VolumeOptionResetReq{All: true})),
			"edit":   second(r.c.Edit(ctx, name, api.VolumeEditReq{Metadata: map[string]string{"a": "b"}})),
		} {
			if !api.IsKind(err, api.NotFound) {
				t.Errorf("%s of %.20q: %v", call, name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A start that fails on one peer takes back what the others did, unless it is by force.
func TestStartFails(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	r.hosts.setFail("p2", "start", api.Errorf(api.Internal, "no such program"))
	_, err := r.c.Start(t.Context(), "gv", api.VolumeStartReq{})
	refused(t, err, api.Internal, "")
	if text := r.hosts.text(""); strings.Contains(text, "running=true") {
		t.Errorf("bricks run after a start that failed:\n%s", text)
	}
	if v, err := r.c.Start(t.Context(), "gv", api.VolumeStartReq{ForceStartBricks: true}); err != nil || v.State != api.VolumeStarted {
		t.Fatalf("by force: %+v, %v", v, err)
	}
	if n := strings.Count(r.hosts.text(""), "running=true"); n != 2 {
		t.Errorf("%d bricks run, want 2", n)
	}
	if p := r.c.Engine.Pending(); len(p) > 0 {
		t.Errorf("transactions are left: %+v", p)
	}
}

// A stop that cannot be done, of bricks that cannot be started again, must not keep the volume locked.
func TestStopFails(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	r.start("gv")
	r.hosts.setFail("p2", "stop", api.Errorf(api.Internal, "it will not die"))
	r.hosts.setFail("p3", "start", api.Errorf(api.Internal, "the disk is gone"))
	_, err := r.c.Stop(t.Context(), "gv", api.VolumeStopReq{})
	refused(t, err, api.Internal, "")
	if v := r.record("gv"); v.State != volume.Started {
		t.Errorf("state %s", v.State)
	}
	if p := r.c.Engine.Pending(); len(p) > 0 {
		t.Errorf("transactions are left: %+v", p)
	}
}

// Peers that are away do not keep a volume from being started and stopped, as long as one holds bricks. A delete waits for them,
// unless by force.
func TestPeersAway(t *testing.T) {
	r := newRig(t)
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	r.create("forced", api.SubvolReq{ReplicaCount: 3})
	r.down("p3")
	r.start("gv")
	st, err := r.c.Status(t.Context(), "gv")
	if err != nil || !st.Online || len(st.Bricks) != 3 || st.Bricks[2].Online || !strings.Contains(st.Bricks[2].Error, "offline") {
		t.Errorf("status %+v, %v", st, err)
	}
	if st.Size != (api.SizeInfo{Capacity: 100, Used: 40, Free: 60}) {
		t.Errorf("size %+v", st.Size)
	}
	r.down("p2")
	if st, err := r.c.Status(t.Context(), "gv"); err != nil || st.Online {
		t.Errorf("one of three copies: online %v, %v", st.Online, err)
	}
	if _, err := r.c.Stop(t.Context(), "gv", api.VolumeStopReq{}); err != nil {
		t.Error(err)
	}
	err = r.c.Delete(t.Context(), "gv", false)
	if refused(t, err, api.Timeout, ""); r.record("gv").State != volume.Stopped {
		t.Errorf("a delete that waits: %+v", r.record("gv"))
	}
	if err := r.c.Delete(t.Context(), "forced", true); err != nil {
		t.Error(err)
	}
	r.pool.Start("p2")
	r.pool.Start("p3")
	if end := r.pool.WaitFinished(api.AsError(err).Fields[api.FieldTransaction]); end.State != api.OperationDone {
		t.Errorf("the peers are back: %+v", end)
	}
	if _, ok, _ := volume.Records.Get(r.store, "gv"); ok {
		t.Error("the volume is still there")
	}
}

func TestStartNeedsAPeer(t *testing.T) {
	r := newRig(t)
	if _, err := r.c.Create(t.Context(), api.VolumeCreateReq{Name: "gv", Subvols: []api.SubvolReq{bricksOn("gv", api.SubvolReq{}, "p2")}}); err != nil {
		t.Fatal(err)
	}
	r.down("p2")
	_, err := r.c.Start(t.Context(), "gv", api.VolumeStartReq{})
	refused(t, err, api.Unavailable, "")
}

func TestStatuses(t *testing.T) {
	r := newRig(t)
	r.create("disp", api.SubvolReq{DisperseCount: 3, DisperseRedundancy: 1})
	r.create("dist", api.SubvolReq{})
	r.start("disp")
	r.start("dist")
	all, err := r.c.Statuses(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for i, capacity := range []uint64{200, 300} {
		if !all[i].Online || all[i].Size.Capacity != capacity {
			t.Errorf("%s: online %v, capacity %d, want %d", all[i].Info.Name, all[i].Online, all[i].Size.Capacity, capacity)
		}
	}
	r.down("p3")
	for name, online := range map[string]bool{"disp": true, "dist": false} {
		if st, err := r.c.Status(t.Context(), name); err != nil || st.Online != online {
			t.Errorf("%s without a peer: online %v, %v", name, st.Online, err)
		}
	}
}
