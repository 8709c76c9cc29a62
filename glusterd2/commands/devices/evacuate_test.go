package devices

import (
	"testing"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
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
	r.holding(d, "alone", 1)
	_, err = r.c.Evacuate(t.Context(), "n2", d.ID, api.EvacuateReq{})
	refused(t, err, api.State, "", "n2:/alone of volume alone")
	if got, err := r.c.Get(t.Context(), "n2", d.ID); err != nil || got.State != api.DeviceEnabled || got.Evacuation != nil {
		t.Errorf("%+v, %v", got, err)
	}
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
