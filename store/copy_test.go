package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// wantSignal waits for a signal of a subscription.
func wantSignal(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-within(t).Done():
		t.Fatalf("%s: no signal", what)
	}
}

func TestSubscribe(t *testing.T) {
	s := storetest.New(t)
	groups := store.NewKind[volume](store.PrefixGroups, 1)
	vols, stopVols := s.Subscribe(volumes.Prefix(), store.PrefixPeers)
	defer stopVols()
	grps, stopGroups := s.Subscribe(groups.Prefix())
	rev := commit(t, s, volumes.Create("gv0", volume{}))
	commit(t, s, volumes.Update("gv0", volume{Size: 1}, rev))
	wantSignal(t, "volumes", vols)
	if len(grps) != 0 {
		t.Error("groups: a signal, but only volumes have changed")
	}
	if len(vols) != 0 {
		t.Error("volumes: two changes at once made more than one signal")
	}
	stopGroups()
	commit(t, s, groups.Create("g", volume{}))
	if len(grps) != 0 {
		t.Error("groups: a signal after the end of the subscription")
	}
}

// TestChanges takes the keys that have changed, each once, and only those that were asked for.
func TestChanges(t *testing.T) {
	s := storetest.New(t)
	groups := store.NewKind[volume](store.PrefixGroups, 1)
	c := s.Changes(volumes.Prefix())
	rev := commit(t, s, volumes.Create("gv0", volume{}), volumes.Create("gv1", volume{}), groups.Create("g", volume{}))
	commit(t, s, volumes.Delete("gv0", rev))
	wantSignal(t, "volumes", c.Signal())
	var ids []string
	for _, key := range c.Take() {
		id, ok := volumes.ID(key)
		if !ok {
			t.Errorf("%s is not the key of a volume", key)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"gv0", "gv1"}) {
		t.Errorf("changed are %v", ids)
	}
	if again := c.Take(); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
	c.Close()
	commit(t, s, volumes.Create("gv2", volume{}))
	if after := c.Take(); len(after) != 0 || len(c.Signal()) != 0 {
		t.Errorf("after the end: %v", after)
	}
}

func TestRecordsOfOtherVersions(t *testing.T) {
	s := storetest.New(t)
	const newer = `{"v":2,"d":{"name":"gv1"}}`
	store.Raw(t, s, "/gd2/volumes/gv1", newer)
	store.Raw(t, s, "/gd2/volumes/gv2", `not JSON`)
	store.Raw(t, s, "/gd2/volumes/gv3", `{}`)
	commit(t, s, volumes.Create("gv0", volume{"gv0", 0}))
	if _, ok, err := volumes.Get(s, "gv1"); ok || !api.IsKind(err, api.NotSupported) {
		t.Errorf("a record of a newer version: found %v, error %v, want kind not-supported", ok, err)
	}
	for _, id := range []string{"gv2", "gv3"} {
		if _, ok, err := volumes.Get(s, id); ok || !api.IsKind(err, api.Internal) {
			t.Errorf("the damaged record %s: found %v, error %v", id, ok, err)
		}
	}
	if list, err := volumes.List(s); err == nil || len(list) != 1 || list[0].ID != "gv0" {
		t.Errorf("list is %v, %v, want gv0 and an error about the others", list, err)
	}
	newKind := store.NewKind[volume](store.PrefixVolumes, 2)
	if rec, ok, err := newKind.Get(s, "gv1"); !ok || err != nil || rec.Value.Name != "gv1" {
		t.Errorf("the record of version 2 is %+v, %v, %v to who knows it: it must have been kept as it is", rec, ok, err)
	}
}

// TestCompaction lets the copy miss changes that etcd then forgets.
func TestCompaction(t *testing.T) {
	s := storetest.New(t)
	groups := store.NewKind[volume](store.PrefixGroups, 1)
	rev0 := commit(t, s, volumes.Create("gone", volume{}))
	rev1 := commit(t, s, volumes.Create("changed", volume{}), volumes.Create("kept", volume{}), groups.Create("g", volume{}))
	vols, stopVols := s.Subscribe(volumes.Prefix())
	defer stopVols()
	grps, stopGroups := s.Subscribe(groups.Prefix())
	defer stopGroups()
	store.Deaf(t, s, func() {
		rev, err := s.Commit(t.Context(), []store.Write{
			volumes.Delete("gone", rev0), volumes.Update("changed", volume{Size: 1}, rev1), volumes.Create("new", volume{}),
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // the compaction keeps the newest revision, so there must be some after the changes
			rev = store.Raw(t, s, store.PrefixPool, "{}")
		}
		if _, err := store.Client(s).Compact(t.Context(), rev, clientv3.WithCompactPhysical()); err != nil {
			t.Fatal(err)
		}
	})
	if err := s.Sync(within(t)); err != nil {
		t.Fatal(err)
	}
	var ids []string
	list, err := volumes.List(s)
	for _, v := range list {
		ids = append(ids, v.ID)
	}
	if err != nil || fmt.Sprint(ids) != "[changed kept new]" || get(t, s, "changed").Value.Size != 1 {
		t.Errorf("after the compaction the volumes are %v, %v", ids, err)
	}
	wantSignal(t, "volumes", vols)
	if len(grps) != 0 {
		t.Error("groups: a signal, but nothing there has changed")
	}
}

// TestForeignRevisions moves the revision without a change below the store's keys: only etcd can tell that the copy is
// up to date.
func TestForeignRevisions(t *testing.T) {
	s := storetest.New(t)
	for range 3 {
		rev := store.Raw(t, s, "/elsewhere", "x")
		if err := s.Sync(within(t)); err != nil {
			t.Fatal(err)
		}
		if err := s.WaitRevision(within(t), rev); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSyncIsLinearizable writes through one peer and reads through two others, again and again.
func TestSyncIsLinearizable(t *testing.T) {
	stores := storetest.Pool(t, 4)
	rev, err := stores[0].Commit(t.Context(), []store.Write{volumes.Create("gv0", volume{})})
	if err != nil {
		t.Fatal(err)
	}
	var waited time.Duration
	for i := 1; i <= 1000; i++ {
		if rev, err = stores[i%2].Commit(t.Context(), []store.Write{volumes.Update("gv0", volume{Size: i}, rev)}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		reader := stores[2+i%2]
		if err := reader.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		waited += time.Since(start)
		if got := get(t, reader, "gv0"); got.Value.Size != i {
			t.Fatalf("after write %d another peer read %d", i, got.Value.Size)
		}
	}
	t.Logf("1000 linearizable reads took %v each", waited/1000)
}

// TestConcurrentSync shares round trips, and none of the callers may get an answer from before its call.
func TestConcurrentSync(t *testing.T) {
	s := storetest.New(t)
	ctx := within(t)
	var wg sync.WaitGroup
	for i := range 20 {
		id := fmt.Sprint("gv", i)
		wg.Go(func() {
			for range 20 {
				if err := raise(ctx, s, id); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if list, err := volumes.List(s); err != nil || len(list) != 20 {
		t.Errorf("%d volumes, %v", len(list), err)
	}
}

// raise adds one to a volume after a linearizable read, which must see its own last write.
func raise(ctx context.Context, s *store.Store, id string) error {
	if err := s.Sync(ctx); err != nil {
		return err
	}
	rec, ok, err := volumes.Get(s, id)
	if err != nil {
		return err
	}
	w := volumes.Create(id, volume{})
	if ok {
		w = volumes.Update(id, volume{Size: rec.Value.Size + 1}, rec.Revision)
	}
	_, err = s.Commit(ctx, []store.Write{w})
	return err
}

func BenchmarkGet(b *testing.B) {
	s := storetest.New(b)
	if _, err := s.Commit(b.Context(), []store.Write{volumes.Create("gv0", volume{})}); err != nil {
		b.Fatal(err)
	}
	if err := s.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok, err := volumes.Get(s, "gv0"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
