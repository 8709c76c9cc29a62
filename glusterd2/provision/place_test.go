package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/provision"
	"gd2/pkg/api"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// lvm is how thin bricks on volume groups are sized.
var lvm = provision.Sizing{Unit: 4 * mib, Thin: true}

// grid makes devices of a size: so many on each peer, each peer in a zone of its own.
func grid(peers, each int, size uint64) []provision.Device {
	var out []provision.Device
	for p := range peers {
		for d := range each {
			host := fmt.Sprintf("n%d", p+1)
			name := fmt.Sprintf("/dev/sd%c", 'b'+d)
			out = append(out, provision.Device{
				ID: host + name, PeerID: "id-" + host, Host: host, Zone: "z-" + host, Name: name, Size: size, Free: size, Sizing: lvm,
			})
		}
	}
	return out
}

func place(t *testing.T, r provision.Request, devices []provision.Device) provision.Plan {
	t.Helper()
	plan, err := provision.Place(r, devices)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// refused returns the refusal of a request.
func refused(t *testing.T, r provision.Request, devices []provision.Device) *provision.Refusal {
	t.Helper()
	plan, err := provision.Place(r, devices)
	var refusal *provision.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("plan %+v, error %v", plan, err)
	}
	return refusal
}

func TestReplica(t *testing.T) {
	plan := place(t, provision.Request{Size: gib, Replica: 3}, grid(3, 2, 10*gib))
	if len(plan.Subvols) != 1 || len(plan.Subvols[0]) != 3 || plan.BrickSize != gib {
		t.Fatalf("plan %+v", plan)
	}
	for _, b := range plan.Subvols[0] {
		// What Heketi takes for 1 GiB: 1048576 + 8192 KiB.
		if b.Size != gib || b.Cost != 1056768<<10 {
			t.Errorf("brick %+v", b)
		}
	}
}

func TestCostIsHeketis(t *testing.T) {
	for _, c := range []struct {
		size    uint64
		reserve float64
		kib     uint64
	}{{gib, 1, 1056768}, {2 * gib, 0, 2109440 - 0}, {10 * gib, 1.5, 15728640 + 81920}} {
		if got := lvm.Cost(c.size, c.reserve) >> 10; got != c.kib {
			t.Errorf("%d bytes x %v cost %d KiB, want %d", c.size, c.reserve, got, c.kib)
		}
	}
	if (provision.Sizing{}).Cost(5, 1) != 5 {
		t.Error("a directory gives single bytes")
	}
}

func TestEmptierDevicesFirst(t *testing.T) {
	devices := grid(4, 1, 10*gib)
	devices[1].Free = 4 * gib
	plan := place(t, provision.Request{Size: gib, Replica: 3}, devices)
	for _, b := range plan.Subvols[0] {
		if b.DeviceID == devices[1].ID {
			t.Errorf("the fullest of four devices has a brick: %+v", plan)
		}
	}
}

func TestVolumesSpreadEvenly(t *testing.T) {
	devices := grid(4, 3, 100*gib)
	for n := range 80 {
		for _, b := range place(t, provision.Request{Size: gib, Replica: 3, Seed: uint64(n)}, devices).Subvols[0] {
			i := slices.IndexFunc(devices, func(d provision.Device) bool { return d.ID == b.DeviceID })
			devices[i].Free -= b.Cost
			devices[i].Bricks++
		}
	}
	for _, d := range devices {
		if d.Bricks != 20 {
			t.Errorf("%s has %d of 240 bricks on 12 devices", d.ID, d.Bricks)
		}
	}
}

func TestSeedSpreadsRequestsAtOnce(t *testing.T) {
	devices, seen := grid(6, 2, 10*gib), map[string]bool{}
	for seed := range uint64(40) {
		seen[place(t, provision.Request{Size: gib, Replica: 1, Seed: seed}, devices).Subvols[0][0].DeviceID] = true
	}
	if len(seen) < 6 {
		t.Errorf("forty requests at once all chose among %d of 12 equal devices", len(seen))
	}
}

func TestZonesAreGuaranteed(t *testing.T) {
	devices := grid(4, 1, 10*gib)
	devices[0].Zone, devices[1].Zone, devices[2].Zone, devices[3].Zone = "a", "a", "a", "b"
	if plan := place(t, provision.Request{Size: gib, Replica: 2}, devices); !slices.ContainsFunc(plan.Subvols[0], on("id-n4")) {
		t.Errorf("another zone was there and not preferred: %+v", plan)
	}
	place(t, provision.Request{Size: gib, Replica: 3}, devices)
	r := refused(t, provision.Request{Size: gib, Replica: 3, Domain: provision.Zone}, devices)
	if !strings.Contains(r.Error(), "3 different zones") || !strings.Contains(r.Error(), "shares its zone") {
		t.Error(r)
	}
}

func on(peer string) func(provision.Brick) bool {
	return func(b provision.Brick) bool { return b.PeerID == peer }
}

func TestDistributeByBrickSize(t *testing.T) {
	plan := place(t, provision.Request{Size: 10 * gib, Replica: 3, MaxBrick: 4 * gib}, grid(3, 4, 10*gib))
	if len(plan.Subvols) != 3 || plan.BrickSize*3 < 10*gib || plan.BrickSize > 4*gib {
		t.Errorf("%d subvolumes of %d bytes", len(plan.Subvols), plan.BrickSize)
	}
	// One brick of 15 GiB fits nowhere, four of 3.75 do.
	if plan := place(t, provision.Request{Size: 15 * gib, Replica: 1}, grid(2, 2, 8*gib)); len(plan.Subvols) < 2 {
		t.Errorf("plan %+v", plan)
	}
	r := refused(t, provision.Request{Size: 100 * gib, Replica: 3, MaxBrick: gib, MaxBricks: 32}, grid(3, 4, 1000*gib))
	if !strings.Contains(r.Error(), "more than 32 bricks") {
		t.Error(r)
	}
}

func TestDisperse(t *testing.T) {
	plan := place(t, provision.Request{Size: 8 * gib, Data: 4, Redundancy: 2}, grid(6, 1, 10*gib))
	if len(plan.Subvols) != 1 || len(plan.Subvols[0]) != 6 || plan.BrickSize != 2*gib {
		t.Errorf("plan %+v", plan)
	}
	r := refused(t, provision.Request{Size: 8 * gib, Data: 4, Redundancy: 2}, grid(5, 4, 100*gib))
	if len(r.Passed) != 20 {
		t.Errorf("%d of 20 devices are named", len(r.Passed))
	}
}

func TestArbiter(t *testing.T) {
	devices := grid(3, 1, 100*gib)
	devices[2].Tags = map[string]string{provision.ArbiterTag: provision.ArbiterRequired}
	devices[0].Tags = map[string]string{provision.ArbiterTag: provision.ArbiterDisabled}
	plan := place(t, provision.Request{Size: 64 * gib, Replica: 3, Arbiter: 1, AverageFile: 64 << 10}, devices)
	last := plan.Subvols[0][2]
	// A million files of 64 KiB need a million blocks of 4 KiB, and one more.
	if !last.Arbiter || last.PeerID != "id-n3" || last.Size != 4*gib+4<<10 || plan.Subvols[0][0].Arbiter {
		t.Errorf("plan %+v", plan)
	}
	// Only n1 can hold the second data brick if the arbiter is not placed first.
	devices[1].Tags, devices[2].Tags = nil, nil
	devices[1].Free, devices[2].Free = 5*gib, 90*gib
	if plan := place(t, provision.Request{Size: 64 * gib, Replica: 3, Arbiter: 1}, devices); plan.Subvols[0][2].PeerID != "id-n2" {
		t.Errorf("plan %+v", plan)
	}
	devices[1].Free = gib
	r := refused(t, provision.Request{Size: 64 * gib, Replica: 3, Arbiter: 1}, devices)
	if !strings.Contains(r.Error(), "n1:/dev/sdb ") {
		t.Error(r)
	}
}

func TestRefusalNamesEveryDevice(t *testing.T) {
	devices := grid(5, 1, 10*gib)
	devices[0].Free = 900000 << 10
	devices[1].Unusable = "disabled"
	devices[2].Tags = map[string]string{"tier": "hdd"}
	devices[3].Zone = "cellar"
	devices[4].Tags = map[string]string{"tier": "ssd"}
	devices[0].Tags = devices[4].Tags
	devices[3].Tags = devices[4].Tags
	r := refused(t, provision.Request{
		Size: gib, Replica: 2, Distribute: 1, ExcludeZones: []string{"cellar"}, Rules: []provision.Rule{{Tag: "tier", Value: "ssd"}},
	}, devices)
	for _, want := range []string{
		"n1:/dev/sdb needs 1,056,768 KiB, has 900,000", "n2:/dev/sdb is disabled", "n3:/dev/sdb has tag tier=hdd, the request wants ssd",
		"n4:/dev/sdb is in zone cellar of exclude-zones", "n5:/dev/sdb shares its peer with another brick",
	} {
		if !strings.Contains(r.Error(), want) {
			t.Errorf("%q is not in: %s", want, r)
		}
	}
	if r.APIError().Kind != api.State {
		t.Errorf("%+v", r.APIError())
	}
}

func TestReplace(t *testing.T) {
	devices := grid(4, 2, 10*gib)
	lost := provision.Brick{DeviceID: devices[0].ID, Size: gib}
	b, err := provision.Replace(provision.Request{}, lost, []string{devices[2].ID, devices[4].ID}, devices[2:])
	if err != nil || b.PeerID != "id-n4" || b.Size != gib {
		t.Errorf("%+v %v", b, err)
	}
	_, err = provision.Replace(provision.Request{}, lost, []string{devices[2].ID, devices[4].ID}, devices[2:6])
	if err == nil || !strings.Contains(err.Error(), "no room for a brick of 1,048,576 KiB on another peer: n2:/dev/sdb shares its peer") {
		t.Error(err)
	}
}

// A device that replaces another takes the bricks of that, before any other device, and nothing else.
func TestReplaceKeptDevice(t *testing.T) {
	devices := grid(3, 3, 10*gib)
	kept := &devices[2]
	kept.KeptFor, kept.Free = devices[0].ID, 2*gib // the others are emptier
	lost := provision.Brick{DeviceID: devices[0].ID, Size: gib}
	devices[0].Unusable = "what the brick is on now"
	if b, err := provision.Replace(provision.Request{}, lost, nil, devices); err != nil || b.DeviceID != kept.ID {
		t.Errorf("%+v, %v", b, err)
	}
	lost.Size = 3 * gib
	if b, err := provision.Replace(provision.Request{}, lost, nil, devices); err != nil || b.DeviceID == kept.ID {
		t.Errorf("where it does not fit: %+v, %v", b, err)
	}
	lost = provision.Brick{DeviceID: devices[3].ID, Size: gib}
	if b, err := provision.Replace(provision.Request{}, lost, nil, devices[2:4]); err == nil && b.DeviceID == kept.ID {
		t.Errorf("a brick of another device: %+v", b)
	}
	r := refused(t, provision.Request{Size: gib, Replica: 1}, devices[2:3])
	if text := r.Error(); !strings.Contains(text, "n1:/dev/sdd is kept for the bricks of the device that it replaces") {
		t.Error(text)
	}
}

// What a request says of a peer it says of the one that is in its place.
func TestLimitsFollowSuccessors(t *testing.T) {
	devices := grid(3, 1, 10*gib)
	devices[1].Replaces = []string{"dead", "long dead"}
	for name, want := range map[string]string{"dead": "id-n2", "long dead": "id-n2", "id-n2": "id-n2", "id-n3": "id-n3"} {
		plan := place(t, provision.Request{Size: gib, Replica: 1, LimitPeers: []string{name}}, devices)
		if got := plan.Subvols[0][0].PeerID; got != want {
			t.Errorf("limited to %s: on %s", name, got)
		}
	}
	r := refused(t, provision.Request{Size: gib, Replica: 1, ExcludePeers: []string{"dead", "id-n1", "id-n3"}}, devices)
	if text := r.Error(); !strings.Contains(text, "n2:/dev/sdb is on a peer of exclude-peers") {
		t.Error(text)
	}
}

func TestInvalidRequests(t *testing.T) {
	for field, r := range map[string]provision.Request{
		"size":                    {Replica: 3},
		"replica":                 {Size: gib},
		"arbiter":                 {Size: gib, Replica: 2, Arbiter: 1},
		"disperse-redundancy":     {Size: gib, Data: 2, Redundancy: 2},
		"distribute":              {Size: gib, Replica: 3, Distribute: -1},
		"snapshot-reserve-factor": {Size: gib, Replica: 3, Reserve: 0.5},
		"failure-domain":          {Size: gib, Replica: 3, Domain: "rack"},
		"max-brick-size":          {Size: gib, Replica: 3, MaxBrick: 1, MinBrick: 2},
		" distribute":             {Size: 4 * gib, Data: 2, Redundancy: 1, Distribute: 1, MaxBrick: gib},
	} {
		_, err := provision.Place(r, grid(3, 1, gib))
		if e := api.AsError(err); err == nil || e.Kind != api.Invalid || e.Fields[api.FieldField] != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := (&provision.Request{Size: gib, Replica: 3, Data: 4, Redundancy: 2}).Validate(); err == nil {
		t.Error("replicated and dispersed at once")
	}
}

func TestTooSmall(t *testing.T) {
	devices := grid(3, 1, 10*gib)
	for i := range devices {
		devices[i].Sizing.MinBrick = 300 * mib
	}
	r := refused(t, provision.Request{Size: 100 * mib, Replica: 3}, devices)
	if !strings.Contains(r.Error(), "bricks of 102,400 KiB are too small: the least is 307,200 KiB") {
		t.Error(r)
	}
}

func BenchmarkPlace(b *testing.B) {
	devices := grid(100, 10, 1000*gib)
	for i := range devices {
		devices[i].Bricks = 30
		devices[i].Free -= uint64(i%50) * gib
	}
	for n := 0; b.Loop(); n++ {
		if _, err := provision.Place(provision.Request{Size: 10 * gib, Replica: 3, Seed: uint64(n)}, devices); err != nil {
			b.Fatal(err)
		}
	}
}
