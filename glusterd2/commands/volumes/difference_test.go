package volumes

import (
	"slices"
	"testing"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// TestReconcilerLooksAtWhatChanged: of many volumes only the one that has changed is worked on.
func TestReconcilerLooksAtWhatChanged(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "b", "c"} {
		r.create(name, api.SubvolReq{ReplicaCount: 3})
		if _, err := r.c.Start(t.Context(), name, api.VolumeStartReq{}); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	rec := &Reconciler{
		Store: r.c.Store, Plane: &DataPlane{PeerID: r.c.PeerID, Store: r.c.Store, Quorum: metQuorum{}},
		Specs: func(v *volume.Volume) string { made++; return "text of " + v.Name + v.Options["user.x"] },
	}
	diff := func() difference {
		t.Helper()
		if err := r.c.Store.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		d, err := rec.diff(false)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(d.volumes)
		slices.Sort(d.moved)
		return d
	}
	if d := diff(); !d.all || !d.heal || !slices.Equal(d.moved, []string{"a", "b", "c"}) || made != 3 {
		t.Errorf("first: %+v, %d texts", d, made)
	}
	if d := diff(); d.all || d.heal || len(d.volumes)+len(d.moved) > 0 || made != 3 {
		t.Errorf("nothing changed: %+v, %d texts", d, made)
	}
	set := func(key, value string) {
		t.Helper()
		if _, err := r.c.SetOptions(t.Context(), "b", api.VolumeOptionReq{Options: map[string]string{key: value}}); err != nil {
			t.Fatal(err)
		}
	}
	set("performance.cache-size", "8MB")
	if d := diff(); d.all || d.heal || !slices.Equal(d.volumes, []string{"b"}) || len(d.moved) > 0 || made != 4 {
		t.Errorf("an option: %+v, %d texts", d, made)
	}
	set("user.x", "y")
	if d := diff(); !d.heal || !slices.Equal(d.volumes, []string{"b"}) {
		t.Errorf("an option of the self-heal daemon: %+v", d)
	}
	if _, err := r.c.Stop(t.Context(), "c", api.VolumeStopReq{}); err != nil {
		t.Fatal(err)
	}
	if d := diff(); !d.heal || !slices.Equal(d.moved, []string{"c"}) || made != 5 {
		t.Errorf("a stop: %+v, %d texts", d, made)
	}
	if err := r.c.Delete(t.Context(), "c", false); err != nil {
		t.Fatal(err)
	}
	if d := diff(); !slices.Equal(d.volumes, []string{"c"}) || len(rec.parts) != 2 {
		t.Errorf("a delete: %+v", d)
	}
	if _, err := (Cluster{r.c}).SetOptions(t.Context(), api.ClusterOptionReq{Options: map[string]string{optionMultiplex: "on"}}); err != nil {
		t.Fatal(err)
	}
	if d := diff(); !d.all || made != 7 {
		t.Errorf("an option of the pool: %+v, %d texts", d, made)
	}
}

// TestDifferenceOfParts: what the self-heal daemon and the bricks hear of.
func TestDifferenceOfParts(t *testing.T) {
	one := &part{bricks: []brick.Spec{{VolumeName: "a", Host: "h", Path: "/1"}}, heal: &selfheal.Volume{Name: "a", Volfile: "x"}}
	two := &part{bricks: []brick.Spec{{VolumeName: "a", Host: "i", Path: "/1"}}, heal: &selfheal.Volume{Name: "a", Volfile: "x"}}
	var d difference
	if d.note("a", one, two); d.heal || !slices.Equal(d.moved, []string{"a"}) {
		t.Errorf("another address: %+v", d)
	}
	d = difference{}
	if d.note("a", nil, &part{}); d.heal || len(d.moved) > 0 || len(d.volumes) != 1 {
		t.Errorf("a volume that asks nothing: %+v", d)
	}
}

// metQuorum is a server quorum that is there.
type metQuorum struct{ lostQuorum }

func (metQuorum) Met() bool  { return true }
func (metQuorum) Lost() bool { return false }
