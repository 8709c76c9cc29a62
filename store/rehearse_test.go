package store_test

import (
	"slices"
	"strings"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func TestRehearse(t *testing.T) {
	s := storetest.New(t)
	rev := commit(t, s, volumes.Create("gv0", volume{"gv0", 0}))
	before := s.Revision()
	for _, c := range []struct {
		name  string
		write store.Write
		guard store.Guard
		kind  api.Kind // "" if it would succeed
	}{
		{"update", volumes.Update("gv0", volume{"gv0", 1}, rev), volumes.MustBeAbsent("gv1"), ""},
		{"what exists", volumes.Create("gv0", volume{}), volumes.MustBeAbsent("gv1"), api.Conflict},
		{"a guard", volumes.Create("gv1", volume{}), volumes.MustBe("gv0", rev+1), api.Conflict},
		{"too large", volumes.Create("gv1", volume{Name: strings.Repeat("x", 2<<20)}), volumes.MustBeAbsent("gv2"), api.TooLarge},
	} {
		err := s.Rehearse(t.Context(), []store.Write{c.write}, c.guard)
		if (err != nil || c.kind != "") && !api.IsKind(err, c.kind) {
			t.Errorf("%s: %v, want %q", c.name, err, c.kind)
		}
	}
	if err := s.Sync(t.Context()); err != nil || s.Revision() != before {
		t.Errorf("a rehearsal has written: revision %d, before %d (%v)", s.Revision(), before, err)
	}
}

func TestPreview(t *testing.T) {
	s := storetest.New(t)
	type record struct {
		State   string            `json:"state"`
		Options map[string]string `json:"options,omitempty"`
		Secret  string            `json:"secret"`
	}
	kind := store.NewKind[record](store.PrefixVolumes, 1).Shows("state", "options")
	rev := commit(t, s, kind.Create("gv0", record{"a", map[string]string{"x.y": "1", "gone": "2"}, "old"}))
	c := s.Preview(kind.Update("gv0", record{"b", map[string]string{"x.y": "", "new": strings.Repeat("n", 200)}, "new"}, rev))
	want := []string{"options.gone 2 → unset", "options.new unset → " + strings.Repeat("n", 120) + "…", `options.x.y 1 → ""`, "secret", "state a → b"}
	if c.Created || c.Removed || c.Name != "volumes/gv0" || c.Bytes == 0 || !slices.Equal(c.Fields, want) {
		t.Errorf("update: %+v, want the fields %q", c, want)
	}
	c = s.Preview(kind.Update("gv0", record{State: "a", Secret: "old"}, rev))
	if want := []string{"options.gone 2 → unset", "options.x.y 1 → unset"}; !slices.Equal(c.Fields, want) {
		t.Errorf("an object that goes: %q, want %q", c.Fields, want)
	}
	if c := s.Preview(kind.Create("gv1", record{Secret: "s"})); !c.Created || c.Removed || len(c.Fields) > 0 {
		t.Errorf("create: %+v", c)
	}
	if c := s.Preview(kind.Delete("gv0", rev)); c.Created || !c.Removed || len(c.Fields) > 0 {
		t.Errorf("delete: %+v", c)
	}
}
