package volume_test

import (
	"path"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gd2/glusterd2/volume"
	"gd2/store"
	"gd2/store/storetest"
)

// AnyOverlaps says what a comparison with every brick says.
func TestAnyOverlaps(t *testing.T) {
	s := storetest.New(t)
	somewhere := rapid.Custom(func(t *rapid.T) volume.Brick {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 1, 4).Draw(t, "path")
		return volume.Brick{PeerID: rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "peer"), Path: path.Join(append([]string{"/"}, parts...)...)}
	})
	rapid.Check(t, func(t *rapid.T) {
		have := rapid.SliceOfN(somewhere, 0, 4).Draw(t, "have")
		v := &volume.Volume{Name: "gv", Subvols: []volume.Subvol{{Bricks: have}}}
		rev, err := s.Commit(t.Context(), []store.Write{volume.Records.Create(v.Name, v)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WaitRevision(t.Context(), rev); err != nil {
			t.Fatal(err)
		}
		b, want := somewhere.Draw(t, "brick"), false
		for _, o := range have {
			want = want || o.PeerID == b.PeerID && volume.Overlaps(o.Path, b.Path)
		}
		if got, err := volume.AnyOverlaps(s, []volume.Brick{b}); got != want || err != nil {
			t.Errorf("%+v among %+v: %v, %v", b, have, got, err)
		}
		gone, err := s.Commit(t.Context(), []store.Write{volume.Records.Delete(v.Name, rev)})
		if err == nil {
			err = s.WaitRevision(t.Context(), gone)
		}
		if got, err2 := volume.AnyOverlaps(s, []volume.Brick{b}); got || err != nil || err2 != nil {
			t.Errorf("a brick that is gone: %v, %v, %v", got, err, err2)
		}
	})
}

// PathsOn knows the bricks of a volume under its present name, and does not tell a volume of its own.
func TestPathsOn(t *testing.T) {
	s := storetest.New(t)
	commit := func(writes ...store.Write) int64 {
		t.Helper()
		rev, err := s.Commit(t.Context(), writes)
		if err == nil {
			err = s.WaitRevision(t.Context(), rev)
		}
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	want := func(v *volume.Volume, paths ...string) {
		t.Helper()
		got, err := volume.PathsOn(s, "p1", v)
		if slices.Sort(got); err != nil || !slices.Equal(got, paths) {
			t.Errorf("beside %s there are %v, %v; want %v", v.Name, got, err, paths)
		}
	}
	made := func(name string, bricks ...volume.Brick) *volume.Volume {
		return &volume.Volume{ID: "id of " + name, Name: name, Subvols: []volume.Subvol{{Bricks: bricks}}}
	}
	a := made("a", volume.Brick{PeerID: "p1", Path: "/a1"}, volume.Brick{PeerID: "p1", Path: "/a2"}, volume.Brick{PeerID: "p2", Path: "/a3"})
	b := made("b", volume.Brick{PeerID: "p1", Path: "/b"})
	rev := commit(volume.Records.Create("a", a), volume.Records.Create("b", b))
	want(b, "/a1", "/a2")
	want(a, "/b")
	want(made("a", volume.Brick{PeerID: "p1", Path: "/a1"}), "/a2", "/b") // what it has taken out of its plan
	for _, name := range []string{"c", "A"} {                             // one that comes after the former name, and one before
		renamed := commit(volume.Records.Delete(a.Name, rev), volume.Records.Create(name, a.Renamed(name)))
		a, rev = a.Renamed(name), renamed
		want(b, "/a1", "/a2")
	}
	commit(volume.Records.Delete(a.Name, rev))
	want(b)
}
