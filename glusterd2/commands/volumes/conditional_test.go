package volumes

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// seen is the revision at which a client has seen a volume.
func (r *rig) seen(name string) int64 {
	r.t.Helper()
	e := &store.Expectation{}
	if _, err := r.c.Get(store.Expect(r.t.Context(), e), name); err != nil {
		r.t.Fatal(err)
	}
	rev, known := e.Revision()
	if !known || rev == 0 {
		r.t.Fatalf("revision %d %v", rev, known)
	}
	return rev
}

// Of clients that have read the same volume and change it through different peers one wins; the others are told, and
// nothing that they have not seen is overwritten.
func TestConditionalChangesRace(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: 3})
	for round := range 5 {
		rev := r.seen("gv0")
		const clients = 6
		var wg sync.WaitGroup
		errs, after := make([]error, clients), make([]int64, clients)
		for i := range clients {
			wg.Go(func() {
				e := &store.Expectation{Revisions: []int64{rev}}
				_, errs[i] = r.peers[fmt.Sprintf("p%d", i%3+1)].Edit(store.Expect(t.Context(), e), "gv0",
					api.VolumeEditReq{Metadata: map[string]string{"winner": fmt.Sprint(round, ".", i)}})
				after[i], _ = e.Revision()
			})
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("round %d: clients %d and %d have both changed revision %d", round, winner, i, rev)
			case err == nil:
				winner = i
			case !api.IsKind(err, api.Precondition, api.Conflict):
				t.Errorf("round %d: client %d: %v", round, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won: %v", round, errs)
		}
		if got := r.record("gv0").Metadata["winner"]; got != fmt.Sprint(round, ".", winner) || after[winner] != r.seen("gv0") {
			t.Errorf("round %d: the record has %s, %d has won; its answer was of revision %d, the record is at %d", round, got, winner, after[winner], r.seen("gv0"))
		}
		// Whoever lost is told so for as long as it does not read again.
		e := &store.Expectation{Revisions: []int64{rev}}
		_, err := r.c.Stop(store.Expect(t.Context(), e), "gv0", api.VolumeStopReq{})
		refused(t, err, api.Precondition, "")
	}
}

// A change that comes after the look, and before the intent, is seen by the intent.
func TestConditionIsPartOfTheIntent(t *testing.T) {
	r := newRig(t)
	r.create("gv0", api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: 3})
	for _, kind := range []api.Kind{api.Precondition, api.Conflict} {
		e := &store.Expectation{}
		if kind == api.Precondition {
			e.Revisions = []int64{r.seen("gv0")}
		}
		_, err := r.c.change(store.Expect(t.Context(), e), "gv0", func(v *volume.Volume) error {
			commit(t, r.store, func() []store.Write {
				rec, err := Find(r.store, "gv0")
				if err != nil {
					t.Fatal(err)
				}
				return []store.Write{volume.Records.Update("gv0", rec.Value, rec.Revision)}
			})
			v.Metadata["late"] = "yes"
			return nil
		})
		refused(t, err, kind, "")
		if r.record("gv0").Metadata["late"] != "" {
			t.Error("it was written all the same")
		}
	}
}

func TestCreateOnlyWhatIsNew(t *testing.T) {
	r := newRig(t)
	create := func(name string) error {
		ctx := store.Expect(t.Context(), &store.Expectation{Absent: true})
		_, err := r.c.Create(ctx, api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{bricksOn(name, api.SubvolReq{}, "p1")}})
		return err
	}
	if err := create("gv0"); err != nil {
		t.Fatal(err)
	}
	err := create("gv0")
	refused(t, err, api.Precondition, "")
	if err != nil && !strings.Contains(err.Error(), "volumes/gv0 exists already") {
		t.Error(err)
	}
}

func TestPoolOptionsAreConditional(t *testing.T) {
	r := newRig(t)
	c := Cluster{r.c}
	e := &store.Expectation{}
	if _, err := c.Options(store.Expect(t.Context(), e)); err != nil {
		t.Fatal(err)
	}
	rev, known := e.Revision()
	if rev != 0 || !known {
		t.Fatalf("options that were never set: revision %d %v", rev, known)
	}
	set := func(rev int64) (int64, error) {
		e := &store.Expectation{Revisions: []int64{rev}}
		_, err := c.SetOptions(store.Expect(t.Context(), e), api.ClusterOptionReq{Options: map[string]string{"cluster.max-bricks-per-process": "5"}})
		now, _ := e.Revision()
		return now, err
	}
	now, err := set(0)
	if err != nil || now == 0 {
		t.Fatalf("revision %d, %v", now, err)
	}
	_, err = set(0)
	refused(t, err, api.Precondition, "")
	if _, err := set(now); err != nil {
		t.Error(err)
	}
}
