package devices

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// replacing begins to replace the device /dev/sdb of n2, which holds a brick of gv0, and returns both and the id of the operation.
func (r *rig) replacing(req api.DeviceReplaceReq) (old, made api.Device, id string) {
	r.t.Helper()
	old = r.add("n2", "/dev/sdb")
	r.holding(old, "gv0", 3)
	asked := &transaction.Request{}
	made, err := r.c.Replace(transaction.WithRequest(r.t.Context(), asked), "n2", "/dev/sdb", req)
	if err != nil {
		r.t.Fatal(err)
	}
	return old, made, asked.Operation()
}

// isEmpty notes, as who moves the bricks does, that a device is empty.
func (r *rig) isEmpty(d api.Device) {
	r.t.Helper()
	rec, _, err := volume.Records.Get(r.c.Store, "gv0")
	if err != nil {
		r.t.Fatal(err)
	}
	commit(r.t, r.c.Store, volume.Records.Delete("gv0", rec.Revision))
	r.progress(d, func(e *device.Evacuation) { e.Done = time.Now() })
}

// known lists the devices on record, by path.
func (r *rig) known() (out []string) {
	r.t.Helper()
	list, err := r.c.List(r.t.Context(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, d := range list {
		out = append(out, d.Hostname+":"+d.Device)
	}
	return out
}

// One operation adds the new device, moves the bricks, and gives the old one up.
func TestReplace(t *testing.T) {
	r := newRig(t)
	old, made, id := r.replacing(api.DeviceReplaceReq{Device: "/dev/sdc", Tags: map[string]string{"rack": "4", "tier": ""}})
	if made.Hostname != "n2" || made.Provisioner != old.Provisioner || made.TotalSize != 1000 || len(made.Tags) != 1 || made.Tags["rack"] != "4" {
		t.Errorf("%+v", made)
	}
	if to := r.leave[old.ID]; to == nil || to.ID != made.ID || to.Size != 1000 {
		t.Errorf("planned with %+v", to)
	}
	now, err := r.c.Get(t.Context(), "n2", old.ID)
	if err != nil || now.State != api.DeviceDisabled || now.Evacuation == nil || now.Evacuation.To != made.ID || now.Evacuation.Left != 1 {
		t.Errorf("%+v, %v", now, err)
	}
	_, err = r.c.Replace(t.Context(), "n2", old.ID, api.DeviceReplaceReq{Device: "/dev/sdd"})
	refused(t, err, api.Conflict, "", "device.replace")
	refused(t, r.c.Remove(t.Context(), "n2", made.ID, false), api.State, "", "is to take the place of /dev/sdb")
	r.isEmpty(old)
	op, err := r.pool.Engine("p2").Wait(t.Context(), id)
	if err != nil || op.State != string(transaction.Done) || !slices.Equal(r.known(), []string{"n2:/dev/sdc"}) {
		t.Errorf("%+v, %v; left %v", op, err, r.known())
	}
	if len(r.disks.taken) != 1 || r.disks.taken["p2/dev/sdc"] != made.ID {
		t.Errorf("taken: %v", r.disks.taken)
	}
}

// Another disk may have the path of the old one by now.
func TestReplaceAtTheSamePath(t *testing.T) {
	r := newRig(t)
	old := r.add("n2", "/dev/sdb")
	_, err := r.c.Replace(t.Context(), "n2", old.ID, api.DeviceReplaceReq{Device: "/dev/sdb"})
	refused(t, err, api.State, "", "holds "+old.ID)
	delete(r.disks.taken, "p2/dev/sdb")
	made, err := r.c.Replace(t.Context(), "n2", old.ID, api.DeviceReplaceReq{Device: "/dev/sdb"})
	if err != nil {
		t.Fatal(err)
	}
	r.progress(old, func(e *device.Evacuation) { e.Done = time.Now() })
	r.eventually("end", func() bool { return len(r.known()) == 1 })
	if got, err := r.c.Get(t.Context(), "n2", "/dev/sdb"); err != nil || got.ID != made.ID || r.disks.taken["p2/dev/sdb"] != made.ID {
		t.Errorf("%+v, %v; taken %v", got, err, r.disks.taken)
	}
}

// What is refused leaves everything as it was.
func TestReplaceRefuses(t *testing.T) {
	r := newRig(t)
	r.add("n2", "/dev/sdb")
	r.add("n2", "/dev/sdx")
	r.disks.taken["p2/dev/full"] = "ext4"
	for _, tt := range []struct {
		peer, old string
		req       api.DeviceReplaceReq
		kind      api.Kind
		field     string
		text      string
	}{
		{"n9", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdc"}, api.NotFound, "", "n9"},
		{"n2", "/dev/sdy", api.DeviceReplaceReq{Device: "/dev/sdc"}, api.NotFound, "", "/dev/sdy"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "sdc"}, api.Invalid, "device", "absolute"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdx"}, api.Exists, "", "in use already"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdb/x"}, api.Invalid, "device", "overlaps"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/full"}, api.State, "", "n2: device /dev/full holds ext4"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/full", Wipe: "/dev/sdb"}, api.Invalid, "wipe", "repeat the path"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdc", Tags: map[string]string{"a b": "c"}}, api.Invalid, "tags", "a b"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdc", EvacuateReq: api.EvacuateReq{Gone: true}}, api.Invalid, "gone", "is at work"},
		{"n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdc", PeerID: "n9"}, api.NotFound, "", "n9"},
	} {
		_, err := r.c.Replace(t.Context(), tt.peer, tt.old, tt.req)
		refused(t, err, tt.kind, tt.field, tt.text)
	}
	r.no = api.Errorf(api.State, "no room")
	_, err := r.c.Replace(t.Context(), "n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdc"})
	refused(t, err, api.State, "", "no room")
	if len(r.disks.taken) != 3 || len(r.known()) != 2 {
		t.Errorf("taken %v, known %v", r.disks.taken, r.known())
	}
	if _, err := r.c.Replace(t.Context(), "n2", "/dev/sdb", api.DeviceReplaceReq{Device: "/dev/sdc", EvacuateReq: api.EvacuateReq{Force: true}}); err != nil {
		t.Errorf("by force: %v", err)
	}
}

// The plan tells all of it, and changes nothing.
func TestReplacePlan(t *testing.T) {
	r := newRig(t)
	d := r.add("n2", "/dev/sdb")
	r.holding(d, "gv0", 3)
	rec, _, err := volume.Records.Get(r.c.Store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	r.moves = []volumes.PlannedMove{{Volume: rec.Value, Old: rec.Value.Bricks()[0], New: volume.Brick{ID: "new", PeerID: "p2", Device: "not on record", Cost: 7}}}
	plan, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := r.c.Replace(ctx, "n2", d.ID, api.DeviceReplaceReq{Device: "/dev/sdc"})
		return err
	})
	if err != nil || plan.Operation != "device.replace" || len(plan.Steps) != 3 || len(plan.Records) != 2 {
		t.Fatalf("%+v, %v", plan, err)
	}
	for i, want := range []string{"take /dev/sdc", "move-bricks /dev/sdc", "release /dev/sdb"} {
		if got := plan.Steps[i].Name + " " + plan.Steps[i].Peers[0].Effects[0].Name; got != want {
			t.Errorf("step %d: %s, want %s", i, got, want)
		}
	}
	if len(r.disks.taken) != 1 || len(r.known()) != 1 {
		t.Errorf("taken %v, known %v", r.disks.taken, r.known())
	}
}

// Another peer goes on when the coordinator dies.
func TestReplaceOutlivesItsCoordinator(t *testing.T) {
	r := newRig(t)
	old, made, id := r.replacing(api.DeviceReplaceReq{Device: "/dev/sdc"})
	r.pool.Bereave("p1", id)
	r.isEmpty(old)
	if op, err := r.pool.Engine("p2").Wait(t.Context(), id); err != nil || op.State != string(transaction.Done) {
		t.Errorf("%+v, %v", op, err)
	}
	if len(r.disks.taken) != 1 || r.disks.taken["p2/dev/sdc"] != made.ID {
		t.Errorf("taken: %v", r.disks.taken)
	}
}

// planned is a replacement of a device of n2, as it would begin.
func (r *rig) planned() replaceParams {
	r.t.Helper()
	rec, err := r.c.find(r.t.Context(), "n2", r.add("n2", "/dev/sdb").ID)
	if err != nil {
		r.t.Fatal(err)
	}
	added, err := r.c.planNew(r.t.Context(), rec.Value, api.DeviceReplaceReq{Device: "/dev/sdc"})
	if err != nil {
		r.t.Fatal(err)
	}
	empty, err := r.c.toEmpty([]store.Record[*device.Device]{rec}, api.EvacuateReq{}, added.Device.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return replaceParams{empty, added}
}

// Wherever a daemon has died, the next run comes to the same end.
func TestReplaceResumes(t *testing.T) {
	steps := []func(c *Commands, p replaceParams) error{
		func(*Commands, replaceParams) error { return nil },
		func(c *Commands, p replaceParams) error { return c.begin(context.Background(), p) },
		func(c *Commands, p replaceParams) error { return c.giveUp(context.Background(), p) },
	}
	for n := range steps {
		r := newRig(t)
		p := r.planned()
		for _, step := range steps[:n+1] {
			if err := step(r.c, p); err != nil {
				t.Fatal(err)
			}
		}
		var d api.Device
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { d, err = r.c.exchange(t.Context(), p) })
		r.eventually("the mark", func() bool {
			rec, ok, _ := device.Records.Get(r.c.Store, p.old().ID)
			return !ok || rec.Value.Evacuation != nil
		})
		if _, ok, _ := device.Records.Get(r.c.Store, p.old().ID); ok {
			r.progress(api.Device{ID: p.old().ID}, func(e *device.Evacuation) { e.Done = time.Now() })
		}
		if wg.Wait(); err != nil || d.ID != p.New.Device.ID || d.TotalSize != 1000 {
			t.Errorf("after %d: %+v, %v", n, d, err)
		}
		if known := r.known(); !slices.Equal(known, []string{"n2:/dev/sdc"}) || len(r.disks.taken) != 1 {
			t.Errorf("after %d: known %v, taken %v", n, known, r.disks.taken)
		}
	}
}

// What is changed of the old device before it begins stays so; who ends the evacuation has ended the replacement.
func TestReplaceBeside(t *testing.T) {
	r := newRig(t)
	p := r.planned()
	if _, err := r.c.Edit(t.Context(), "n2", "/dev/sdb", api.DeviceEditReq{Tags: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.c.begin(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	old, err := r.c.Get(t.Context(), "n2", "/dev/sdb")
	if err != nil || old.Tags["a"] != "b" || old.Evacuation == nil || old.Evacuation.To != p.New.Device.ID || len(r.known()) != 2 {
		t.Errorf("%+v, %v", old, err)
	}
	if _, err := r.c.Edit(t.Context(), "n2", "/dev/sdb", api.DeviceEditReq{State: api.DeviceEnabled}); err != nil {
		t.Fatal(err)
	}
	_, err = r.c.exchange(t.Context(), p) // as after a crash
	refused(t, err, api.State, "", "ended by another change")
	if len(r.known()) != 2 {
		t.Errorf("known %v", r.known())
	}
}

// Who cancels keeps both devices; the old one gets no bricks.
func TestReplaceIsCancelled(t *testing.T) {
	r := newRig(t)
	old, _, id := r.replacing(api.DeviceReplaceReq{Device: "/dev/sdc"})
	if op, err := r.pool.Engine("p2").Cancel(t.Context(), id); err != nil || op.State != string(transaction.Failed) {
		t.Errorf("%+v, %v", op, err)
	}
	if now, err := r.c.Get(t.Context(), "n2", old.ID); err != nil || now.Evacuation != nil || now.State != api.DeviceDisabled || len(r.known()) != 2 {
		t.Errorf("%+v, %v; %v", now, err, r.known())
	}
}

// What keeps the old device from being given up is told, and the operation waits for it.
func TestReplaceWaitsToGiveUp(t *testing.T) {
	r := newRig(t)
	old, _, id := r.replacing(api.DeviceReplaceReq{Device: "/dev/sdc"})
	v := &volume.Volume{ID: "v", Name: "v", Subvols: []volume.Subvol{{Bricks: []volume.Brick{{ID: "b", PeerID: "p2", Path: "/b", Device: old.ID, Cost: 300}}}}}
	commit(t, r.c.Store, device.Owe(v, nil)...)
	r.isEmpty(old)
	r.eventually("note", func() bool {
		op, err := r.pool.Engine("p1").Look(t.Context(), id)
		return err == nil && len(op.Progress) == 1 && strings.Contains(op.Progress[0].Note, "given up while its peer was away")
	})
	rec, _, err := device.Debts.Get(r.c.Store, "b")
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r.c.Store, device.Debts.Delete("b", rec.Revision))
	if op, err := r.pool.Engine("p1").Wait(t.Context(), id); err != nil || op.State != string(transaction.Done) || len(r.known()) != 1 {
		t.Errorf("%+v, %v; %v", op, err, r.known())
	}
}

// The new device of a peer that is gone is on the peer in its place, or on one that is named.
func TestReplaceOfGonePeer(t *testing.T) {
	r := newRig(t)
	old := r.add("n2", "/dev/sdb")
	r.pool.Kill("p2")
	r.eventually("death of p2", func() bool {
		_, online := peer.Online(r.c.Store, "p2")
		return !online
	})
	req := api.DeviceReplaceReq{Device: "/dev/sdb"}
	_, err := r.c.Replace(t.Context(), "n2", old.ID, req)
	refused(t, err, api.Unavailable, "", "say that it is gone")
	req.Gone = true
	_, err = r.c.Replace(t.Context(), "n2", old.ID, req)
	refused(t, err, api.Invalid, "peer-id", "name the peer")
	rec, _, err := peer.Records.Get(r.c.Store, "p3")
	if err != nil {
		t.Fatal(err)
	}
	next := *rec.Value
	next.Replaces = []string{"p2"}
	commit(t, r.c.Store, peer.Records.Update("p3", &next, rec.Revision))
	made, err := r.c.Replace(t.Context(), "n2", old.ID, req)
	if err != nil || made.PeerID != "p3" {
		t.Fatalf("%+v, %v", made, err)
	}
	r.progress(old, func(e *device.Evacuation) { e.Done = time.Now() })
	r.eventually("end", func() bool { return slices.Equal(r.known(), []string{"n3:/dev/sdb"}) })
}
