package store_test

import (
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

type volume struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

var volumes = store.NewKind[volume](store.PrefixVolumes, 1)

func commit(t *testing.T, s *store.Store, w ...store.Write) int64 {
	t.Helper()
	rev, err := s.Commit(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitRevision(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	return rev
}

func get(t *testing.T, s *store.Store, id string) store.Record[volume] {
	t.Helper()
	rec, ok, err := volumes.Get(s, id)
	if err != nil || !ok {
		t.Fatalf("get %s: found %v, error %v", id, ok, err)
	}
	return rec
}

func TestRecords(t *testing.T) {
	start := time.Now()
	s := storetest.New(t)
	t.Logf("a fresh member is ready after %v", time.Since(start))

	rev := commit(t, s, volumes.Create("gv1", volume{"gv1", 1}), volumes.Create("gv0", volume{"gv0", 0}))
	if rec := get(t, s, "gv1"); rec.Value != (volume{"gv1", 1}) || rec.Revision != rev || rec.ID != "gv1" {
		t.Errorf("got %+v, want gv1 of size 1 at revision %d", rec, rev)
	}
	list, err := volumes.List(s)
	if err != nil || len(list) != 2 || list[0].ID != "gv0" || list[1].ID != "gv1" {
		t.Errorf("list is %+v, %v, want gv0 and gv1", list, err)
	}
	rev2 := commit(t, s, volumes.Update("gv1", volume{"gv1", 2}, rev))
	if rec := get(t, s, "gv1"); rec.Value.Size != 2 || rec.Revision != rev2 {
		t.Errorf("got %+v, want size 2 at revision %d", rec, rev2)
	}
	if _, err := s.Commit(t.Context(), []store.Write{volumes.Update("gv1", volume{"gv1", 3}, rev)}); !api.IsKind(err, api.Conflict) {
		t.Errorf("an update of an old revision ended with %v, want a conflict", err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Error(err)
	}
}

func BenchmarkCommit(b *testing.B) {
	s := storetest.New(b)
	rev, err := s.Commit(b.Context(), []store.Write{volumes.Create("gv0", volume{"gv0", 0})})
	for b.Loop() {
		if err == nil {
			rev, err = s.Commit(b.Context(), []store.Write{volumes.Update("gv0", volume{"gv0", 1}, rev)})
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkSync(b *testing.B) {
	s := storetest.New(b)
	for b.Loop() {
		if err := s.Sync(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
