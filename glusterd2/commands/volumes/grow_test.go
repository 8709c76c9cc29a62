package volumes

import (
	"strings"
	"testing"

	"gd2/glusterd2/device"
	"gd2/pkg/api"
)

func (r *rig) expandBy(name string, req api.VolumeExpandReq) api.VolumeExpandResp {
	r.t.Helper()
	v, err := r.c.Expand(r.t.Context(), name, req)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// used adds up what the bricks of the pool take.
func (r *rig) used() (bytes uint64) {
	r.t.Helper()
	uses, err := device.Uses(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, u := range uses {
		bytes += u.Bytes
	}
	return bytes
}

// While the devices have room the bricks grow, and the volume is as one that was made so large.
func TestExpandInPlace(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 100*gib)
	r.mustCreate(sized("gv0", 10*gib, 3))
	v := r.expandBy("gv0", api.VolumeExpandReq{Size: 5 * gib})
	if v.Capacity != 15*gib || len(v.Subvols) != 1 || v.Hint != "" {
		t.Errorf("%+v", v)
	}
	for _, b := range r.record("gv0").Bricks() {
		if b.Size != 15*gib || !strings.Contains(r.hosts.text(b.Path), "size=16106127360") {
			t.Errorf("%+v\n%s", b, r.hosts.text(b.Path))
		}
	}
	grown := r.used()
	if err := r.c.Delete(t.Context(), "gv0", false); err != nil {
		t.Fatal(err)
	}
	r.mustCreate(sized("gv0", 15*gib, 3))
	if r.used() != grown {
		t.Errorf("takes %d, made at once %d", grown, r.used())
	}
}

func TestExpandBySubvols(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 12*gib)
	req := sized("gv0", 10*gib, 3)
	r.mustCreate(req)
	v := r.expandBy("gv0", api.VolumeExpandReq{Size: 5 * gib})
	bricks := r.record("gv0").Bricks()
	if v.Capacity != 15*gib || len(v.Subvols) != 2 || !strings.Contains(v.Hint, "rebalance") {
		t.Fatalf("%+v", v)
	}
	for i, b := range bricks {
		if b.Client != i || b.Device == "" || b.Size != []uint64{10 * gib, 5 * gib}[i/3] {
			t.Errorf("brick %d: %+v", i, b)
		}
	}
	if v := r.expandBy("gv0", api.VolumeExpandReq{Size: gib, DistributeCount: 3}); len(v.Subvols) != 3 {
		t.Errorf("%d subvolumes, 3 asked for", len(v.Subvols))
	}
	if err := r.c.Delete(t.Context(), "gv0", false); err != nil || r.used() != 0 || r.hosts.text("") != "" {
		t.Errorf("left %d, %v, %s", r.used(), err, r.hosts.text(""))
	}
}

func TestExpandBySizeRefuses(t *testing.T) {
	r := newRig(t)
	r.addDevices(1, 12*gib)
	r.mustCreate(sized("gv0", 10*gib, 3))
	r.create("named", api.SubvolReq{ReplicaCount: 3})
	before := r.hosts.text("")
	for name, tt := range map[string]struct {
		volume string
		req    api.VolumeExpandReq
		kind   api.Kind
		field  string
		text   string
	}{
		"no room":         {"gv0", api.VolumeExpandReq{Size: 10 * gib}, api.State, "", "KiB more, has 2,043,904"},
		"nor elsewhere":   {"gv0", api.VolumeExpandReq{Size: 10 * gib}, api.State, "", "As further subvolumes: no room for 1 x 3"},
		"only in place":   {"gv0", api.VolumeExpandReq{Size: 10 * gib, DistributeCount: 1}, api.State, "", "no further subvolumes"},
		"fewer":           {"gv0", api.VolumeExpandReq{Size: gib, DistributeCount: -1}, api.Invalid, "distribute", "1 subvolumes already"},
		"named bricks":    {"named", api.VolumeExpandReq{Size: gib}, api.State, "size", "somebody named"},
		"both":            {"gv0", api.VolumeExpandReq{Size: gib, ReplicaCount: 4}, api.Invalid, "size", "either"},
		"overflow":        {"gv0", api.VolumeExpandReq{Size: 1<<64 - 1}, api.Invalid, "size", "so many"},
		"bricks, no size": {"named", api.VolumeExpandReq{DistributeCount: 2, Bricks: at("p1", "/b")}, api.Invalid, "distribute", "give size too"},
	} {
		_, err := r.c.Expand(t.Context(), tt.volume, tt.req)
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		refused(t, err, tt.kind, tt.field)
	}
	if now := r.hosts.text(""); now != before {
		t.Errorf("something changed:\n%s", now)
	}
}

// What fails before a brick has grown leaves all as it was, its room included.
func TestExpandInPlaceUndone(t *testing.T) {
	r := newRig(t)
	r.addDevices(1, 12*gib)
	r.mustCreate(sized("gv0", 10*gib, 3))
	before, used := r.hosts.text(""), r.used()
	r.hosts.setFail("p2", "may-grow", api.Errorf(api.State, "something else has taken them"))
	_, err := r.c.Expand(t.Context(), "gv0", api.VolumeExpandReq{Size: gib})
	refused(t, err, api.State, "")
	if now := r.hosts.text(""); now != before || r.used() != used || r.record("gv0").Capacity != 10*gib {
		t.Errorf("left behind, %d of %d:\n%s", r.used(), used, now)
	}
	r.hosts.setFail("p2", "may-grow", nil)
	r.expandBy("gv0", api.VolumeExpandReq{Size: gib})
}

// Bricks of a volume that grows are chosen by the rules that it was made by.
func TestExpandKeepsRules(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 11*gib)
	req := sized("gv0", 10*gib, 1)
	req.LimitPeers, req.MaxBrickSize, req.SnapshotEnabled, req.SnapshotReserveFactor = []string{"p2"}, 10*gib, true, 1.05
	r.mustCreate(req)
	r.expandBy("gv0", api.VolumeExpandReq{Size: 9 * gib})
	for _, b := range r.record("gv0").Bricks() {
		if b.PeerID != "p2" || b.Pool < b.Size+b.Size/20 {
			t.Errorf("%+v", b)
		}
	}
}
