package heketi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
)

// Ids of what a Heketi has made: a letter says of what, and a number of which.
func oldID(kind string, n int) string { return kind + fmt.Sprintf("%0*x", idLength-len(kind), n) }

const (
	oldCluster = "c0000000000000000000000000000001"
	oldVolume  = "aa000000000000000000000000000001"
	oldName    = "vol_" + oldVolume
)

// oldHeketi is what a Heketi and a glusterd have of one volume.
type oldHeketi struct {
	heketi.Dump
	infos map[string]string
}

// newOldHeketi makes a volume of so many sets of bricks, each brick of 1 GiB on a node of its own, as six nodes with a device each have it.
// info is glusterd's counts.
func newOldHeketi(sets, width, gib int, info string) *oldHeketi {
	o := &oldHeketi{Dump: heketi.Dump{
		Clusters: map[string]heketi.ClusterEntry{}, Nodes: map[string]heketi.NodeEntry{}, Devices: map[string]heketi.DeviceEntry{},
		Volumes: map[string]heketi.VolumeEntry{}, Bricks: map[string]heketi.BrickEntry{},
	}, infos: map[string]string{}}
	o.Clusters[oldCluster] = heketi.ClusterEntry{Info: heketi.ClusterInfo{ID: oldCluster, ClusterFlags: heketi.ClusterFlags{File: true}}}
	for n := 1; n <= 6; n++ {
		e := heketi.NodeEntry{State: heketi.StateOnline, Devices: []string{oldID("d", n)}}
		e.Info.ID, e.Info.Zone, e.Info.ClusterID = oldID("e", n), n, oldCluster
		e.Info.Hostnames = heketi.HostAddresses{Manage: []string{fmt.Sprintf("n%d", n)}, Storage: []string{fmt.Sprintf("192.0.2.%d", n)}}
		o.Nodes[e.Info.ID] = e
		d := heketi.DeviceEntry{State: heketi.StateOnline, NodeId: e.Info.ID, ExtentSize: 4096}
		d.Info.ID, d.Info.Name = oldID("d", n), "/dev/sdb"
		o.Devices[d.Info.ID] = d
	}
	var v heketi.VolumeEntry
	v.Info.ID, v.Info.Name, v.Info.Cluster, v.Info.Size = oldVolume, oldName, oldCluster, gib
	lines := "volume-id=11111111-2222-3333-4444-555555555555\nstatus=1\ntransport-type=0\nstripe_count=1\nusername=u\npassword=p\nuser.heketi.id=" + oldVolume + "\n" + info
	for i := range sets * width {
		b, n := oldID("b", i), i%6+1
		at := "/var/lib/heketi/mounts/vg_" + oldID("d", n) + "/brick_" + b + "/brick"
		o.Bricks[b] = heketi.BrickEntry{TpSize: 1 << 20, PoolMetadataSize: 8 << 10, Info: heketi.BrickInfo{
			ID: b, Path: at, DeviceID: oldID("d", n), NodeID: oldID("e", n), VolumeID: oldVolume, Size: 1 << 20,
		}}
		v.Bricks = append([]string{b}, v.Bricks...) // in no order that means anything
		lines += fmt.Sprintf("brick-%d=n%d:%s\n", i, n, strings.ReplaceAll(at, "/", "-"))
	}
	o.Volumes[oldVolume], o.infos[oldName] = v, lines
	return o
}

// replica3 is the usual one.
func replica3() *oldHeketi { return newOldHeketi(1, 3, 1, "replica_count=3\n") }

func (o *oldHeketi) request(t testing.TB) api.HeketiImportReq {
	t.Helper()
	text, err := json.Marshal(o.Dump)
	if err != nil {
		t.Fatal(err)
	}
	return api.HeketiImportReq{Dump: text, Volumes: o.infos}
}

// inPool is a pool of six peers that has none of it.
func inPool() *topology {
	t := &topology{pool: oldID("f", 1)}
	for n := 1; n <= 6; n++ {
		id, _ := asUUID(oldID("1", n))
		name := fmt.Sprintf("n%d", n)
		t.peers = append(t.peers, store.Record[*peer.Peer]{ID: id, Revision: int64(n), Value: &peer.Peer{ID: id, Name: name, Host: name}})
	}
	return t
}

// planned reads a request as the daemon does, beside these volumes on record.
func planned(t *topology, req api.HeketiImportReq, have ...*volume.Volume) (*importer, []piece, error) {
	i, err := newImporter(t, req)
	if err != nil {
		return nil, nil, err
	}
	i.volume = func(name string) (store.Record[*volume.Volume], bool, error) {
		for _, v := range have {
			if v.Name == name {
				return store.Record[*volume.Volume]{ID: name, Value: v}, true, nil
			}
		}
		return store.Record[*volume.Volume]{}, false, nil
	}
	pieces, err := i.pieces()
	return i, pieces, err
}

func (o *oldHeketi) adopted(t *testing.T) *volume.Volume {
	t.Helper()
	i, pieces, err := planned(inPool(), o.request(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(i.proposal(pieces).Records); n != 14 { // a cluster, six nodes, six devices, a volume
		t.Errorf("%d records: %+v", n, i.proposal(pieces))
	}
	v, err := i.adopted(oldVolume, i.dump.Volumes[oldVolume])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Volumes of every form that Heketi makes come over in glusterd's order, with the ids, paths and sizes that they have.
func TestImportForms(t *testing.T) {
	for name, tt := range map[string]struct {
		sets, width, gib int
		info             string
		want             volume.Subvol
	}{
		"distribute": {3, 1, 3, "replica_count=1\n", volume.Subvol{Type: api.SubvolDistribute, Replica: 1}},
		"replica 2":  {2, 2, 2, "replica_count=2\narbiter_count=0\n", volume.Subvol{Type: api.SubvolReplicate, Replica: 2}},
		"replica 3":  {1, 3, 1, "replica_count=3\ndisperse_count=0\n", volume.Subvol{Type: api.SubvolReplicate, Replica: 3}},
		"arbiter":    {2, 3, 2, "replica_count=3\narbiter_count=1\n", volume.Subvol{Type: api.SubvolReplicate, Replica: 3, Arbiter: 1}},
		"disperse":   {1, 6, 4, "replica_count=1\ndisperse_count=6\nredundancy_count=2\n", volume.Subvol{Type: api.SubvolDisperse, Disperse: 6, Redundancy: 2}},
	} {
		o := newOldHeketi(tt.sets, tt.width, tt.gib, tt.info)
		v := o.adopted(t)
		if v.ID != "11111111-2222-3333-4444-555555555555" || v.State != volume.Started || volumeID(v) != oldVolume || v.Capacity != uint64(tt.gib)<<30 || len(v.Subvols) != tt.sets {
			t.Errorf("%s: %+v", name, v)
		}
		if v.Auth != (volume.Auth{Username: "u", Password: "p"}) || v.Options[optID] != oldVolume {
			t.Errorf("%s: %+v, %v", name, v.Auth, v.Options)
		}
		n := 0
		for _, s := range v.Subvols {
			for j, b := range s.Bricks {
				e := o.Bricks[oldID("b", n)]
				if b.ID != e.Info.ID || b.Path != e.Info.Path || b.Device != e.Info.DeviceID || b.Client != n || b.Size != 1<<30 || b.Pool != 1<<30 || b.Cost != 1<<30+8<<20 {
					t.Errorf("%s: brick %d: %+v", name, n, b)
				}
				if b.Arbiter != (tt.want.Arbiter > 0 && j == 2) || b.PeerID != inPool().peers[n%6].ID {
					t.Errorf("%s: brick %d: %+v", name, n, b)
				}
				n++
			}
			if s.Bricks = nil; !reflect.DeepEqual(s, tt.want) {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

// What a volume gets later is chosen as Heketi would have chosen it, in the same cluster.
func TestImportPlacement(t *testing.T) {
	o := replica3()
	v := o.Volumes[oldVolume]
	v.Info.Snapshot = heketi.Snapshot{Enable: true, Factor: 1.5}
	v.GlusterVolumeOptions = []string{"", "user.heketi.zone-checking strict", "user.heketi.average-file-size 128", "user.heketi.device-tag-match tier!=slow", "user.heketi.arbiter maybe"}
	o.Volumes[oldVolume] = v
	got := o.adopted(t)
	want := volume.Placement{MaxBrick: maxBrick, AverageFile: 128 << 10, Reserve: 1.5, MatchTags: []string{"tier!=slow", "heketi.cluster=" + oldCluster}}
	if !reflect.DeepEqual(*got.Placement, want) || got.Metadata[metaFactor] != "1.5" {
		t.Errorf("%+v, %v", got.Placement, got.Metadata)
	}
	if p := replica3().adopted(t).Placement; !p.ZonesOverlap || p.Reserve != 0 {
		t.Errorf("%+v", p)
	}
}

// alter changes an entry of a table.
func alter[T any](entries map[string]T, id string, do func(*T)) {
	e := entries[id]
	do(&e)
	entries[id] = e
}

// A dump that contradicts itself, glusterd or the pool is refused, and the refusal says what is wrong.
func TestImportRefuses(t *testing.T) {
	b0, d1, e1 := oldID("b", 0), oldID("d", 1), oldID("e", 1)
	info := func(from, to string) func(*oldHeketi) {
		return func(o *oldHeketi) { o.infos[oldName] = strings.Replace(o.infos[oldName], from, to, 1) }
	}
	brick := func(do func(*heketi.BrickEntry)) func(*oldHeketi) {
		return func(o *oldHeketi) { alter(o.Bricks, b0, do) }
	}
	node := func(do func(*heketi.NodeEntry)) func(*oldHeketi) {
		return func(o *oldHeketi) { alter(o.Nodes, e1, do) }
	}
	dev := func(do func(*heketi.DeviceEntry)) func(*oldHeketi) {
		return func(o *oldHeketi) { alter(o.Devices, d1, do) }
	}
	vol := func(do func(*heketi.VolumeEntry)) func(*oldHeketi) {
		return func(o *oldHeketi) { alter(o.Volumes, oldVolume, do) }
	}
	for says, spoil := range map[string]func(*oldHeketi){
		`cluster "pool": an id of Heketi's has 32`:          func(o *oldHeketi) { o.Clusters["pool"] = heketi.ClusterEntry{} },
		"says of itself that it is \"x\"":                   node(func(e *heketi.NodeEntry) { e.Info.ID = "x" }),
		"zone: it must be at least 1":                       node(func(e *heketi.NodeEntry) { e.Info.Zone = 0 }),
		"hostnames.storage":                                 node(func(e *heketi.NodeEntry) { e.Info.Hostnames.Storage = nil }),
		`its state "asleep" is none`:                        node(func(e *heketi.NodeEntry) { e.State = "asleep" }),
		`is of cluster "abc", which the dump does not have`: node(func(e *heketi.NodeEntry) { e.Info.ClusterID = "abc" }),
		`["n9" "192.0.2.9"] is not in the pool`: node(func(e *heketi.NodeEntry) {
			e.Info.Hostnames = heketi.HostAddresses{Manage: []string{"n9"}, Storage: []string{"192.0.2.9"}}
		}),
		"are both the peer n2":                               node(func(e *heketi.NodeEntry) { e.Info.Hostnames.Manage = []string{"n2"} }),
		`is of node "xyz", which the dump does not have`:     dev(func(e *heketi.DeviceEntry) { e.NodeId = "xyz" }),
		"are both /dev/sdb of node " + oldID("e", 2):         dev(func(e *heketi.DeviceEntry) { e.NodeId = oldID("e", 2) }),
		`device "sdb": give the absolute path`:               dev(func(e *heketi.DeviceEntry) { e.Info.Name = "sdb" }),
		`its state "" is none`:                               dev(func(e *heketi.DeviceEntry) { e.State = "" }),
		"the tag heketi.cluster is set by":                   dev(func(e *heketi.DeviceEntry) { e.Info.Tags = map[string]string{clusterTag: "x"} }),
		`volume name "a b"`:                                  vol(func(e *heketi.VolumeEntry) { e.Info.Name = "a b" }),
		"its size -1 GiB":                                    vol(func(e *heketi.VolumeEntry) { e.Info.Size = -1 }),
		"its size is 2 GiB, and its bricks hold 1048576 KiB": vol(func(e *heketi.VolumeEntry) { e.Info.Size = 2 }),
		`of cluster "none", which`:                           vol(func(e *heketi.VolumeEntry) { e.Info.Cluster = "none" }),
		`its brick "bbb" is not in the dump`:                 vol(func(e *heketi.VolumeEntry) { e.Bricks[0] = "bbb" }),
		"has 4 bricks in the dump and 3":                     vol(func(e *heketi.VolumeEntry) { e.Bricks = append(e.Bricks, b0) }),
		"have both the name " + oldName: func(o *oldHeketi) {
			o.Volumes[oldID("aa", 2)] = o.Volumes[oldVolume]
			alter(o.Volumes, oldID("aa", 2), func(e *heketi.VolumeEntry) { e.Info.ID = "" })
		},
		`is on node "n", which the dump does not have`:        brick(func(e *heketi.BrickEntry) { e.Info.NodeID = "n" }),
		`is of volume "other", and of ` + oldVolume:           brick(func(e *heketi.BrickEntry) { e.Info.VolumeID = "other" }),
		"which is not on its node":                            brick(func(e *heketi.BrickEntry) { e.Info.NodeID = oldID("e", 2) }),
		"0 KiB, in a thin pool of 1048576":                    brick(func(e *heketi.BrickEntry) { e.Info.Size = 0 }),
		"1048576 KiB, in a thin pool of 9":                    brick(func(e *heketi.BrickEntry) { e.TpSize = 9 }),
		"and 18446744073709551615 KiB, are no sizes":          brick(func(e *heketi.BrickEntry) { e.PoolMetadataSize = 1<<64 - 1 }),
		"do not agree whether brick " + b0 + " is an arbiter": brick(func(e *heketi.BrickEntry) { e.SubType = heketi.SubTypeArbiter }),
		"replica_count=5 arbiter_count=0":                     info("replica_count=3", "replica_count=5\ndisperse_count=3"),
		"3 bricks are no whole number of sets of 2":           info("replica_count=3", "replica_count=2"),
		`replica_count="three" is no number`:                  info("replica_count=3", "replica_count=three"),
		"disperse_count=4 redundancy_count=2 are no form":     info("replica_count=3", "replica_count=1\ndisperse_count=4\nredundancy_count=2"),
		"transport-type=1 is what no volume of Heketi's has":  info("transport-type=0", "transport-type=1"),
		"stripe_count=2 is what":                              info("stripe_count=1", "stripe_count=2"),
		`volume-id="none" is no UUID`:                         info("11111111-2222-3333-4444-555555555555", "none"),
		"brick-7 comes where brick-1 should":                  info("brick-1=", "brick-7="),
		`"nonsense\n" is no KEY=VALUE`:                        info("status=1", "nonsense"),
		`status="on" is no number`:                            info("status=1", "status=on"),
		"of glusterd's info is not in the dump":               info("brick_"+b0, "brick_"+oldID("b", 9)),
		"has 3 bricks in the dump and 2 in glusterd's info":   info("brick-2=", "brick_2="),
	} {
		o := replica3()
		spoil(o)
		_, _, err := planned(inPool(), o.request(t))
		if !api.IsKind(err, api.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want one that says %q", err, says)
		}
	}
}

// What cannot be taken over is left out and named, and does not keep the rest from coming over.
func TestImportLeavesOut(t *testing.T) {
	b0 := oldID("b", 0)
	for why, spoil := range map[string]func(*oldHeketi){
		"not finished an operation on it":              func(o *oldHeketi) { alter(o.Volumes, oldVolume, func(e *heketi.VolumeEntry) { e.Pending.Id = "op" }) },
		"not finished an operation on its brick " + b0: func(o *oldHeketi) { alter(o.Bricks, b0, func(e *heketi.BrickEntry) { e.Pending.Id = "op" }) },
		"finished an operation on its brick ":          func(o *oldHeketi) { o.PendingOperations = pendingOn(b0) },
		"not finished an operation on it: let":         func(o *oldHeketi) { o.PendingOperations = pendingOn(oldVolume) },
		"hosts block volumes":                          func(o *oldHeketi) { alter(o.Volumes, oldVolume, func(e *heketi.VolumeEntry) { e.Info.Block = true }) },
		"vols/" + oldName + "/info is missing":         func(o *oldHeketi) { delete(o.infos, oldName) },
		"is a clone's":                                 func(o *oldHeketi) { alter(o.Bricks, b0, func(e *heketi.BrickEntry) { e.LvmLv = "snap_1" }) },
		`is at "/etc", where Heketi mounts none`:       func(o *oldHeketi) { alter(o.Bricks, b0, func(e *heketi.BrickEntry) { e.Info.Path = "/etc" }) },
		`is at "", where`:                              func(o *oldHeketi) { alter(o.Bricks, b0, func(e *heketi.BrickEntry) { e.Info.Path = "" }) },
	} {
		o := replica3()
		spoil(o)
		i, pieces, err := planned(inPool(), o.request(t))
		if err != nil {
			t.Errorf("%s: %v", why, err)
			continue
		}
		last := pieces[len(pieces)-1]
		if last.Action != api.ImportSkip || last.do != nil || !strings.Contains(last.Why, why) || len(pieces) != 14 {
			t.Errorf("%+v, want %q", last.HeketiImportStep, why)
		}
		if plan := i.proposal(pieces); len(plan.Records) != 13 || !slices.ContainsFunc(plan.Warnings, func(w string) bool {
			return strings.Contains(w, "n1:/dev/sdb: 1056768 KiB of it are taken by bricks that are left out")
		}) {
			t.Errorf("%s: %+v", why, plan)
		}
	}
}

// pendingOn is an operation that Heketi has not finished.
func pendingOn(id string) map[string]map[string]any {
	return map[string]map[string]any{oldID("0", 1): {"Type": 3, "Actions": []any{map[string]any{"Change": 1, "Id": id}}}}
}

// What is on record already stays; what is there under the same name and is something else is a refusal.
func TestImportAgain(t *testing.T) {
	o := replica3()
	first := o.adopted(t)
	have := inPool()
	have.clusters = []store.Record[*Cluster]{{ID: oldCluster, Value: &Cluster{ID: oldCluster}}}
	for n, p := range have.peers {
		have.nodes = append(have.nodes, node{Node{ID: oldID("e", n+1), PeerID: p.ID, Cluster: oldCluster}, 1, p})
	}
	_, pieces, err := planned(have, o.request(t), first)
	kept := slices.DeleteFunc(pieces, func(p piece) bool { return p.Action != api.ImportKeep || p.do != nil })
	if err != nil || len(kept) != 8 { // all but the devices
		t.Errorf("%+v, %v", kept, err)
	}
	have.nodes[0].ID = oldID("e", 9)
	if _, _, err = planned(have, o.request(t), first); err == nil || !strings.Contains(err.Error(), "which is the node "+oldID("e", 9)+" already") {
		t.Error(err)
	}
	first.Metadata = nil
	if _, _, err = planned(inPool(), o.request(t), first); err == nil || !strings.Contains(err.Error(), "one of this name is in the pool already") {
		t.Error(err)
	}
}

// A field that is not known is named, and not refused: it may be of a later Heketi.
func TestImportUnknownField(t *testing.T) {
	req := replica3().request(t)
	req.Dump = json.RawMessage(strings.Replace(string(req.Dump), `"TpSize"`, `"Colour":"red","TpSize"`, 1))
	i, pieces, err := planned(inPool(), req)
	if err != nil || !slices.ContainsFunc(i.proposal(pieces).Warnings, func(w string) bool { return strings.Contains(w, `"Colour"`) }) {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestImportPacked(t *testing.T) {
	req := replica3().request(t)
	text, err := packed(req)
	if err != nil || len(text) > len(req.Dump)/2 {
		t.Fatalf("%d bytes of %d, %v", len(text), len(req.Dump), err)
	}
	if got, err := unpacked(text); err != nil || !reflect.DeepEqual(got, req) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := unpacked([]byte("no gzip")); err == nil {
		t.Error("read what is none")
	}
}

// Whatever a dump and glusterd's file say: what is adopted are bricks where Heketi mounts them, on devices of their peers, in whole sets.
func FuzzImport(f *testing.F) {
	for _, o := range []*oldHeketi{replica3(), newOldHeketi(3, 1, 3, ""), newOldHeketi(1, 6, 4, "disperse_count=6\nredundancy_count=2\n")} {
		f.Add([]byte(o.request(f).Dump), o.infos[oldName])
	}
	f.Fuzz(func(t *testing.T, dump []byte, info string) {
		i, pieces, err := planned(inPool(), api.HeketiImportReq{Dump: dump, Volumes: map[string]string{oldName: info}})
		if err != nil {
			if !api.IsKind(err, api.Invalid) {
				t.Errorf("%v is not Invalid", err)
			}
			return
		}
		_ = i.proposal(pieces)
		for id, e := range i.dump.Volumes {
			if i.barred(id, e) != "" {
				continue
			}
			v, err := i.adopted(id, e)
			if err != nil {
				t.Fatalf("planned, and then: %v", err)
			}
			for _, s := range v.Subvols {
				if len(s.Bricks) != max(s.Replica, s.Disperse) {
					t.Errorf("%+v", s)
				}
				for _, b := range s.Bricks {
					if !strings.HasSuffix(b.Path, "/vg_"+b.Device+"/brick_"+b.ID+"/brick") || b.Size == 0 || b.Pool < b.Size || b.Cost < b.Pool {
						t.Errorf("%+v", b)
					}
				}
			}
		}
	})
}

func FuzzParseInfo(f *testing.F) {
	f.Add(replica3().infos[oldName])
	f.Add("volume-id=11111111-2222-3333-4444-555555555555\nbrick-0=a:-b\n\nnfs.disable=on\nreplica_count=65536\n")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := parseInfo("v", text)
		if err != nil {
			if !api.IsKind(err, api.Invalid) {
				t.Errorf("%v is not Invalid", err)
			}
			return
		}
		v, err := g.volume("v", make([]volume.Brick, len(g.bricks)))
		if err == nil && (len(v.Bricks()) != len(g.bricks) || v.ID == "" || v.Shape().Type == "") {
			t.Errorf("%+v", v)
		}
	})
}
