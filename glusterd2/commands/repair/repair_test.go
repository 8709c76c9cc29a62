package repair

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a Keeper among fakes: it moves bricks in the records only.
type rig struct {
	*Keeper
	t       *testing.T
	entries uint64 // what is to be healed
	offline map[string]bool
	refuse  error
	moving  bool // files of a volume without copies
	may     map[string]error
	planned []volumes.PlannedMove
	moved   []string
	asked   []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	pool := transactiontest.NewPool(t, transactiontest.Config{Registry: func(string) *transaction.Registry { return transaction.NewRegistry() }})
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := &rig{t: t, offline: map[string]bool{}}
	r.Keeper = &Keeper{Config{Moves: &Moves{Store: pool.Store("p1"), Volumes: r, Heals: r}, Devices: r, Ours: func() bool { return true }, Log: logrus.NewEntry(log)}}
	var writes []store.Write
	for _, id := range pool.Peers() {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: id, Host: id}))
	}
	writes = append(writes, device.Records.Create("d", &device.Device{ID: "d", PeerID: "p2", Name: "/d", State: api.DeviceDisabled}))
	for _, name := range []string{"gv0", "gv1"} {
		v := &volume.Volume{ID: name, Name: name, State: volume.Started, Subvols: []volume.Subvol{{Type: api.SubvolReplicate, Replica: 2, Bricks: []volume.Brick{
			{ID: name + "-a", PeerID: "p1", Path: "/a", Device: "other"}, {ID: name + "-b", PeerID: "p2", Path: "/b", Client: 1, Device: "d"}}}}}
		writes = append(writes, volume.Records.Create(name, v))
	}
	r.commit(writes...)
	return r
}

func (r *rig) commit(writes ...store.Write) {
	r.t.Helper()
	rev, err := r.Store.Commit(r.t.Context(), writes)
	if err == nil {
		err = r.Store.WaitRevision(r.t.Context(), rev)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) Move(ctx context.Context, name, id string, how volumes.How) (string, error) {
	if r.refuse != nil {
		return "", r.refuse
	}
	rec, _, err := volume.Records.Get(r.Store, name)
	if err != nil {
		return "", err
	}
	r.moved = append(r.moved, id)
	if rec.Value.Subvols[0].Alone() {
		r.moving = true
		return id, nil
	}
	b := rec.Value.Subvols[0].Bricks[1]
	b.ID, b.Device = id+"2", "other"
	_, err = r.Store.Commit(ctx, []store.Write{volume.Records.Update(name, rec.Value.WithBrick(b), rec.Revision)})
	return b.ID, err
}

func (r *rig) PlanMoves(volumes.Leave) ([]volumes.PlannedMove, error) {
	return slices.Clone(r.planned), nil
}

func (r *rig) MayMove(_ context.Context, _ *volume.Volume, id string, _ volumes.How) error {
	return r.may[id]
}

func (r *rig) Moving(name string) bool { return r.moving && name == "single" }

func (r *rig) BricksOnline(context.Context, string) (map[string]bool, error) {
	return map[string]bool{"gv0-b": !r.offline["gv0-b"], "gv1-b": !r.offline["gv1-b"]}, nil
}

func (r *rig) Count(_ context.Context, _, brick string) ([]api.BrickHealCount, error) {
	return []api.BrickHealCount{{Brick: brick, Entries: r.entries}}, nil
}

func (r *rig) Heal(context.Context, string, string) ([]api.BrickHealStart, error) { return nil, nil }

func (r *rig) Evacuate(_ context.Context, peer, name string, req api.EvacuateReq) (api.Device, error) {
	r.asked = append(r.asked, peer+" "+name)
	return api.Device{}, nil
}

// device is the record of the device as it is now.
func (r *rig) device() store.Record[*device.Device] {
	r.t.Helper()
	if err := r.Store.Sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	rec, _, err := device.Records.Get(r.Store, "d")
	if err != nil {
		r.t.Fatal(err)
	}
	return rec
}

func (r *rig) evacuate() {
	rec := r.device()
	d := *rec.Value
	d.Evacuation = &device.Evacuation{Since: time.Now().UTC(), Bricks: 2}
	r.commit(device.Records.Update("d", &d, rec.Revision))
}

// step goes one step, and returns how far the evacuation is then.
func (r *rig) step() device.Evacuation {
	r.t.Helper()
	if _, err := r.once(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return *r.device().Value.Evacuation
}

// One brick moves after the other, each when the last is whole.
func TestOneByOne(t *testing.T) {
	r := newRig(t)
	r.evacuate()
	r.entries = 5
	if e := r.step(); len(r.moved) != 0 || !strings.Contains(e.Waits, "to be healed") {
		t.Errorf("a brick that others are healed from: %v, %+v", r.moved, e)
	}
	r.entries = 0
	if e := r.step(); len(r.moved) != 1 || e.Healing == nil || e.Healing.Brick != "gv0-b2" || e.Waits != "" {
		t.Errorf("%v, %+v", r.moved, e)
	}
	r.entries = 3
	if e := r.step(); len(r.moved) != 1 || !strings.Contains(e.Waits, "gv0") {
		t.Errorf("while gv0 heals: %v, %+v", r.moved, e)
	}
	r.entries = 0
	if e := r.step(); len(r.moved) != 2 || !e.Done.IsZero() {
		t.Errorf("%v, %+v", r.moved, e)
	}
	if e := r.step(); e.Done.IsZero() || e.Healing != nil {
		t.Errorf("%+v", e)
	}
	if busy, err := r.once(t.Context()); busy || err != nil {
		t.Errorf("goes on when all is done: %v, %v", busy, err)
	}
}

// Who wants that does without any look for heals.
func TestUnhealed(t *testing.T) {
	r := newRig(t)
	rec := r.device()
	d := *rec.Value
	d.Evacuation = &device.Evacuation{Since: time.Now().UTC(), Bricks: 2, Unhealed: true}
	r.commit(device.Records.Update("d", &d, rec.Revision))
	r.entries = 5
	for n := 1; n <= 2; n++ {
		if e := r.step(); len(r.moved) != n || e.Healing != nil || e.Waits != "" {
			t.Errorf("%v, %+v", r.moved, e)
		}
	}
	if e := r.step(); e.Done.IsZero() {
		t.Errorf("%+v", e)
	}
	v, _, err := volume.Records.Get(r.Store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.May(t.Context(), v.Value, "gv0-b2"); err != nil {
		t.Errorf("one that does not serve: %v", err)
	}
	if err := r.May(t.Context(), v.Value, "none"); !api.IsKind(err, api.NotFound) {
		t.Errorf("no such brick: %v", err)
	}
}

// A brick that cannot be moved says why, and keeps no other from being moved.
func TestWaits(t *testing.T) {
	r := newRig(t)
	r.evacuate()
	r.refuse = api.Errorf(api.State, "no room")
	if e := r.step(); e.Waits != "no room" || len(r.moved) != 0 {
		t.Errorf("%+v", e)
	}
	r.refuse = nil
	r.offline["gv0-b"], r.entries = true, 9
	if e := r.step(); len(r.moved) != 1 || r.moved[0] != "gv0-b" {
		t.Errorf("a brick that is down waits for a heal: %+v", e)
	}
	r.Ours = func() bool { return false }
	r.entries = 0
	if r.step(); len(r.moved) != 1 {
		t.Error("moved by a peer that is not to")
	}
}

// While more than a third of the pool is away nothing moves.
func TestTooManyAway(t *testing.T) {
	r := newRig(t)
	r.evacuate()
	r.commit(peer.Records.Create("p8", &peer.Peer{ID: "p8", Name: "p8"}))
	if r.step(); len(r.moved) != 1 {
		t.Errorf("one of four away: %v", r.moved)
	}
	r.commit(peer.Records.Create("p9", &peer.Peer{ID: "p9", Name: "p9"}))
	if e := r.step(); len(r.moved) != 1 || !strings.Contains(e.Waits, "2 of 5 peers") {
		t.Errorf("%v, %+v", r.moved, e)
	}
}

// What has been down for long is repaired without anybody asking, if that is wanted.
func TestFailed(t *testing.T) {
	r := newRig(t)
	r.commit(event.Faults.Create("brick/p2/x", event.Fault{Kind: event.FaultBrick, Since: time.Now().Add(-time.Minute),
		Data: map[string]string{api.DataPeerID: "p2", api.DataVolumeName: "gv0", api.DataBrickPath: "/b"}}))
	for after, want := range map[time.Duration]int{0: 0, time.Hour: 0, time.Second: 1} {
		r.After, r.asked = after, nil
		if _, err := r.once(t.Context()); err != nil || len(r.asked) != want {
			t.Errorf("after %s: %v, %v", after, r.asked, err)
		}
	}
	for _, id := range []string{"p8", "p9"} {
		r.commit(peer.Records.Create(id, &peer.Peer{ID: id, Name: id}))
	}
	r.After, r.asked = time.Second, nil
	if _, err := r.once(t.Context()); err != nil || len(r.asked) != 0 {
		t.Errorf("2 of 5 peers away: %v, %v", r.asked, err)
	}
	r.evacuate()
	r.asked = nil
	if _, err := r.once(t.Context()); err != nil || len(r.asked) != 0 {
		t.Errorf("a device that is being emptied: %v, %v", r.asked, err)
	}
}

// Files that no other brick has are moved, not healed; until they are nothing else moves off the device.
func TestAlone(t *testing.T) {
	r := newRig(t)
	r.commit(volume.Records.Create("single", &volume.Volume{ID: "single", Name: "single", State: volume.Started, Subvols: []volume.Subvol{
		{Type: api.SubvolDistribute, Replica: 1, Bricks: []volume.Brick{{ID: "single-a", PeerID: "p2", Path: "/s", Device: "d"}}}}}))
	r.evacuate()
	r.refuse = api.Errorf(api.State, "no room")
	r.step()
	r.refuse, r.entries = nil, 3 // of the other volumes
	if e := r.step(); len(r.moved) != 1 || r.moved[0] != "single-a" || e.Healing != nil || !strings.Contains(e.Waits, "files of volume single") {
		t.Errorf("%v, %+v", r.moved, e)
	}
	r.entries = 0
	if e := r.step(); len(r.moved) != 1 || !strings.Contains(e.Waits, "files of volume single") {
		t.Errorf("while they move: %v, %+v", r.moved, e)
	}
	rec, _, err := volume.Records.Get(r.Store, "single")
	if err != nil {
		t.Fatal(err)
	}
	r.commit(volume.Records.Delete("single", rec.Revision))
	r.moving = false
	if e := r.step(); len(r.moved) != 2 || e.Waits != "" {
		t.Errorf("after that: %v, %+v", r.moved, e)
	}
}

// A request is refused with each brick that cannot be moved, and why.
func TestPlan(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"gv0", "gv1"} {
		rec, _, err := volume.Records.Get(r.Store, name)
		if err != nil {
			t.Fatal(err)
		}
		r.planned = append(r.planned, volumes.PlannedMove{Volume: rec.Value, Old: rec.Value.Bricks()[1]})
	}
	plan := func() error {
		_, err := r.Plan(t.Context(), volumes.Leave{"d": nil}, volumes.How{})
		return err
	}
	if err := plan(); err != nil {
		t.Error(err)
	}
	r.entries = 2
	if err := plan(); !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "2 of 2 bricks") || !strings.Contains(err.Error(), "to be healed") {
		t.Error(err)
	}
	r.offline["gv0-b"] = true
	if err := plan(); err == nil || !strings.Contains(err.Error(), "1 of 2 bricks") || strings.Contains(err.Error(), "of volume gv0:") {
		t.Errorf("one that is down misses nothing that is healed: %v", err)
	}
	r.entries, r.may = 0, map[string]error{"gv1-b": api.Errorf(api.State, "the others are away")}
	r.planned[0].Refused = api.Errorf(api.State, "no room: n1:/dev/sdb needs 3 KiB, has 2")
	err := plan()
	for _, want := range []string{"p2:/b of volume gv0: no room: n1:/dev/sdb needs 3 KiB, has 2", "p2:/b of volume gv1: the others are away", "use force"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// What an evacuation is at is said with what is left to heal.
func TestState(t *testing.T) {
	r := newRig(t)
	r.entries = 7
	for want, e := range map[string]device.Evacuation{
		"no room": {Waits: "no room"},
		"":        {Healing: &device.Place{Volume: "gone", Brick: "x"}},
		"volume gv0 is being healed, 7 entries left": {Healing: &device.Place{Volume: "gv0", Brick: "gv0-b"}, Waits: "brick knows of entries"},
	} {
		if got := r.State(t.Context(), &e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
