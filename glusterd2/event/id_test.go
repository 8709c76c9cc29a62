package event

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"gd2/pkg/api"
)

const pool = "7f3c1a52-0000-4000-8000-00000000abcd"

func positions() *rapid.Generator[Position] {
	return rapid.Custom(func(t *rapid.T) Position {
		return Position{Revision: rapid.Int64Range(0, maxRevision).Draw(t, "revision"), Index: rapid.IntRange(0, MaxIndex).Draw(t, "index")}
	})
}

func TestIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, q := positions().Draw(t, "p"), positions().Draw(t, "q")
		id := ID(p, pool)
		if u, err := uuid.Parse(id); err != nil || u.Version() != 8 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is not a UUID of version 8: %v", id, err)
		}
		if got, ours, err := ParseID(id, pool); err != nil || got != p || !ours {
			t.Fatalf("%s reads as %+v, ours %v, %v; it was made of %+v", id, got, ours, err, p)
		}
		if _, ours, err := ParseID(id, "another pool"); err != nil || ours {
			t.Fatalf("%s is taken for an event of another pool: %v", id, err)
		}
		if p.Before(q) != (id < ID(q, pool)) {
			t.Fatalf("%+v and %+v do not sort as their ids", p, q)
		}
	})
}

func TestParseSince(t *testing.T) {
	for text, want := range map[string]Since{
		"0":                        {After: AfterRevision(0)},
		"1234":                     {After: AfterRevision(1234)},
		ID(Position{7, 3}, pool):   {After: Position{7, 3}},
		ID(Position{7, 3}, "else"): {After: Position{7, 3}, Foreign: true},
		"2026-01-31T12:00:00Z":     {Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
	} {
		got, err := ParseSince(text, pool)
		if err != nil || got.After != want.After || got.Foreign != want.Foreign || !got.Time.Equal(want.Time) {
			t.Errorf("%q reads as %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "yesterday", uuid.NewString(), "99999999999999999999", "{" + ID(Position{}, pool) + "}", "1e3"} {
		_, err := ParseSince(text, pool)
		if !api.IsKind(err, api.Invalid) || api.AsError(err).Fields[api.FieldField] != "since" {
			t.Errorf("%q is accepted, or refused without naming the field: %v", text, err)
		}
	}
}

func TestFilter(t *testing.T) {
	started := &api.Event{Name: api.EventVolumeStarted, Data: map[string]string{api.DataVolumeName: "gv0", api.DataVolumeID: "v1"}}
	for _, c := range []struct {
		filter Filter
		match  bool
	}{
		{Filter{}, true},
		{Filter{Names: []string{"volume.*"}}, true},
		{Filter{Names: []string{"*"}}, true},
		{Filter{Names: []string{"peer.added", "volume.started"}}, true},
		{Filter{Names: []string{"volume"}}, false},
		{Filter{Names: []string{"vol*"}}, false},
		{Filter{Names: []string{"peer.*"}}, false},
		{Filter{Volume: "gv0"}, true},
		{Filter{Volume: "v1"}, true},
		{Filter{Volume: "gv1"}, false},
		{Filter{Volume: "gv0", Peer: "p1"}, false},
		{Filter{Operation: "01"}, false},
	} {
		if got := c.filter.Match(started); got != c.match {
			t.Errorf("%+v matches %v, want %v", c.filter, got, c.match)
		}
	}
	if err := (Filter{Names: []string{"volume.*", "events.lost", "*"}}).Check("name"); err != nil {
		t.Error(err)
	}
	if err := (Filter{Names: []string{"volume.strated"}}).Check("name"); !api.IsKind(err, api.Invalid) {
		t.Errorf("a name that does not exist: %v", err)
	}
}

// TestEveryName holds the list of names together with the events that faults make.
func TestEveryName(t *testing.T) {
	names := api.EventNames()
	for _, kind := range []string{FaultBrick, FaultPeer, FaultQuorum, FaultDisk, FaultDaemon, FaultOrphan} {
		begin, end := faultNames(kind)
		if !slices.Contains(names, begin) || !slices.Contains(names, end) {
			t.Errorf("fault %s makes %q and %q, which are not in the list", kind, begin, end)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("a name is listed twice: %v", names)
	}
}

func FuzzParseSince(f *testing.F) {
	for _, s := range []string{"1234", ID(Position{7, 3}, pool), "2026-01-31T12:00:00Z", "", "-", "0x10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSince(text, pool)
		if err != nil {
			if !api.IsKind(err, api.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if s.After.Revision < 0 || s.After.Index < 0 || s.After.Index > MaxIndex {
			t.Fatalf("%q reads as %+v", text, s)
		}
	})
}
