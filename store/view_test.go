package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

// sizes is a View of the sizes of volumes by the first letter of their names.
func sizes(k store.Kind[volume]) *store.View[volume, map[string]int] {
	return &store.View[volume, map[string]int]{
		Kind: k,
		New:  func() map[string]int { return map[string]int{} },
		Put:  func(m map[string]int, rec store.Record[volume]) { m[rec.ID[:1]] += rec.Value.Size },
		Drop: func(m map[string]int, rec store.Record[volume]) { m[rec.ID[:1]] -= rec.Value.Size },
	}
}

// readView returns what a view has of letters that are not 0.
func readView(t *testing.T, w *store.View[volume, map[string]int], s *store.Store) map[string]int {
	t.Helper()
	var got map[string]int
	if err := w.Read(s, func(m map[string]int) { got = maps.Clone(m) }); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(got, func(_ string, n int) bool { return n == 0 })
	return got
}

// A view is what its definition says of the records, whatever has happened to them between two readings.
func TestView(t *testing.T) {
	s, w := storetest.New(t), sizes(volumes)
	random, have, want := rand.New(rand.NewPCG(1, 1)), map[string]store.Record[volume]{}, map[string]int{}
	for round := range 60 {
		for range random.IntN(5) {
			name := fmt.Sprintf("%c%d", 'a'+rune(random.IntN(3)), random.IntN(4))
			v, old := volume{name, 1 + random.IntN(9)}, have[name]
			want[name[:1]] -= old.Value.Size
			switch {
			case old.Revision == 0:
				have[name] = store.Record[volume]{Value: v, Revision: commit(t, s, volumes.Create(name, v))}
			case random.IntN(2) == 0:
				have[name] = store.Record[volume]{Value: v, Revision: commit(t, s, volumes.Update(name, v, old.Revision))}
			default:
				commit(t, s, volumes.Delete(name, old.Revision))
				delete(have, name)
				continue
			}
			want[name[:1]] += v.Size
		}
		maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
		if got := readView(t, w, s); !maps.Equal(got, want) {
			t.Fatalf("round %d: %v, want %v", round, got, want)
		}
	}
}

// More changes than wait for a reader cost it a fresh start, and nothing else.
func TestViewFarBehind(t *testing.T) {
	s, w := storetest.New(t), sizes(volumes)
	commit(t, s, volumes.Create("gone", volume{"gone", 7}))
	readView(t, w, s)
	commit(t, s, volumes.Delete("gone", get(t, s, "gone").Revision))
	const each, batches = 60, store.MaxBehind/60 + 1
	for b := range batches {
		var writes []store.Write
		for i := range each {
			name := fmt.Sprintf("v%d-%d", b, i)
			writes = append(writes, volumes.Create(name, volume{name, 2}))
		}
		commit(t, s, writes...)
	}
	for range 2 {
		if got := readView(t, w, s); len(got) != 1 || got["v"] != 2*each*batches {
			t.Errorf("%v, want v: %d", got, 2*each*batches)
		}
		commit(t, s, volumes.Update("v0-0", volume{"v0-0", 2}, get(t, s, "v0-0").Revision))
	}
}

// A record of a newer version is named, as long as it is there.
func TestViewOfUnknownRecord(t *testing.T) {
	s, w := storetest.New(t), sizes(volumes)
	newer := store.NewKind[volume](store.PrefixVolumes, 2)
	commit(t, s, volumes.Create("a", volume{"a", 1}))
	rev := commit(t, s, newer.Create("b", volume{"b", 1}))
	for range 2 {
		got := 0
		err := w.Read(s, func(m map[string]int) { got = m["a"] + m["b"] })
		if got != 1 || !api.IsKind(err, api.NotSupported) || !strings.Contains(err.Error(), "newer gd2") {
			t.Errorf("%d, %v", got, err)
		}
	}
	commit(t, s, newer.Delete("b", rev))
	if got := readView(t, w, s); got["a"] != 1 {
		t.Errorf("%v", got)
	}
}
