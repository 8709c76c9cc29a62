package provision_test

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gd2/glusterd2/provision"
)

// maybe draws one of values, or, two times of three, nothing.
func maybe[T any](t *rapid.T, label string, values ...T) (out T) {
	if rapid.IntRange(0, 2).Draw(t, label+"?") == 0 {
		return rapid.SampledFrom(values).Draw(t, label)
	}
	return out
}

// somePool draws devices of peers in zones, some full, some shut, some with tags.
func somePool(t *rapid.T) []provision.Device {
	var out []provision.Device
	for p := range rapid.IntRange(1, 8).Draw(t, "peers") {
		zone := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "zone")
		for d := range rapid.IntRange(0, 3).Draw(t, "devices") {
			size := uint64(rapid.IntRange(1, 200).Draw(t, "size")) * 100 * mib
			dev := provision.Device{
				ID: fmt.Sprintf("d%d-%d", p, d), PeerID: fmt.Sprintf("p%d", p), Host: fmt.Sprintf("n%d", p), Zone: zone, Name: fmt.Sprintf("/dev/%d", d),
				Size: size, Free: size * uint64(rapid.IntRange(0, 100).Draw(t, "free")) / 100, Sizing: lvm,
			}
			if rapid.IntRange(0, 9).Draw(t, "shut") == 0 {
				dev.Unusable = "disabled"
			}
			dev.Tags = map[string]string{
				"tier":               maybe(t, "tier", "ssd", "hdd"),
				provision.ArbiterTag: maybe(t, "arbiter", provision.ArbiterRequired, provision.ArbiterSupported, provision.ArbiterDisabled),
			}
			dev.Sizing.MinBrick = maybe(t, "least", uint64(300*mib))
			out = append(out, dev)
		}
	}
	return out
}

func someRequest(t *rapid.T) provision.Request {
	r := provision.Request{
		Size: uint64(rapid.IntRange(1, 300).Draw(t, "want")) * 50 * mib, Distribute: rapid.IntRange(0, 6).Draw(t, "distribute"),
		Domain: rapid.SampledFrom([]provision.Domain{provision.Peer, provision.Zone}).Draw(t, "domain"), Seed: rapid.Uint64().Draw(t, "seed"),
		AverageFile: maybe(t, "file", uint64(4<<10), 1<<20), Reserve: maybe(t, "reserve", 1, 1.5),
		LimitPeers: maybe(t, "limit", []string{"p0", "p1", "p2", "p3"}), ExcludeZones: maybe(t, "exclude", []string{"a"}),
		Rules: maybe(t, "rule", []provision.Rule{{Tag: "tier", Value: "ssd"}}, []provision.Rule{{Tag: "tier", Value: "hdd", Not: true}}, []provision.Rule{{Tag: "tier"}}),
	}
	if r.Distribute == 0 {
		r.MaxBrick, r.MaxBricks = maybe(t, "most", uint64(400*mib), gib), maybe(t, "bricks", 6, 12)
	}
	switch rapid.IntRange(0, 2).Draw(t, "type") {
	case 0:
		r.Replica = rapid.IntRange(1, 4).Draw(t, "replica")
	case 1:
		r.Replica, r.Arbiter = 3, 1
	case 2:
		r.Redundancy = rapid.IntRange(1, 2).Draw(t, "redundancy")
		r.Data = r.Redundancy + rapid.IntRange(1, 2).Draw(t, "data")
	}
	return r
}

// TestPlanProperties: a plan never takes more of a device than is free, keeps bricks of a subvolume in different
// domains, uses no device that is shut, holds what was asked for, and is the same each time.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		devices, r := somePool(t), someRequest(t)
		plan, err := provision.Place(r, devices)
		if again, err2 := provision.Place(r, devices); !reflect.DeepEqual(plan, again) || (err == nil) != (err2 == nil) {
			t.Fatalf("another time another plan:\n%+v\n%+v", plan, again)
		}
		var refusal *provision.Refusal
		if errors.As(err, &refusal) {
			checkRefusal(t, devices, refusal)
			if r.Arbiter == 0 && r.Distribute > 0 && fits(r, devices) {
				t.Fatalf("refused although it fits: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, r, devices, plan)
	})
}

// checkRefusal: each device is named once, with a reason, unless no device matters.
func checkRefusal(t *rapid.T, devices []provision.Device, r *provision.Refusal) {
	named := map[string]bool{}
	for _, p := range r.Passed {
		if p.Reason == "" || named[p.Device] {
			t.Fatalf("%+v in %v", p, r)
		}
		named[p.Device] = true
	}
	if len(named) != len(devices) && len(named) > 0 || r.Reason == "" {
		t.Fatalf("%d of %d devices are named: %v", len(named), len(devices), r)
	}
}

// admitted reports whether a request's limits and rules admit a device, for an arbiter brick or another.
func admitted(r provision.Request, d provision.Device, arbiter bool) bool {
	tag := d.Tags[provision.ArbiterTag]
	for _, rule := range r.Rules {
		if (d.Tags[rule.Tag] == rule.Value) == rule.Not {
			return false
		}
	}
	return d.Unusable == "" && (len(r.LimitPeers) == 0 || slices.Contains(r.LimitPeers, d.PeerID)) && !slices.Contains(r.ExcludeZones, d.Zone) &&
		(!arbiter && tag != provision.ArbiterRequired || arbiter && tag != provision.ArbiterDisabled)
}

// sizeOf is what a brick of a plan must hold: an arbiter a block for each file that fits beside it, and one more, and no more than those.
func sizeOf(r provision.Request, d provision.Device, data uint64, arbiter bool) uint64 {
	if !arbiter {
		return data
	}
	return max(min((data/cmp.Or(r.AverageFile, 64<<10)+1)*4096, data), 16*mib, d.Sizing.MinBrick)
}

func checkPlan(t *rapid.T, r provision.Request, devices []provision.Device, plan provision.Plan) {
	byID, taken := map[string]provision.Device{}, map[string]uint64{}
	for _, d := range devices {
		byID[d.ID] = d
	}
	share := uint64(max(r.Data, 1))
	if plan.BrickSize*share*uint64(len(plan.Subvols)) < r.Size {
		t.Fatalf("%d subvolumes of bricks of %d hold less than %d", len(plan.Subvols), plan.BrickSize, r.Size)
	}
	for _, set := range plan.Subvols {
		if want := max(r.Replica, r.Data+r.Redundancy); len(set) != want {
			t.Fatalf("a subvolume of %d bricks, want %d", len(set), want)
		}
		seen := map[string]bool{}
		for i, b := range set {
			d := byID[b.DeviceID]
			domain := d.PeerID
			if r.Domain == provision.Zone {
				domain = d.Zone
			}
			if seen[domain] || !admitted(r, d, b.Arbiter) || b.Size != sizeOf(r, d, plan.BrickSize, b.Arbiter) || b.Size < d.Sizing.MinBrick {
				t.Fatalf("brick %+v on %+v in %+v", b, d, set)
			}
			if b.Cost != d.Sizing.Cost(b.Size, r.Reserve) || b.PeerID != d.PeerID || b.Arbiter != (r.Arbiter == 1 && i == len(set)-1) {
				t.Fatalf("brick %+v on %+v in %+v", b, d, set)
			}
			seen[domain] = true
			taken[d.ID] += b.Cost
		}
	}
	n := len(plan.Subvols)
	if r.Distribute > 0 && n != r.Distribute || r.MaxBrick > 0 && plan.BrickSize > r.MaxBrick || r.MaxBricks > 0 && n*len(plan.Subvols[0]) > r.MaxBricks {
		t.Fatalf("%d subvolumes of bricks of %d for %+v", n, plan.BrickSize, r)
	}
	for id, bytes := range taken {
		if bytes > byID[id].Free {
			t.Fatalf("%s gives %d of %d", id, bytes, byID[id].Free)
		}
	}
}

// fits tells whether a request with a count of subvolumes and no arbiter can be placed at all: n subvolumes of k bricks
// find room if and only if the domains, each counted n times at most, have room for n x k bricks.
func fits(r provision.Request, devices []provision.Device) bool {
	n, k, share := uint64(r.Distribute), uint64(max(r.Replica, r.Data+r.Redundancy)), uint64(max(r.Data, 1))
	brick := (r.Size + n*share - 1) / (n * share)
	rooms := map[string]uint64{}
	for _, d := range devices {
		if admitted(r, d, false) && brick >= d.Sizing.MinBrick {
			domain := d.PeerID
			if r.Domain == provision.Zone {
				domain = d.Zone
			}
			rooms[domain] += d.Free / d.Sizing.Cost(brick, r.Reserve)
		}
	}
	var sum uint64
	for _, room := range rooms {
		sum += min(room, n)
	}
	return sum >= n*k
}
