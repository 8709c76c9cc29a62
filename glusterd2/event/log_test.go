package event_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// rig is a store that makes events, and its history.
type rig struct {
	*testing.T
	store *store.Store
	log   *event.Log
}

func newRig(t *testing.T) rig {
	t.Helper()
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	cfg.Derive = event.Derive("peer-1")
	s := storetest.Open(t, cfg)
	log := event.NewLog(s)
	t.Cleanup(log.Close)
	r := rig{t, s, log}
	r.commit(peer.PoolRecord.Create("", peer.Pool{ID: "pool-1"}))
	return r
}

// commit writes and returns the revision, which the copy has then.
func (r rig) commit(writes ...store.Write) int64 {
	r.Helper()
	rev, err := r.store.Commit(r.Context(), writes)
	if err != nil {
		r.Fatal(err)
	}
	if err := r.store.WaitRevision(r.Context(), rev); err != nil {
		r.Fatal(err)
	}
	return rev
}

// all returns the whole history as lines: name and data.
func (r rig) all() []string { return lines(r.log.Last(event.Filter{}, 1000)) }

func lines(events []api.Event) []string {
	var out []string
	for _, e := range events {
		line := e.Name
		for _, k := range []string{api.DataVolumeName, api.DataFormerName, api.DataPeerID, api.DataBrickPath, api.DataChanged} {
			if v := e.Data[k]; v != "" {
				line += " " + v
			}
		}
		out = append(out, line)
	}
	return out
}

func gv0() *volume.Volume {
	return &volume.Volume{ID: "v1", Name: "gv0", State: volume.Created, Subvols: []volume.Subvol{{
		Type: api.SubvolDistribute, Bricks: []volume.Brick{{ID: "b0", PeerID: "peer-1", Path: "/b0"}}}},
		Auth: volume.Auth{Username: "u", Password: "secret"}}
}

// TestEventsOfVolumes changes a volume in each way and looks for the events, which must be of the very revisions.
func TestEventsOfVolumes(t *testing.T) {
	r := newRig(t)
	v := gv0()
	rev := r.commit(volume.Records.Create("gv0", v))
	change := func(f func(v *volume.Volume)) {
		c := *v
		f(&c)
		v = &c
		rev = r.commit(volume.Records.Update("gv0", v, rev))
	}
	change(func(v *volume.Volume) { v.State = volume.Started })
	change(func(v *volume.Volume) { v.Options = map[string]string{"a.b": "on", "c.d": "1"} })
	change(func(v *volume.Volume) { v.Options, v.State = map[string]string{"c.d": "1"}, volume.Stopped })
	change(func(v *volume.Volume) { v.Metadata = map[string]string{"owner": "me"} })
	change(func(v *volume.Volume) {
		v.Subvols = append(slices.Clone(v.Subvols), volume.Subvol{Type: api.SubvolDistribute, Bricks: []volume.Brick{{ID: "b1", PeerID: "peer-2", Path: "/b1"}}})
	})
	change(func(v *volume.Volume) { v.Subvols = v.Subvols[1:] })
	change(func(v *volume.Volume) { v.Auth.Password = "another" })
	renamed := *v
	renamed.Name = "gv1"
	rev = r.commit(volume.Records.Delete("gv0", rev), volume.Records.Create("gv1", &renamed))
	r.commit(volume.Records.Delete("gv1", rev))
	want := []string{
		"volume.created gv0", "volume.started gv0", "volume.options.changed gv0 a.b,c.d", "volume.stopped gv0",
		"volume.options.changed gv0 a.b", "volume.metadata.changed gv0 owner",
		"brick.added gv0 peer-2 /b1", "volume.expanded gv0", "brick.removed gv0 peer-1 /b0", "volume.shrunk gv0",
		"volume.changed gv0 auth", "volume.renamed gv1 gv0", "volume.deleted gv1",
	}
	if diff := cmp.Diff(want, r.all()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, e := range r.log.Last(event.Filter{}, 1000) {
		if strings.Contains(fmt.Sprint(e), "secret") || strings.Contains(fmt.Sprint(e), "another") {
			t.Errorf("an event tells a password: %+v", e)
		}
		if e.Origin != "peer-1" || e.Revision <= 0 || time.Since(stamp(t, e)) > time.Minute {
			t.Errorf("event without its place: %+v", e)
		}
	}
}

func stamp(t *testing.T, e api.Event) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, e.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestNoChangeNoEvent: a commit that is refused leaves no event, and one that changes nothing that is told of neither.
func TestNoChangeNoEvent(t *testing.T) {
	r := newRig(t)
	rev := r.commit(volume.Records.Create("gv0", gv0()))
	started := gv0()
	started.State = volume.Started
	if _, err := r.store.Commit(t.Context(), []store.Write{volume.Records.Update("gv0", started, rev-1)}); !api.IsKind(err, api.Conflict) {
		t.Fatalf("a commit of an old revision: %v", err)
	}
	r.commit(volume.Records.Update("gv0", gv0(), rev), peer.Secrets.Create("s", []byte("x")))
	if got := r.all(); len(got) != 1 {
		t.Errorf("events %v, want only that of the creation", got)
	}
}

// TestFaults: what is not well makes an event when it begins and one when it ends, unless it has become moot.
func TestFaults(t *testing.T) {
	r := newRig(t)
	v := gv0()
	v.State = volume.Started
	r.commit(peer.Records.Create("peer-1", &peer.Peer{ID: "peer-1", Name: "node1"}))
	volumeRev := r.commit(volume.Records.Create("gv0", v))
	fault := event.Fault{Kind: event.FaultBrick, Since: time.Now(), Data: map[string]string{
		api.DataVolumeName: "gv0", api.DataPeerID: "peer-1", api.DataBrickPath: "/b0", api.DataReason: "it ended"}}
	rev := r.commit(event.Faults.Create("brick/peer-1/b0", fault))
	r.commit(event.Faults.Delete("brick/peer-1/b0", rev))
	rev = r.commit(event.Faults.Create("brick/peer-1/b0", fault))
	r.commit(volume.Records.Update("gv0", gv0(), volumeRev))
	r.commit(event.Faults.Delete("brick/peer-1/b0", rev))
	want := []string{"peer.added peer-1", "volume.created gv0", "brick.down gv0 peer-1 /b0", "brick.up gv0 peer-1 /b0", "brick.down gv0 peer-1 /b0", "volume.stopped gv0"}
	if diff := cmp.Diff(want, r.all()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestReading reads from every place, with limits and filters, and always finds exactly the rest.
func TestReading(t *testing.T) {
	r := newRig(t)
	const n = 6
	for i := range n {
		v := gv0()
		v.Name = fmt.Sprintf("gv%d", i)
		w := gv0()
		w.Name = fmt.Sprintf("w%d", i)
		r.commit(volume.Records.Create(v.Name, v), volume.Records.Create(w.Name, w)) // two events of one revision
	}
	all := r.log.Last(event.Filter{}, 1000)
	if len(all) != 2*n {
		t.Fatalf("%d events: %v", len(all), lines(all))
	}
	for i, e := range all {
		since, err := event.ParseSince(e.ID, "pool-1")
		if err != nil || since.Foreign {
			t.Fatalf("%s: %+v, %v", e.ID, since, err)
		}
		if got := r.log.Read(since, event.Filter{}, 1000).Events; !slices.EqualFunc(got, all[i+1:], sameEvent) {
			t.Errorf("after event %d come %v", i, lines(got))
		}
		page := r.log.Read(since, event.Filter{Volume: "w3"}, 1)
		if i < 7 && (len(page.Events) != 1 || page.Events[0].Data[api.DataVolumeName] != "w3") {
			t.Errorf("after event %d comes of w3: %v", i, lines(page.Events))
		}
	}
	if got := r.log.Last(event.Filter{}, 3); !slices.EqualFunc(got, all[2*n-3:], sameEvent) {
		t.Errorf("the last three are %v", lines(got))
	}
	if n := r.log.Count(event.Position{Revision: all[4].Revision, Index: all[4].Index}, event.Filter{}); n != 7 {
		t.Errorf("%d events after the fifth", n)
	}
}

func sameEvent(a, b api.Event) bool { return a.ID == b.ID && a.Name == b.Name }

// TestLost: who comes back too late, from elsewhere or from the future is told first.
func TestLost(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		v := gv0()
		v.Name = fmt.Sprintf("gv%d", i)
		r.commit(volume.Records.Create(v.Name, v))
	}
	all := r.log.Last(event.Filter{}, 1000)
	p := event.Pruner{Store: r.store, Keep: 5, Log: logrus.NewEntry(logrus.New())}
	if err := p.Prune(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := r.all(); len(got) != 5 || got[0] != "volume.created gv15" {
		t.Fatalf("left are %v", got)
	}
	for text, want := range map[string]int{
		all[3].ID: 6, all[14].ID: 5, all[16].ID: 3, "0": 6,
		event.ID(event.Position{Revision: 3}, "another pool"): 6, "999999": 6,
	} {
		since, err := event.ParseSince(text, "pool-1")
		if err != nil {
			t.Fatal(err)
		}
		got := r.log.Read(since, event.Filter{Names: []string{"volume.*"}}, 1000).Events
		if len(got) != want || (got[0].Name == api.EventsLost) != (want == 6) {
			t.Errorf("since %s come %v", text, lines(got))
		}
		if got[0].Name != api.EventsLost {
			continue
		}
		again, err := event.ParseSince(got[0].ID, "pool-1")
		if err != nil {
			t.Fatal(err)
		}
		if next := r.log.Read(again, event.Filter{}, 1000).Events; len(next) != 5 || next[0].Name == api.EventsLost {
			t.Errorf("after the notice of since %s come %v", text, lines(next))
		}
	}
	if err := p.Prune(t.Context(), time.Now().Add(30*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := r.all(); len(got) != 0 {
		t.Errorf("a month later there are still %v", got)
	}
}

// TestWait: a reader is woken by an event, and by nothing before.
func TestWait(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	at := r.log.End()
	woken := make(chan error, 1)
	go func() { woken <- r.log.Wait(ctx, at) }()
	r.commit(peer.Secrets.Create("s", []byte("x")))
	select {
	case err := <-woken:
		t.Fatalf("woken without an event: %v", err)
	default:
	}
	r.commit(volume.Records.Create("gv0", gv0()))
	if err := <-woken; err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := r.log.Wait(ctx, r.log.End()); err == nil {
		t.Error("a wait whose context has ended goes on")
	}
}
