package heal

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/volume"
	"gd2/store"
)

// change commits another version of a volume.
func (r *rig) change(name string, f func(*volume.Volume)) {
	r.t.Helper()
	rec, _, err := volume.Records.Get(r.store, name)
	if err != nil {
		r.t.Fatal(err)
	}
	v := &volume.Volume{}
	text, err := json.Marshal(rec.Value)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	f(v)
	rev, err := r.store.Commit(r.t.Context(), []store.Write{volume.Records.Update(name, v, rec.Revision)})
	if err == nil {
		err = r.store.WaitRevision(r.t.Context(), rev)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// A new brick is followed by each peer of the volume, for as often as there are pauses; nothing else is.
func TestFollow(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	follower := func(id string) *Follower {
		f := &Follower{
			Store: r.store, Daemon: fakeDaemon{r, id}, PeerID: id, Log: logrus.NewEntry(logrus.New()),
			Pauses: []time.Duration{time.Second, 2 * time.Second},
		}
		if again := f.round(t.Context(), now); again != 0 {
			t.Errorf("%s has something to do at first, in %v", id, again)
		}
		return f
	}
	here, elsewhere := follower("p1"), follower("p9")
	round := func(f *Follower, at, again time.Duration, asked ...string) {
		t.Helper()
		r.asked = nil
		if got := f.round(t.Context(), now.Add(at)); got != again || !slices.Equal(r.asked, asked) {
			t.Errorf("after %v: %v asked, again in %v; want %v, %v", at, r.asked, got, asked, again)
		}
	}
	const heal = "p1 heal gv [gv-replicate-0 gv-replicate-1] full=false"

	r.change("gv", func(v *volume.Volume) { v.Options["a"] = "b" })
	round(here, 0, 0)
	r.change("gv", func(v *volume.Volume) { v.Subvols[1].Bricks[1].ID = "new" })
	round(here, 0, time.Second)
	round(here, time.Second/2, time.Second/2)
	round(here, time.Second, 2*time.Second, heal)
	round(here, 3*time.Second, 0, heal)
	round(here, 9*time.Second, 0)
	round(elsewhere, 9*time.Second, 0)

	r.change("ec", func(v *volume.Volume) { // the daemon is off for it
		v.Subvols[0].Bricks = []volume.Brick{{ID: "c", PeerID: "p1", Path: "/c"}}
	})
	r.change("plain", func(v *volume.Volume) { // without copies
		v.Subvols[0].Bricks = []volume.Brick{{ID: "d", PeerID: "p1", Path: "/d"}}
	})
	round(here, 9*time.Second, 0)
	r.change("gv", func(v *volume.Volume) { v.Subvols[0].Bricks[0].ID = "newer" })
	round(here, 10*time.Second, time.Second)
	r.change("gv", func(v *volume.Volume) { v.State = volume.Stopped })
	round(here, 11*time.Second, 0)
}
