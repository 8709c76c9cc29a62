package devices

import (
	"context"
	"strings"
	"testing"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// holding gives a device a brick of a volume: the only copy, or one of three.
func (r *rig) holding(d api.Device, name string, copies int) {
	r.t.Helper()
	s := volume.Subvol{Type: api.SubvolReplicate, Replica: copies}
	if copies == 1 {
		s.Type = api.SubvolDistribute
	}
	for i := range copies {
		b := volume.Brick{ID: name + string(rune('a'+i)), PeerID: d.PeerID, Path: "/" + name, Client: i, Device: "elsewhere"}
		if i == 0 {
			b.Device = d.ID
		}
		s.Bricks = append(s.Bricks, b)
	}
	commit(r.t, r.c.Store, volume.Records.Create(name, &volume.Volume{ID: name, Name: name, Subvols: []volume.Subvol{s}}))
}

func TestEvacuate(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	r.holding(d, "gv0", 3)
	got, err := r.c.Evacuate(t.Context(), "n2", "/dev/sdb", api.EvacuateReq{})
	if err != nil || got.State != api.DeviceDisabled || got.Evacuation == nil || got.Evacuation.Left != 1 || got.Evacuation.Percent != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = r.c.Edit(t.Context(), "n2", d.ID, api.DeviceEditReq{State: api.DeviceEnabled}); err != nil || got.Evacuation != nil {
		t.Errorf("enabled again: %+v, %v", got.Evacuation, err)
	}
	r.add("n2", "/dev/sdc")
	all, err := r.c.EvacuatePeer(t.Context(), "n2", api.EvacuateReq{})
	if err != nil || len(all) != 2 || all[0].Evacuation == nil || all[1].Evacuation == nil {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestEvacuateRefuses(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	_, err := r.c.Evacuate(t.Context(), "n2", "/dev/sdb", api.EvacuateReq{Gone: true})
	refused(t, err, api.Invalid, "gone", "is at work")
	_, err = r.c.EvacuatePeer(t.Context(), "n1", api.EvacuateReq{})
	refused(t, err, api.State, "", "no devices")
	_, err = r.c.EvacuatePeer(t.Context(), "n9", api.EvacuateReq{})
	refused(t, err, api.NotFound, "", "n9")
	commit(t, r.c.Store, volume.Records.Create("named", &volume.Volume{ID: "named", Name: "named", Subvols: []volume.Subvol{
		{Type: api.SubvolDistribute, Replica: 1, Bricks: []volume.Brick{{ID: "n", PeerID: "p2", Path: "/named"}}}}}))
	_, err = r.c.EvacuatePeer(t.Context(), "n2", api.EvacuateReq{})
	refused(t, err, api.State, "", "/named of volume named was not made by gd2")
	r.no = api.Errorf(api.State, "no room")
	_, err = r.c.Evacuate(t.Context(), "n2", d.ID, api.EvacuateReq{})
	refused(t, err, api.State, "", "no room")
	if got, err := r.c.Get(t.Context(), "n2", d.ID); err != nil || got.State != api.DeviceEnabled || got.Evacuation != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// By force it begins although not all can be moved.
func TestEvacuateByForce(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	r.no = api.Errorf(api.State, "no room")
	if got, err := r.c.Evacuate(t.Context(), "n2", d.ID, api.EvacuateReq{Force: true}); err != nil || got.Evacuation == nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// The plan tells each move, and what force leaves.
func TestEvacuatePlan(t *testing.T) {
	r := newRig(t)
	d, to := r.add("n2", "/dev/sdb"), r.add("n3", "/dev/sdc")
	r.holding(d, "gv0", 3)
	rec, _, err := volume.Records.Get(r.c.Store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	r.moves = []volumes.PlannedMove{{Volume: rec.Value, Old: rec.Value.Bricks()[0], New: volume.Brick{ID: "new", PeerID: "p3", Device: to.ID, Cost: 7}}}
	r.no = api.Errorf(api.State, "one more finds no place")
	plan, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := r.c.Evacuate(ctx, "n2", d.ID, api.EvacuateReq{Force: true})
		return err
	})
	if err != nil || plan.Operation != "device.evacuate" || len(plan.Steps) != 1 || len(plan.Steps[0].Peers) != 2 || len(plan.Irreversible) != 1 || len(plan.Warnings) != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}
	if e := plan.Steps[0].Peers[1].Effects[0]; e.Name != "/dev/sdc" || e.Bytes != 7 || !strings.Contains(e.Note, "n2:/gv0 of volume gv0") {
		t.Errorf("%+v", e)
	}
	if got, err := r.c.Get(t.Context(), "n2", d.ID); err != nil || got.Evacuation != nil {
		t.Errorf("a plan has changed it: %+v, %v", got, err)
	}
}

// evacuating begins to empty a device with two bricks, and returns the id of the operation.
func (r *rig) evacuating() (api.Device, string) {
	r.t.Helper()
	d := r.add("n2", "/dev/sdb")
	r.holding(d, "gv0", 3)
	r.holding(d, "gv1", 3)
	req := &transaction.Request{}
	if _, err := r.c.Evacuate(transaction.WithRequest(r.t.Context(), req), "n2", d.ID, api.EvacuateReq{}); err != nil {
		r.t.Fatal(err)
	}
	return d, req.Operation()
}

// progress changes how far the evacuation of a device is, on record.
func (r *rig) progress(d api.Device, change func(e *device.Evacuation)) {
	r.t.Helper()
	rec, _, err := device.Records.Get(r.c.Store, d.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	changed, e := *rec.Value, *rec.Value.Evacuation
	change(&e)
	changed.Evacuation = &e
	commit(r.t, r.c.Store, device.Records.Update(d.ID, &changed, rec.Revision))
}

// The operation tells how many bricks have been moved, and ends when the device is empty.
func TestEvacuationIsFollowed(t *testing.T) {
	r := newRig(t)
	d, id := r.evacuating()
	rec, _, err := volume.Records.Get(r.c.Store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r.c.Store, volume.Records.Delete("gv0", rec.Revision))
	r.progress(d, func(e *device.Evacuation) { e.Waits = "no room" })
	e := r.pool.Engine("p1")
	r.eventually("half of it", func() bool {
		op, err := e.Look(t.Context(), id)
		return err == nil && op.Percent != nil && *op.Percent == 50 && op.Progress[0].Note == "n2:/dev/sdb: no room" && op.Progress[0].Unit == "bricks"
	})
	r.progress(d, func(e *device.Evacuation) { e.Done = time.Now() })
	if op, err := e.Wait(t.Context(), id); err != nil || op.State != string(transaction.Done) {
		t.Errorf("%+v, %v", op, err)
	}
}

// A cancel, and a change of the device's state, end an evacuation.
func TestEvacuationEnds(t *testing.T) {
	r := newRig(t)
	d, id := r.evacuating()
	if op, err := r.pool.Engine("p2").Cancel(t.Context(), id); err != nil || op.State != string(transaction.Failed) {
		t.Errorf("%+v, %v", op, err)
	}
	if got, err := r.c.Get(t.Context(), "n2", d.ID); err != nil || got.Evacuation != nil || got.State != api.DeviceDisabled {
		t.Errorf("%+v, %v", got, err)
	}
	req := &transaction.Request{}
	if _, err := r.c.Evacuate(transaction.WithRequest(t.Context(), req), "n2", d.ID, api.EvacuateReq{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.c.Edit(t.Context(), "n2", d.ID, api.DeviceEditReq{State: api.DeviceEnabled}); err != nil {
		t.Fatal(err)
	}
	if op, err := r.pool.Engine("p1").Wait(t.Context(), req.Operation()); err != nil || op.State != string(transaction.Failed) || !strings.Contains(op.Error, "ended by another change") {
		t.Errorf("%+v, %v", op, err)
	}
}

// eventually looks again and again, for a while.
func (r *rig) eventually(what string, check func() bool) {
	r.t.Helper()
	transactiontest.Eventually(r.t, what, check)
}

// What a device owes is forgotten only by force, with the device.
func TestRemoveWithDebts(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	v := &volume.Volume{ID: "v", Name: "v", Subvols: []volume.Subvol{{Bricks: []volume.Brick{{ID: "b", PeerID: "p2", Path: "/b", Device: d.ID, Cost: 300}}}}}
	commit(t, r.c.Store, device.Owe(v, nil)...)
	if got, err := r.c.Get(t.Context(), "n2", d.ID); err != nil || got.FreeSize != 700 || got.Bricks != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	refused(t, r.c.Remove(t.Context(), "n2", d.ID, false), api.State, "", "given up while its peer was away")
	if err := r.c.Remove(t.Context(), "n2", d.ID, true); err != nil {
		t.Error(err)
	}
	if left, err := device.Debts.List(r.c.Store); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
