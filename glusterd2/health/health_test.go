package health

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func self() Self { return Self{ID: "peer-1", Name: "node1"} }

// rig is a watcher whose rounds the test makes, over a store that makes events.
type rig struct {
	*testing.T
	store   *store.Store
	log     *event.Log
	watcher *Watcher
	now     time.Time
}

func newRig(t *testing.T, sources ...Source) *rig {
	t.Helper()
	cfg := storetest.NewConfig(t, storetest.NewAuthority(t), "peer-1")
	cfg.Derive = event.Derive("peer-1")
	s := storetest.Open(t, cfg)
	r := &rig{T: t, store: s, log: event.NewLog(s), now: time.Now(), watcher: &Watcher{
		Store: s, Sources: sources, Log: logrus.NewEntry(logrus.New()), limit: rate.NewLimiter(rate.Inf, 1000),
		ends: map[string]int{}, flaps: map[string]int{}, told: map[string]int{}}}
	t.Cleanup(r.log.Close)
	r.commit(peer.Records.Create("peer-1", &peer.Peer{ID: "peer-1", Name: "node1"}),
		volume.Records.Create("gv0", &volume.Volume{ID: "v1", Name: "gv0", State: volume.Started}))
	return r
}

func (r *rig) commit(writes ...store.Write) int64 {
	r.Helper()
	rev, err := r.store.Commit(r.Context(), writes)
	if err == nil {
		err = r.store.WaitRevision(r.Context(), rev)
	}
	if err != nil {
		r.Fatal(err)
	}
	return rev
}

// rounds lets so many seconds pass.
func (r *rig) rounds(n int) {
	for range n {
		r.now = r.now.Add(time.Second)
		r.watcher.round(r.Context(), r.now)
	}
}

// told fails unless exactly these events of health have happened.
func (r *rig) told(want ...string) {
	r.Helper()
	events := r.log.Last(event.Filter{Names: []string{"brick.*", "daemon.*", "disk.*", "quorum.*", "peer.down", "peer.up"}}, 1000)
	var got []string
	for _, e := range events {
		line := e.Name
		if times := e.Data[api.DataTimes]; times != "" {
			line += " x" + times
		}
		got = append(got, line)
		if e.Data[api.DataPeerID] == "" || e.Data[api.DataSince] == "" {
			r.Errorf("%s does not say where, or since when: %v", e.Name, e.Data)
		}
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		r.Errorf("events %v, want %v", got, want)
	}
}

func TestBricks(t *testing.T) {
	state := brick.State{Spec: brick.Spec{VolumeName: "gv0", Path: "/b"}, Pid: 7}
	states := []brick.State{state}
	r := newRig(t, Bricks{Self: self, States: func() []brick.State { return states }})
	r.rounds(3)
	r.told()
	// It dies, and is back before anybody looks.
	states[0].Ends, states[0].EndedAt = 1, time.Now()
	r.rounds(5)
	r.told("brick.down", "brick.up")
	// It stays away, dying again and again, and comes back.
	states[0].Down, states[0].Ends = true, 3
	r.rounds(2)
	states[0].Ends = 5
	r.rounds(2)
	states[0].Down = false
	r.rounds(3)
	r.told("brick.down", "brick.up", "brick.down x2", "brick.up")
	// Its keeper is a new one, which counts from the start.
	states[0].Ends = 1
	r.rounds(4)
	r.told("brick.down", "brick.up", "brick.down x2", "brick.up", "brick.down", "brick.up")
	// It is down when its volume is stopped: it does not come up by that.
	states[0].Down, states[0].Ends = true, 2
	r.rounds(2)
	rec, _, _ := volume.Records.Get(r.store, "gv0")
	r.commit(volume.Records.Update("gv0", &volume.Volume{ID: "v1", Name: "gv0", State: volume.Stopped}, rec.Revision))
	states = nil
	r.rounds(2)
	r.told("brick.down", "brick.up", "brick.down x2", "brick.up", "brick.down", "brick.up", "brick.down")
	if left, _ := event.Faults.List(r.store); len(left) > 0 {
		t.Errorf("faults are left: %v", left)
	}
}

// TestRestart: what a daemon recorded before it died is taken up by its next life.
func TestRestart(t *testing.T) {
	down := true
	source := SelfHeal{Self: self, Condition: func() selfheal.Condition { return selfheal.Condition{Down: down} }}
	r := newRig(t, source)
	r.rounds(2)
	r.watcher.ends, r.watcher.flaps, r.watcher.told = map[string]int{}, map[string]int{}, map[string]int{}
	down = false
	r.rounds(3)
	r.told("daemon.down", "daemon.up")
}

func TestQuorum(t *testing.T) {
	waiting := ""
	r := newRig(t, &Quorum{Self: self, Waiting: func() string { return waiting }})
	r.rounds(2)
	waiting = "an election"
	r.rounds(2)
	waiting = ""
	r.rounds(3)
	r.told()
	waiting = "two of three peers are missing"
	r.rounds(8)
	waiting = ""
	r.rounds(3)
	waiting = "again"
	r.rounds(6)
	waiting = ""
	r.rounds(3)
	r.told("quorum.lost", "quorum.regained", "quorum.lost", "quorum.regained")
}

func TestDisks(t *testing.T) {
	room := map[string]Room{"/a": {50, 50}, "/b": {3, 50}}
	d := &Disks{Self: self, List: func() []Disk { return []Disk{{Path: "/a"}, {Path: "/b", Volume: "gv0"}, {Path: "/gone"}} },
		Room: func(p string) (Room, error) {
			if got, ok := room[p]; ok {
				return got, nil
			}
			return Room{}, errors.New("it is not there")
		}}
	r := newRig(t, d)
	r.rounds(2)
	full := map[Disk]time.Time{}
	for _, step := range []Room{{1, 50}, {3, 50}, {50, 1}, {4, 4}} {
		room["/b"] = step
		d.round(full, r.now)
		r.rounds(2)
	}
	r.told("disk.full", "disk.freed")
	if got, err := StatRoom(t.TempDir()); err != nil || got.Blocks < 0 || got.Blocks > 100 || got.Inodes < 0 || got.Inodes > 100 {
		t.Errorf("room %+v, %v", got, err)
	}
}

func TestPeers(t *testing.T) {
	ours := true
	p := &Peers{Self: self, Ours: func() bool { return ours }}
	r := newRig(t, p)
	p.Store = r.store
	r.commit(peer.Records.Create("peer-2", &peer.Peer{ID: "peer-2", Name: "node2"}))
	boot := func(id string) int64 {
		return r.commit(transaction.AliveKind.Create("peer-2", transaction.Alive{Boot: id}))
	}
	rev := boot("1")
	r.rounds(20) // until others may be judged
	restart := func(id string, away int) {
		r.commit(transaction.AliveKind.Delete("peer-2", rev))
		r.rounds(away)
		rev = boot(id)
		r.rounds(4)
	}
	restart("2", 0)
	r.told("peer.down", "peer.up")
	restart("3", 10)
	r.told("peer.down", "peer.up", "peer.down", "peer.up")
	ours = false
	restart("4", 10)
	ours = true
	r.rounds(5)
	r.told("peer.down", "peer.up", "peer.down", "peer.up")
}

// TestLimit: what flaps without end is not told without end, and what is true at last is.
func TestLimit(t *testing.T) {
	state := brick.State{Spec: brick.Spec{VolumeName: "gv0", Path: "/b"}}
	r := newRig(t, Bricks{Self: self, States: func() []brick.State { return []brick.State{state} }})
	r.watcher.limit = rate.NewLimiter(rate.Every(10*time.Second), 4)
	for range 30 {
		state.Ends++
		r.rounds(1)
	}
	if n := len(r.log.Last(event.Filter{Names: []string{"brick.*"}}, 1000)); n < 4 || n > 8 {
		t.Errorf("%d events in 30 seconds", n)
	}
	r.rounds(60)
	if left, _ := event.Faults.List(r.store); len(left) > 0 {
		t.Errorf("the brick is well again, but %v is recorded", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.watcher.Run(ctx); err != nil {
		t.Error(err)
	}
}
