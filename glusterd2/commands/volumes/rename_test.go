package volumes

import (
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

func TestRename(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.create("gv", api.SubvolReq{ReplicaCount: 3})
	made, err := r.c.Get(ctx, "gv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.SetOptions(ctx, "gv", api.VolumeOptionReq{Options: map[string]string{"cluster.read-subvolume": "gv-client-1"}}); err != nil {
		t.Fatal(err)
	}
	r.create("other", api.SubvolReq{ReplicaCount: 3})
	rename := func(from, to string) (api.VolumeInfo, error) {
		return r.c.Rename(ctx, from, api.VolumeRenameReq{Name: to})
	}
	for to, kind := range map[string]api.Kind{"other": api.Exists, "gv": api.Invalid, "": api.Invalid, "a/b": api.Invalid, "all": api.Invalid, strings.Repeat("x", 5000): api.Invalid} {
		_, err := rename("gv", to)
		refused(t, err, kind, "")
	}
	_, err = rename("none", "new")
	refused(t, err, api.NotFound, "")
	if _, err := r.c.Start(ctx, "gv", api.VolumeStartReq{}); err != nil {
		t.Fatal(err)
	}
	_, err = rename("gv", "new")
	refused(t, err, api.State, "")
	if _, err := r.c.Stop(ctx, "gv", api.VolumeStopReq{}); err != nil {
		t.Fatal(err)
	}
	v, err := rename("gv", "new")
	if err != nil || v.Name != "new" || v.ID != made.ID {
		t.Fatalf("%+v, %v", v, err)
	}
	_, err = r.c.Get(ctx, "gv")
	refused(t, err, api.NotFound, "")
	rec, ok, err := volume.Records.Get(r.store, "new")
	if err != nil || !ok || rec.Value.ChangelogBase() != "gv" || len(rec.Value.Bricks()) != 3 || rec.Value.Options["cluster.read-subvolume"] != "new-client-1" {
		t.Fatalf("%+v, %v, %v", rec.Value, ok, err)
	}
	if _, err := r.c.Start(ctx, "new", api.VolumeStartReq{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.Stop(ctx, "new", api.VolumeStopReq{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rename("new", "newer"); err != nil {
		t.Fatal(err)
	}
	if _, err := rename("newer", "gv"); err != nil {
		t.Fatal(err)
	}
	rec, _, err = volume.Records.Get(r.store, "gv")
	if err != nil || rec.Value.Changelog != "" {
		t.Errorf("back at its first name: %+v, %v", rec.Value, err)
	}
}

// TestRenameTask: a task that has not ended holds the name; what is known of one that has ended goes with the volume.
func TestRenameTask(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	movers := r.movers()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	id, err := r.c.RebalanceStart(ctx, "gv0", api.RebalanceStartReq{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.Stop(ctx, "gv0", api.VolumeStopReq{Force: true}); err != nil {
		t.Fatal(err)
	}
	_, err = r.c.Rename(ctx, "gv0", api.VolumeRenameReq{Name: "gv1"})
	refused(t, err, api.State, "")
	if e := api.AsError(err); !strings.Contains(e.Message, "a rebalance is in progress") {
		t.Error(err)
	}
	for _, m := range movers {
		m.end(volume.TaskComplete)
	}
	r.rebalanced("gv0", volume.TaskComplete)
	if _, err := r.c.Rename(ctx, "gv0", api.VolumeRenameReq{Name: "gv1"}); err != nil {
		t.Fatal(err)
	}
	rec, state, ok, err := volume.FindTask(r.store, "gv1")
	if err != nil || !ok || rec.Value.ID != id || state != volume.TaskComplete {
		t.Errorf("the rebalance under the new name: %+v, %v, %v, %v", rec.Value, state, ok, err)
	}
	if results, err := volume.TaskResults.List(r.store); err != nil || len(results) != 3 {
		t.Errorf("results %+v, %v", results, err)
	}
	if _, ok, err := volume.Tasks.Get(r.store, "gv0"); ok || err != nil {
		t.Errorf("a task of the old name is left: %v", err)
	}
}
