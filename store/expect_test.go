package store_test

import (
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func TestExpectation(t *testing.T) {
	for _, c := range []struct {
		name string
		e    *store.Expectation
		rev  int64
		ok   bool
	}{
		{"nothing", &store.Expectation{}, 7, true},
		{"nothing, of nothing", &store.Expectation{}, 0, true},
		{"its revision", &store.Expectation{Revisions: []int64{5, 7}}, 7, true},
		{"another revision", &store.Expectation{Revisions: []int64{5}}, 7, false},
		{"no revision at all", &store.Expectation{Revisions: []int64{}}, 7, false},
		{"that it exists", &store.Expectation{Exists: true}, 7, true},
		{"that it exists, and it does not", &store.Expectation{Exists: true}, 0, false},
		{"that it does not exist", &store.Expectation{Absent: true}, 0, true},
		{"that it does not exist, and it does", &store.Expectation{Absent: true}, 7, false},
		{"that it is still absent", &store.Expectation{Revisions: []int64{0}}, 0, true},
	} {
		err := volumes.Subject(store.Expect(t.Context(), c.e), "gv0", c.rev)
		if (err == nil) != c.ok || err != nil && !api.IsKind(err, api.Precondition) {
			t.Errorf("%s: %v", c.name, err)
		}
		if rev, known := c.e.Revision(); rev != c.rev || !known {
			t.Errorf("%s: revision %d %v", c.name, rev, known)
		}
	}
	if err := volumes.Subject(t.Context(), "gv0", 7); err != nil {
		t.Errorf("without an expectation: %v", err)
	}
}

// The guard decides, not the look before it.
func TestExpectationIsGuarded(t *testing.T) {
	s := storetest.New(t)
	rev := commit(t, s, volumes.Create("gv0", volume{"gv0", 0}))
	e := &store.Expectation{Revisions: []int64{rev}}
	ctx := store.Expect(t.Context(), e)
	if _, err := e.Guard(nil); !api.IsKind(err, api.NotSupported) {
		t.Errorf("a request that is about nothing: %v", err)
	}
	if err := volumes.Subject(ctx, "gv0", rev); err != nil {
		t.Fatal(err)
	}
	if err := volumes.Subject(ctx, "gv9", 1); err != nil {
		t.Errorf("a second record: %v", err)
	}
	guards, err := e.Guard([]store.Guard{volumes.MustBe("gv0", rev)})
	if err != nil {
		t.Fatal(err)
	}
	next := commit(t, s, volumes.Update("gv0", volume{"gv0", 1}, rev)) // somebody else
	_, err = s.Commit(t.Context(), []store.Write{volumes.Create("gv1", volume{})}, guards...)
	if err = e.Refused(err); !api.IsKind(err, api.Precondition) || api.AsError(err).Fields[store.FieldKey] != "/gd2/volumes/gv0" {
		t.Errorf("a change in between: %v", err)
	}
	other := api.Errorf(api.Conflict, "another record").With(store.FieldKey, "/gd2/volumes/gv1")
	if err := e.Refused(other); !api.IsKind(err, api.Conflict) {
		t.Errorf("another record's conflict: %v", err)
	}
	e.Met()
	if err := volumes.Subject(ctx, "gv0", next); err != nil {
		t.Errorf("read again after the change: %v", err)
	}
	if guards, err := e.Guard(nil); err != nil || len(guards) > 0 {
		t.Errorf("a second commit is guarded: %v %v", guards, err)
	}
	e.Wrote([]string{"/gd2/volumes/gv1"}, next+1)
	if rev, _ := e.Revision(); rev != next {
		t.Errorf("revision %d of another record", rev)
	}
	e.Wrote([]string{"/gd2/volumes/gv0"}, next+2)
	if rev, _ := e.Revision(); rev != next+2 {
		t.Errorf("revision %d, written at %d", rev, next+2)
	}
}
