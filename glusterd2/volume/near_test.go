package volume_test

import (
	"path"
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
