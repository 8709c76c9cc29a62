package rest

import (
	"strings"
	"testing"

	"gd2/pkg/api"
)

// measured is a pool of two peers with a volume of replica 2 + arbiter, whose figures are known, and a dispersed one
// with a brick whose figures are not.
func measured() Measurements {
	brick := func(id, kind string, size uint64) api.BrickStatus {
		return api.BrickStatus{
			Info:   api.BrickInfo{ID: id, Path: "/bricks/" + id, PeerID: "peer-1", Hostname: "n1", Type: kind},
			Online: true, Pid: 7, Size: api.SizeInfo{Capacity: size, Used: size / 4, Free: size / 4 * 3}, Inodes: api.InodeInfo{Total: 10, Used: 4, Free: 6},
		}
	}
	a, b, arbiter := brick("a", api.BrickTypeBrick, 400), brick("b", api.BrickTypeBrick, 800), brick("c", api.BrickTypeArbiter, 40)
	known, unknown := brick("d", api.BrickTypeBrick, 400), brick("e", api.BrickTypeBrick, 0)
	unknown.Online = false
	return Measurements{
		Peers: []api.Peer{{ID: "peer-1", Name: "n1", Online: true}, {ID: "peer-2", Name: "n2"}},
		Volumes: []api.VolumeStatus{
			{Info: api.VolumeInfo{Name: "gv0", State: api.VolumeStarted, Subvols: []api.SubvolInfo{
				{Name: "s0", Bricks: []api.BrickInfo{a.Info, b.Info, arbiter.Info}}}}, Online: true, Bricks: []api.BrickStatus{a, b, arbiter}},
			{Info: api.VolumeInfo{Name: "gv1", State: api.VolumeCreated, Subvols: []api.SubvolInfo{
				{Name: "s0", DisperseDataCount: 2, Bricks: []api.BrickInfo{known.Info, unknown.Info}}}}, Bricks: []api.BrickStatus{known, unknown}},
		},
		Store: api.StoreStatus{Revision: 42, Leader: "peer-1", DBBytes: 4096, QuotaBytes: 1 << 20, Term: 3, LastSnapshot: "2026-01-01T00:00:00Z", SnapshotAge: 60,
			Members: []api.StoreMember{{PeerID: "peer-1", Role: "voter", Reachable: true, Lag: 5}, {PeerID: "peer-2", Role: "learner"}}},
		Transactions: map[string]int{"stuck": 2}, Connections: map[string]int{"brick": 3},
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t, nil)
	r.fake.measured = measured()
	r.do("GET", "/v1/volumes", "")
	r.do("BREW", "/v1/volumes", "")
	got := r.do("GET", "/metrics", "").body
	for _, want := range []string{
		`gluster_peer_count{instance="n1"} 2`,
		`gluster_peer_connected{hostname="n1",instance="n1",uuid="peer-1"} 1`,
		`gluster_peer_connected{hostname="n2",instance="n1",uuid="peer-2"} 0`,
		`gluster_volume_total_count{cluster_id="pool-1"} 2`,
		`gluster_volume_created_count{cluster_id="pool-1"} 1`,
		`gluster_volume_started_count{cluster_id="pool-1"} 1`,
		`gluster_volume_brick_count{cluster_id="pool-1",volume="gv0"} 3`,
		`gluster_volume_up{cluster_id="pool-1",volume="gv0"} 1`,
		`gluster_volume_up{cluster_id="pool-1",volume="gv1"} 0`,
		`gluster_brick_up{brick_path="/bricks/a",cluster_id="pool-1",hostname="n1",peer_id="peer-1",pid="7",volume="gv0"} 1`,
		`gluster_brick_up{brick_path="/bricks/e",cluster_id="pool-1",hostname="n1",peer_id="peer-1",pid="7",volume="gv1"} 0`,
		`gluster_brick_capacity_bytes_total{brick_path="/bricks/a",cluster_id="pool-1",host="n1",id="a",subvolume="s0",volume="gv0"} 400`,
		`gluster_brick_inodes_free{brick_path="/bricks/a",cluster_id="pool-1",host="n1",id="a",subvolume="s0",volume="gv0"} 6`,
		`gluster_subvol_capacity_total_bytes{cluster_id="pool-1",subvolume="s0",volume="gv0"} 400`,
		`gluster_subvol_capacity_used_bytes{cluster_id="pool-1",subvolume="s0",volume="gv0"} 200`,
		`glusterd2_transactions{state="stuck"} 2`,
		`glusterd2_sunrpc_connections{kind="brick"} 3`,
		`glusterd2_store_revision 42`,
		`glusterd2_store_leader{peer_id="peer-1"} 1`,
		`glusterd2_store_members{role="voter"} 1`,
		`glusterd2_store_quota_bytes 1.048576e+06`,
		`glusterd2_store_quorum 1`,
		`glusterd2_store_healthy 0`,
		`glusterd2_store_term 3`,
		`glusterd2_store_alarms 0`,
		`glusterd2_store_lag_entries{peer_id="peer-1"} 5`,
		`glusterd2_store_member_reachable{peer_id="peer-2",role="learner"} 0`,
		`glusterd2_store_snapshot_age_seconds 60`,
		`glusterd2_http_requests_total{code="200",method="GET",route="VolumeList"} 1`,
		`glusterd2_http_requests_total{code="405",method="other",route="MethodNotAllowed"} 1`,
		`version="1.2.3"`,
		`process_resident_memory_bytes`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, not := range []string{`glusterd2_store_lag_entries{peer_id="peer-2"}`, `gluster_brick_capacity_bytes_total{brick_path="/bricks/e"`, `gluster_subvol_capacity_total_bytes{cluster_id="pool-1",subvolume="s0",volume="gv1"}`} {
		if strings.Contains(got, not) {
			t.Errorf("a figure that is not known: %s", not)
		}
	}
}

func TestDispersedRoom(t *testing.T) {
	s := api.SubvolInfo{DisperseDataCount: 4, Bricks: []api.BrickInfo{{ID: "a"}, {ID: "b"}}}
	room, ok := subvolRoom(s, map[string]api.SizeInfo{"a": {Capacity: 100, Used: 5}, "b": {Capacity: 90, Used: 6}})
	if !ok || room.Capacity != 360 || room.Used != 24 {
		t.Errorf("%+v %v", room, ok)
	}
}

// TestBadLabel has a brick path that Prometheus cannot carry: it costs that sample only.
func TestBadLabel(t *testing.T) {
	r := newRig(t, nil)
	r.fake.measured = measured()
	r.fake.measured.Volumes[0].Bricks[0].Info.Path = "/bricks/\xff"
	if got := r.do("GET", "/metrics", ""); got.status != 200 || !strings.Contains(got.body, "gluster_peer_count") {
		t.Errorf("%d %.200s", got.status, got.body)
	}
}

func TestOpenMetrics(t *testing.T) {
	for _, open := range []bool{false, true} {
		r := newRig(t, func(c *Config) { c.OpenMetrics = open })
		r.origin = Origin{}
		if got := r.do("GET", "/metrics", ""); (got.status == 200) != open {
			t.Errorf("open %v: %d", open, got.status)
		}
	}
}

func TestStatedump(t *testing.T) {
	r := newRig(t, nil)
	r.fake.measured = measured()
	r.do("GET", "/ping", "")
	got := r.do("GET", "/statedump", "").body
	for _, want := range []string{`"peer-id":"peer-1"`, `"sunrpc_clients_connected":3`, `"revision":42`, `"Ping":1`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
