package volumes

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

const gib = 1 << 30

// addDevices gives every peer devices of a size.
func (r *rig) addDevices(each int, size uint64) {
	r.t.Helper()
	commit(r.t, r.store, func() (writes []store.Write) {
		for _, p := range r.pool.Peers() {
			for n := range each {
				d := &device.Device{ID: fmt.Sprintf("%s-d%d", p, n), PeerID: p, Name: fmt.Sprintf("/dev/%d", n), Provisioner: api.ProvisionerLVM,
					State: api.DeviceEnabled, Size: size, Unit: 4 << 20, Mounts: "/run/" + p}
				writes = append(writes, device.Records.Create(d.ID, d))
			}
		}
		return writes
	})
}

func sized(name string, size uint64, replica int) api.VolumeCreateReq {
	return api.VolumeCreateReq{Name: name, SmartVolumeFields: api.SmartVolumeFields{Size: size, ReplicaCount: replica}}
}

func (r *rig) mustCreate(req api.VolumeCreateReq) api.VolumeInfo {
	r.t.Helper()
	v, err := r.c.Create(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func TestSized(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 100*gib)
	v := r.mustCreate(sized("gv0", 10*gib, 3))
	if v.Type != api.Replicate || v.Capacity != 10*gib || len(v.Subvols[0].Bricks) != 3 {
		t.Errorf("%+v", v)
	}
	for _, b := range r.record("gv0").Bricks() {
		if b.Size != 10*gib || b.Cost <= b.Size || b.Pool != b.Size || !strings.HasPrefix(b.Device, b.PeerID+"-") || b.Path != "/run/"+b.PeerID+"/"+b.ID+"/brick" {
			t.Errorf("brick %+v", b)
		}
	}
	uses, err := device.Uses(r.store)
	if err != nil || len(uses) != 3 {
		t.Errorf("%+v, %v", uses, err)
	}
	if err := r.c.Delete(t.Context(), "gv0", false); err != nil {
		t.Fatal(err)
	}
	if uses, err := device.Uses(r.store); err != nil || len(uses) != 0 || r.hosts.text("") != "" {
		t.Errorf("left %+v, %v, %s", uses, err, r.hosts.text(""))
	}
}

func TestSizedShapes(t *testing.T) {
	r := newRig(t)
	r.addDevices(2, 100*gib)
	arbiter := sized("arb", gib, 2)
	arbiter.ArbiterCount = 1
	v := r.mustCreate(arbiter)
	if b := v.Subvols[0].Bricks; v.ArbiterCount != 1 || len(b) != 3 || b[2].Type != api.BrickTypeArbiter {
		t.Errorf("%+v", v)
	}
	disperse := sized("disp", 2*gib, 0)
	disperse.DisperseCount = 3
	if v := r.mustCreate(disperse); v.Type != api.Disperse || v.DisperseDataCount != 2 || r.record("disp").Bricks()[0].Size != gib {
		t.Errorf("%+v", v)
	}
	spread := sized("dist", 10*gib, 2)
	spread.MaxBrickSize = 4 * gib
	if v := r.mustCreate(spread); v.Type != api.DistributedReplicate || v.DistributeCount != 3 {
		t.Errorf("%+v", v)
	}
}

func TestSizedRefuses(t *testing.T) {
	r := newRig(t)
	r.addDevices(1, 10*gib)
	before := r.hosts.text("")
	limited := sized("x", gib, 1)
	limited.LimitPeers = []string{"nobody"}
	both := sized("x", gib, 1)
	both.Subvols = []api.SubvolReq{{Bricks: at("p1", "/b")}}
	rule := sized("x", gib, 1)
	rule.MatchTags = []string{"tier"}
	only := sized("x", gib, 1)
	only.ProvisionerType = api.ProvisionerLoop
	lonely := api.VolumeCreateReq{Name: "x", Subvols: []api.SubvolReq{{Bricks: at("p1", "/b")}}}
	lonely.LimitZones = []string{"a"}
	for name, tt := range map[string]struct {
		req   api.VolumeCreateReq
		kind  api.Kind
		field string
		text  string
	}{
		"too large":       {sized("x", 11*gib, 3), api.State, "", "10.0.0.2:/dev/0 needs 11,595,776 KiB, has 10,485,760"},
		"too small":       {sized("x", 1000, 3), api.Invalid, "size", "at least"},
		"too many copies": {sized("x", gib, 4), api.State, "", "4 different zones"},
		"negative":        {sized("x", gib, -1), api.Invalid, "replica", "-1"},
		"unknown peer":    {limited, api.NotFound, "", "nobody"},
		"bricks and size": {both, api.Invalid, "subvols", "either"},
		"no rule":         {rule, api.Invalid, "match-tags", "TAG=VALUE"},
		"other kind":      {only, api.State, "", "is for the provisioner lvm"},
		"limits, no size": {lonely, api.Invalid, "limit-zones", "give size too"},
	} {
		_, err := r.c.Create(t.Context(), tt.req)
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

// A creation that fails gives its room back.
func TestSizedUndone(t *testing.T) {
	r := newRig(t)
	r.addDevices(1, 10*gib)
	r.hosts.setFail("p2", "prepare", api.Errorf(api.State, "no"))
	_, err := r.c.Create(t.Context(), sized("gv0", 9*gib, 3))
	refused(t, err, api.State, "")
	r.hosts.setFail("p2", "prepare", nil)
	r.mustCreate(sized("gv0", 9*gib, 3))
}

// Many creations at once, through all peers, that need more room than there is: exactly as many succeed as fit, the
// others are told why, and what is taken adds up.
func TestOversubscribe(t *testing.T) {
	const wanted, fit = 200, 57
	r := newRig(t)
	// Bricks of 1 GiB take 1032 MiB each; 19 of them fit on each of three devices of a peer.
	r.addDevices(3, 19*1032<<20)
	all := map[string]*Commands{}
	for _, id := range r.pool.Peers() {
		cfg := r.peers[id].Config
		cfg.Store = r.pool.Store(id)
		all[id] = New(cfg)
	}
	var mu sync.Mutex
	var made int
	var wait sync.WaitGroup
	for n := range wanted {
		c := all[r.pool.Peers()[n%3]]
		wait.Go(func() {
			_, err := c.Create(t.Context(), sized(fmt.Sprintf("gv%d", n), gib, 3))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				made++
			case !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "needs 1,056,768 KiB, has"):
				t.Errorf("gv%d: %v", n, err)
			}
		})
	}
	wait.Wait()
	if err := r.store.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	uses, err := device.Uses(r.store)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := volume.Records.List(r.store)
	if made != fit || err != nil || len(recs) != fit {
		t.Errorf("%d made, %d on record, %d fit; %v", made, len(recs), fit, err)
	}
	for id, u := range uses {
		if u.Bytes != 19*1032<<20 || u.Bricks != 19 {
			t.Errorf("%s: %+v", id, u)
		}
	}
	if names := slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, rec := range recs {
			for _, b := range rec.Value.Bricks() {
				if !yield(b.Path) {
					return
				}
			}
		}
	})); len(names) != 3*fit {
		t.Errorf("%d different bricks", len(names))
	}
}
