package volumes

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

func TestCreateEveryType(t *testing.T) {
	r := newRig(t)
	three := []string{"p1", "p2", "p3"}
	six := append(slices.Clone(three), three...)
	for _, c := range []struct {
		name, wantType string
		subs           []api.SubvolReq
		bricks         []string
		force          bool
		want           api.VolumeInfo
	}{
		{"dist", api.Distribute, []api.SubvolReq{{}}, three, false, api.VolumeInfo{DistributeCount: 3, ReplicaCount: 1}},
		{"rep2", api.Replicate, []api.SubvolReq{{ReplicaCount: 2}}, three[:2], false, api.VolumeInfo{DistributeCount: 1, ReplicaCount: 2}},
		{"rep3", api.Replicate, []api.SubvolReq{{ReplicaCount: 3}}, three, false, api.VolumeInfo{DistributeCount: 1, ReplicaCount: 3}},
		{"arbiter", api.Replicate, []api.SubvolReq{{ReplicaCount: 2, ArbiterCount: 1}}, three, false, api.VolumeInfo{DistributeCount: 1, ReplicaCount: 3, ArbiterCount: 1}},
		{"dist-rep", api.DistributedReplicate, []api.SubvolReq{{ReplicaCount: 3}, {ReplicaCount: 3}}, three, false, api.VolumeInfo{DistributeCount: 2, ReplicaCount: 3}},
		{"disp", api.Disperse, []api.SubvolReq{{DisperseCount: 3, DisperseRedundancy: 1}}, three, false, api.VolumeInfo{DistributeCount: 1, ReplicaCount: 1, DisperseCount: 3, DisperseDataCount: 2, DisperseRedundancyCount: 1}},
		{"dist-disp", api.DistributedDisperse, []api.SubvolReq{{DisperseData: 4, DisperseRedundancy: 2}, {DisperseData: 4, DisperseRedundancy: 2}}, six, true, api.VolumeInfo{DistributeCount: 2, ReplicaCount: 1, DisperseCount: 6, DisperseDataCount: 4, DisperseRedundancyCount: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := api.VolumeCreateReq{Name: c.name, Force: c.force, Metadata: map[string]string{"k": "v"}}
			for i, sub := range c.subs {
				req.Subvols = append(req.Subvols, bricksOn(fmt.Sprintf("%s/%d", c.name, i), sub, c.bricks...))
			}
			got, err := r.c.Create(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			summary := api.VolumeInfo{DistributeCount: got.DistributeCount, ReplicaCount: got.ReplicaCount, ArbiterCount: got.ArbiterCount,
				DisperseCount: got.DisperseCount, DisperseDataCount: got.DisperseDataCount, DisperseRedundancyCount: got.DisperseRedundancyCount}
			if fmt.Sprint(summary) != fmt.Sprint(c.want) {
				t.Errorf("counts %+v, want %+v", summary, c.want)
			}
			if got.Type != c.wantType || got.State != api.VolumeCreated || got.Metadata["k"] != "v" || got.Options["nfs.disable"] != "on" {
				t.Errorf("got %+v", got)
			}
			if v := r.record(c.name); v.Auth.Password == "" || v.ID != got.ID || len(v.Bricks()) != len(c.subs)*len(c.bricks) {
				t.Errorf("record %+v", v)
			}
		})
	}
}

// replica is a good request that the tests of bad ones start from.
func replica(name string) api.VolumeCreateReq {
	return api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{bricksOn(name, api.SubvolReq{ReplicaCount: 3}, "p1", "p2", "p3")}}
}

func TestCreateRefusals(t *testing.T) {
	r := newRig(t)
	r.create("there", api.SubvolReq{ReplicaCount: 3})
	before := r.hosts.text("")
	brick := func(i int, peer, path string) func(*api.VolumeCreateReq) {
		return func(q *api.VolumeCreateReq) { q.Subvols[0].Bricks[i] = api.BrickReq{PeerID: peer, Path: path} }
	}
	name := func(n string) func(*api.VolumeCreateReq) { return func(q *api.VolumeCreateReq) { q.Name = n } }
	for what, c := range map[string]struct {
		change func(*api.VolumeCreateReq)
		kind   api.Kind
		field  string
		words  string
	}{
		"no name":           {name(""), api.Invalid, "name", ""},
		"name of 300":       {name(strings.Repeat("x", 300)), api.Invalid, "name", "300"},
		"reserved name":     {name("all"), api.Invalid, "name", "reserved"},
		"path in REST":      {name("options-group"), api.Invalid, "name", "reserved"},
		"newline in name":   {name("a\nb"), api.Invalid, "name", ""},
		"volume exists":     {name("there"), api.Exists, "", "already exists"},
		"no subvolumes":     {func(q *api.VolumeCreateReq) { q.Subvols = nil }, api.Invalid, "subvols", ""},
		"transport":         {func(q *api.VolumeCreateReq) { q.Transport = "rdma" }, api.Invalid, "transport", "rdma"},
		"size":              {func(q *api.VolumeCreateReq) { q.Size = 1 << 30 }, api.Invalid, "subvols", "either gd2 makes the bricks"},
		"provisioner":       {func(q *api.VolumeCreateReq) { q.ProvisionerType = "lvm" }, api.Invalid, "provisioner", "give size too"},
		"unknown flag":      {func(q *api.VolumeCreateReq) { q.Flags = map[string]bool{"reuse": true} }, api.Invalid, "flags", "reuse-bricks"},
		"reserved metadata": {func(q *api.VolumeCreateReq) { q.Metadata = map[string]string{"_x": "1"} }, api.Invalid, "metadata", ""},
		"metadata too long": {func(q *api.VolumeCreateReq) {
			q.Metadata = map[string]string{"x": strings.Repeat("y", api.MaxMetadata)}
		}, api.Invalid, "metadata", ""},
		"unknown option":         {func(q *api.VolumeCreateReq) { q.Options = map[string]string{"performance.cache-sise": "1"} }, api.Invalid, "options", "performance.cache-size"},
		"option out of range":    {func(q *api.VolumeCreateReq) { q.Options = map[string]string{"cluster.quorum-count": "4"} }, api.Invalid, "options", ""},
		"unknown peer":           {brick(1, "nowhere", "/b"), api.Invalid, "peerid", "nowhere"},
		"brick type":             {func(q *api.VolumeCreateReq) { q.Subvols[0].Bricks[0].Type = "stripe" }, api.Invalid, "type", "stripe"},
		"arbiter in the middle":  {func(q *api.VolumeCreateReq) { q.Subvols[0].Bricks[0].Type = "arbiter" }, api.Invalid, "subvols", ""},
		"relative path":          {brick(1, "p2", "bricks/x"), api.Invalid, "path", "absolute"},
		"no path":                {brick(1, "p2", ""), api.Invalid, "path", ""},
		"root":                   {brick(1, "p2", "/"), api.Invalid, "path", "root"},
		"newline in path":        {brick(1, "p2", "/b/a\nb"), api.Invalid, "path", ""},
		"dots in path":           {brick(1, "p2", "/b/../c"), api.Invalid, "path", ""},
		"path too long":          {brick(1, "p2", "/"+strings.Repeat("x", 300)), api.Invalid, "path", "too long"},
		"brick twice":            {brick(1, "p1", "/bricks/new/0"), api.Invalid, "path", "twice"},
		"brick twice, with /":    {brick(1, "p1", "/bricks/new/0//"), api.Invalid, "path", "twice"},
		"brick inside another":   {brick(1, "p1", "/bricks/new/0/in"), api.Invalid, "path", "overlaps"},
		"brick above another":    {brick(1, "p1", "/bricks/new"), api.Invalid, "path", "overlaps"},
		"brick of a volume":      {brick(1, "p2", "/bricks/there/1"), api.Invalid, "path", "already a brick of volume there"},
		"inside one of a volume": {brick(1, "p2", "/bricks/there/1/x"), api.Invalid, "path", "volume there"},
		"copies on one peer":     {brick(1, "p1", "/other"), api.Invalid, "subvols", "force"},
		"same peer by address":   {brick(1, "10.0.0.1", "/other"), api.Invalid, "subvols", "10.0.0.1"},
		"absurd replica count":   {func(q *api.VolumeCreateReq) { q.Subvols[0].ReplicaCount = 1 << 40 }, api.Invalid, "replica", ""},
	} {
		t.Run(what, func(t *testing.T) {
			req := replica("new")
			c.change(&req)
			_, err := r.c.Create(t.Context(), req)
			refused(t, err, c.kind, c.field)
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %q does not say %q", err, c.words)
			}
		})
	}
	if after := r.hosts.text(""); after != before {
		t.Errorf("the refusals left something:\n%s", after)
	}
	req := replica("new")
	brick(1, "p1", "/other")(&req)
	req.Force = true
	if _, err := r.c.Create(t.Context(), req); err != nil {
		t.Errorf("copies on one peer by force: %v", err)
	}
}

// Two bricks of a volume on a peer whose paths differ only in what becomes a dash would share a volfile and a pid file.
func TestCreateRefusesNamesThatFallTogether(t *testing.T) {
	r := newRig(t)
	req := api.VolumeCreateReq{Name: "new", Subvols: []api.SubvolReq{{Bricks: []api.BrickReq{{PeerID: "p1", Path: "/b/a-c"}, {PeerID: "p1", Path: "/b-a/c"}}}}}
	_, err := r.c.Create(t.Context(), req)
	refused(t, err, api.Invalid, "path")
	req.Subvols[0].Bricks[1].PeerID = "p2"
	if _, err := r.c.Create(t.Context(), req); err != nil {
		t.Errorf("on two peers: %v", err)
	}
}

func TestCreateNeedsItsPeers(t *testing.T) {
	r := newRig(t)
	r.down("p3")
	_, err := r.c.Create(t.Context(), replica("new"))
	refused(t, err, api.Unavailable, "")
	commit(t, r.store, func() []store.Write {
		rec, err := peer.Find(r.store, "p2")
		if err != nil {
			t.Fatal(err)
		}
		leaving := *rec.Value
		leaving.Leaving = true
		return []store.Write{peer.Records.Update(rec.ID, &leaving, rec.Revision)}
	})
	_, err = r.c.Create(t.Context(), replica("new"))
	refused(t, err, api.Conflict, "")
	r.nothingLeft()
}

func TestCreateUnwindsWhenAPeerRefuses(t *testing.T) {
	r := newRig(t)
	r.hosts.setFail("p2", "prepare", api.Errorf(api.State, "no room"))
	_, err := r.c.Create(t.Context(), replica("new"))
	refused(t, err, api.State, "")
	if e := api.AsError(err); e.Fields[api.FieldPeer] != "p2" || e.Fields[api.FieldStep] != "prepare-bricks" {
		t.Errorf("fields %v", e.Fields)
	}
	r.nothingLeft()
}

// Of two creates at once of the same name, or of the same bricks under two names, exactly one wins.
func TestCreateRace(t *testing.T) {
	r := newRig(t)
	for round := range 5 {
		same := fmt.Sprintf("same%d", round)
		other := replica(same)
		other.Name = same + "b"
		for i, reqs := range [][2]api.VolumeCreateReq{{replica(same), replica(same)}, {replica(same), other}} {
			errs := [2]error{}
			var wg sync.WaitGroup
			for j, id := range []string{"p1", "p2"} {
				wg.Go(func() { _, errs[j] = r.peers[id].Create(t.Context(), reqs[j]) })
			}
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("round %d.%d: %v and %v", round, i, errs[0], errs[1])
			}
			for _, name := range []string{same, same + "b"} {
				if _, ok, _ := volume.Records.Get(r.store, name); ok {
					if err := r.c.Delete(t.Context(), name, false); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.hosts.mu.Lock()
			clear(r.hosts.bricks)
			r.hosts.mu.Unlock()
		}
	}
}

// A peer that is detached between the plan and the commit takes the volume with it.
func TestCreateNoticesADetach(t *testing.T) {
	r := newRig(t)
	params, err := r.c.planCreate(replica("new"))
	if err != nil {
		t.Fatal(err)
	}
	commit(t, r.store, func() []store.Write {
		rec, err := peer.Find(r.store, "p3")
		if err != nil {
			t.Fatal(err)
		}
		return []store.Write{peer.Records.Delete(rec.ID, rec.Revision)}
	})
	_, err = r.c.Ops.create.Run(t.Context(), r.c.Engine, createPlan(params))
	refused(t, err, api.Conflict, "")
	r.nothingLeft()
}
