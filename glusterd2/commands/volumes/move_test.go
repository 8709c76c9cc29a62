package volumes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/device"
	"gd2/glusterd2/provision"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// alone is a volume gv0 of one brick that gd2 has made, which runs, on peers that move files when they are told to.
func alone(t *testing.T) (*rig, map[string]*fakeMover, volume.Brick) {
	t.Helper()
	r := newRig(t)
	movers := r.movers()
	r.addDevices(2, 100*gib)
	req := sized("gv0", 10*gib, 1)
	req.LimitPeers = []string{"p2", "p3"} // p1 dies in one of the tests
	r.mustCreate(req)
	r.start("gv0")
	return r, movers, r.record("gv0").Bricks()[0]
}

// moving begins to move the brick, and returns the id of the operation.
func (r *rig) moving(old volume.Brick) string {
	r.t.Helper()
	req := &transaction.Request{}
	if id, err := r.c.Move(transaction.WithRequest(r.t.Context(), req), "gv0", old.ID, How{}); err != nil || id != old.ID {
		r.t.Fatal(id, err)
	}
	return req.Operation()
}

// substituted demands that gv0 has one brick, made for the files of another that is gone, and holds what it did.
func (r *rig) substituted(old volume.Brick) {
	r.t.Helper()
	v := r.record("gv0")
	b := v.Bricks()[0]
	if len(v.Subvols) != 1 || b.InPlaceOf != old.ID || b.Device == old.Device || b.Size != old.Size || b.Leaving || v.Capacity != 10*gib {
		r.t.Errorf("%d bricks, %+v in the place of %+v, %d bytes", len(v.Bricks()), b, old, v.Capacity)
	}
	if _, _, ok, err := volume.FindTask(r.store, "gv0"); ok || err != nil {
		r.t.Errorf("a task is left: %v", err)
	}
}

func (r *rig) doneAs(id string, want transaction.State) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	if op, err := r.pool.Engine("p2").Wait(ctx, id); err != nil || op.State != string(want) {
		r.t.Errorf("%+v, %v", op, err)
	}
}

// ends waits until the files are being moved, and has that end.
func (r *rig) ends(m *fakeMover, status volume.TaskStatus) {
	r.t.Helper()
	r.untilTrue("start of the move", func() bool { return m.running() == 1 })
	m.end(status)
}

// A brick whose files no other has gets a substitute, and goes when its files are there.
func TestMoveAlone(t *testing.T) {
	r, movers, old := alone(t)
	used := r.used()
	id := r.moving(old)
	v := r.record("gv0")
	if made, ok := v.Substitute(old.ID); !ok || made.Size != old.Size || made.Device == old.Device || v.Capacity != 10*gib || !v.Subvols[0].Leaving() || !r.c.Moving("gv0") {
		t.Errorf("while its files are moved: %+v", v)
	}
	if _, err := r.c.Move(t.Context(), "gv0", old.ID, How{}); !api.IsKind(err, api.State, api.Conflict) {
		t.Errorf("moved twice at once: %v", err)
	}
	r.ends(movers[old.PeerID], volume.TaskComplete)
	r.doneAs(id, transaction.Done)
	r.substituted(old)
	if debts, err := device.Debts.List(r.store); err != nil || len(debts) != 1 || debts[0].ID != old.ID || r.used() != 2*used {
		t.Errorf("%v, %v; %d used, %d before", debts, err, r.used(), used)
	}
}

// What has failed is tried again soon, with the brick that was made.
func TestMoveAloneTriesAgain(t *testing.T) {
	r, movers, old := alone(t)
	id := r.moving(old)
	first, _, err := volume.Tasks.Get(r.store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	r.ends(movers[old.PeerID], volume.TaskFailed)
	r.untilTrue("second attempt", func() bool {
		task, state, ok, err := volume.FindTask(r.store, "gv0")
		return err == nil && ok && task.Value.ID != first.Value.ID && !state.Final()
	})
	r.ends(movers[old.PeerID], volume.TaskComplete)
	r.doneAs(id, transaction.Done)
	r.substituted(old)
}

// Another peer goes on with a move, and makes no second brick.
func TestMoveAloneOutlivesItsCoordinator(t *testing.T) {
	r, movers, old := alone(t)
	id := r.moving(old)
	r.pool.Bereave("p1", id)
	r.ends(movers[old.PeerID], volume.TaskComplete)
	r.doneAs(id, transaction.Done)
	r.substituted(old)
}

// Who cancels a move keeps the brick, in service, and all its files.
func TestMoveAloneIsCancelled(t *testing.T) {
	r, _, old := alone(t)
	id := r.moving(old)
	if op, err := r.pool.Engine("p2").Cancel(t.Context(), id); err != nil || op.State != string(transaction.Failed) {
		t.Errorf("%+v, %v", op, err)
	}
	v := r.record("gv0")
	if _, b, err := v.BrickOf(old.ID); err != nil || b.Leaving || len(v.Subvols) != 2 || v.Capacity != 10*gib || r.c.Moving("gv0") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestPlanMoves(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 25*gib)
	r.mustCreate(sized("a", 10*gib, 3))
	r.mustCreate(sized("b", 10*gib, 1))
	r.start("a")
	for name, b := range map[string]volume.Brick{"a": r.record("a").Bricks()[0], "b": r.record("b").Bricks()[0]} {
		moves, err := r.c.PlanMoves(Leave{b.Device: nil})
		i := slices.IndexFunc(moves, func(m PlannedMove) bool { return m.Old.ID == b.ID })
		if err != nil || i < 0 {
			t.Fatalf("%+v, %v", moves, err)
		}
		if m := moves[i]; m.Refused != nil || m.New.Device == b.Device || m.New.Size != b.Size || m.Volume.Name != name || m.Alone != (name == "b") {
			t.Errorf("%+v", m)
		}
	}
	r.mustCreate(sized("c", 10*gib, 3))
	moves, err := r.c.PlanMoves(Leave{"p1-d0": nil, "p1-d1": nil})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, m := range moves {
		if m.Refused != nil {
			refused++
			if text := m.Refused.Error(); !strings.Contains(text, "10.0.0.1:/dev/1 is to be emptied") || !strings.Contains(text, "10.0.0.2:/dev/0 ") {
				t.Error(text)
			}
		}
	}
	if refused < 2 {
		t.Errorf("%d of %d bricks find no place", refused, len(moves))
	}
}

func TestMayMove(t *testing.T) {
	r := newRig(t)
	r.addDevices(1, 100*gib)
	r.mustCreate(sized("a", 10*gib, 3))
	a := r.record("a")
	refused(t, r.c.MayMove(t.Context(), a, a.Bricks()[0].ID, How{}), api.State, "")
	r.start("a")
	a = r.record("a")
	if err := r.c.MayMove(t.Context(), a, a.Bricks()[0].ID, How{}); err != nil {
		t.Error(err)
	}
	if err := (fakeHost{r.hosts, a.Bricks()[1].PeerID}).Stop(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := r.c.MayMove(t.Context(), a, a.Bricks()[0].ID, How{}); err == nil || !strings.Contains(err.Error(), a.Bricks()[1].Path+" of the same set is offline") {
		t.Error(err)
	}
	if err := r.c.MayMove(t.Context(), a, a.Bricks()[1].ID, How{}); err != nil {
		t.Errorf("the one that is down itself: %v", err)
	}
	if err := r.c.MayMove(t.Context(), a, a.Bricks()[0].ID, How{Unhealed: true}); err != nil {
		t.Errorf("when one serves still: %v", err)
	}
	if err := (fakeHost{r.hosts, a.Bricks()[2].PeerID}).Stop(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	refused(t, r.c.MayMove(t.Context(), a, a.Bricks()[0].ID, How{Unhealed: true}), api.State, "")
}

// A device that is to take the place of another gets its bricks, and no others before.
func TestMoveToSuccessor(t *testing.T) {
	r := newRig(t)
	r.addDevices(3, 100*gib)
	r.mustCreate(sized("a", 10*gib, 3))
	r.start("a")
	old := r.record("a").Bricks()[0]
	to := &device.Device{ID: "new", PeerID: old.PeerID, Name: "/dev/new", Provisioner: api.ProvisionerLVM, State: api.DeviceEnabled, Size: 20 * gib, Unit: 4 << 20, Mounts: "/run/new"}
	if moves, err := r.c.PlanMoves(Leave{old.Device: to}); err != nil || len(moves) != 1 || moves[0].Refused != nil || moves[0].New.Device != "new" {
		t.Errorf("planned: %+v, %v", moves, err)
	}
	small := *to
	small.Size = gib
	if moves, err := r.c.PlanMoves(Leave{old.Device: &small}); err != nil || len(moves) != 1 || moves[0].Refused != nil || moves[0].New.Device == "new" {
		t.Errorf("where it does not fit: %+v, %v", moves, err)
	}
	leaving, rev := r.device(old.Device)
	leaving.State, leaving.Evacuation = api.DeviceDisabled, &device.Evacuation{Since: time.Now(), To: "new"}
	commit(t, r.store, func() []store.Write {
		return []store.Write{device.Records.Create("new", to), device.Records.Update(old.Device, &leaving, rev)}
	})
	for n := range 4 {
		r.mustCreate(sized(fmt.Sprint("b", n), 10*gib, 3))
	}
	if uses, err := device.Uses(r.store); err != nil || uses["new"].Bricks != 0 {
		t.Errorf("others are on it: %+v, %v", uses["new"], err)
	}
	id, err := r.c.Move(t.Context(), "a", old.ID, How{})
	if _, b, err2 := r.record("a").BrickOf(id); err != nil || err2 != nil || b.Device != "new" {
		t.Errorf("%+v, %v, %v", b, err, err2)
	}
	leaving, rev = r.device(old.Device)
	leaving.Evacuation = &device.Evacuation{Since: time.Now(), To: "new", Done: time.Now()}
	commit(t, r.store, func() []store.Write { return []store.Write{device.Records.Update(old.Device, &leaving, rev)} })
	view, err := r.c.readDevices("")
	if i := slices.IndexFunc(view.list, func(d provision.Device) bool { return d.ID == "new" }); err != nil || view.list[i].KeptFor != "" {
		t.Errorf("when all have been moved: %+v, %v", view.list[i], err)
	}
}

// device is the record of a device, and its revision.
func (r *rig) device(id string) (device.Device, int64) {
	r.t.Helper()
	rec, _, err := device.Records.Get(r.store, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return *rec.Value, rec.Revision
}
