package clirpc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// has complains of keys of an answer that are not as they should be.
func has(t *testing.T, got said, want map[string]string) {
	t.Helper()
	if got.ret != 0 {
		t.Errorf("refused: %+v", got)
	}
	for key, value := range want {
		if s := got.dict.String(key); s != value {
			t.Errorf("%s is %q, want %q", key, s, value)
		}
	}
}

// asks complains if the services were asked for something else.
func asks(t *testing.T, d *daemon, want ...any) {
	t.Helper()
	if diff := cmp.Diff(want, d.asked); diff != "" {
		t.Error(diff)
	}
	d.asked = nil
}

func TestBrickChanges(t *testing.T) {
	d := &daemon{world: world{task: api.RebalanceStatus{RebalanceID: "task", Nodes: []api.RebalNodeStatus{
		{PeerID: "me", Host: "a", Status: "completed", RebalancedFiles: "7", TimeLeft: "3.00"},
		{PeerID: "other", Host: "b", Status: "in progress"}, {PeerID: "gone", Host: "c", Error: "away"},
	}}}}
	s := newServer(d)
	bricks := []api.BrickReq{{PeerID: "a", Path: "/b"}}
	remove := func(command, procedure string) map[string]string {
		return map[string]string{"volname": "v", "count": "1", "brick1": "a:/b", "command": command, "rebalance-command": procedure}
	}
	has(t, call(t, s, gfrpc.ProcCLIRemoveBrick, remove("1", "")), map[string]string{"remove-brick-id": "task"})
	asks(t, d, "shrink start", "v", api.VolumeShrinkReq{Bricks: bricks})
	has(t, call(t, s, gfrpc.ProcCLIDefragVolume, remove("4", "3")), map[string]string{
		"count": "2", "node-name-2": "localhost", "files-2": "7", "time-left-2": "3", "status-2": "3", "node-name-1": "b", "status-1": "1", "files-1": "0",
	})
	asks(t, d, "shrink status", "v")
	call(t, s, gfrpc.ProcCLIDefragVolume, remove("3", "2"))
	asks(t, d, "shrink stop", "v", api.VolumeShrinkReq{Bricks: bricks})
	has(t, call(t, s, gfrpc.ProcCLIRemoveBrick, remove("2", "")), map[string]string{"remove-brick-id": "task"})
	asks(t, d, "shrink status", "v", "shrink commit", "v", api.VolumeShrinkReq{Bricks: bricks})
	call(t, s, gfrpc.ProcCLIRemoveBrick, remove("5", ""))
	asks(t, d, "shrink", "v", api.VolumeShrinkReq{Bricks: bricks, Force: true})

	has(t, call(t, s, gfrpc.ProcCLIDefragVolume, map[string]string{"volname": "v", "rebalance-command": "4"}), map[string]string{"rebalance-id": "task"})
	asks(t, d, "rebalance start", "v", api.RebalanceStartReq{Option: api.RebalanceFixLayout})
	d.fail = api.Errorf(api.State, "none").With(volumeField, "v")
	if got := call(t, s, gfrpc.ProcCLIDefragVolume, map[string]string{"volname": "v", "rebalance-command": "3"}); got.text != "Rebalance not started for volume v." {
		t.Errorf("%+v", got)
	}
	d.asked = nil
	call(t, s, gfrpc.ProcCLIReplaceBrick, map[string]string{"volname": "v", "src-brick": "a:/b", "dst-brick": "c:/d", "operation": opReplace})
	asks(t, d, "replace", "v", api.ReplaceBrickReq{SrcPeerID: "a", SrcPath: "/b", DestPeerID: "c", DestPath: "/d", Force: true})
	call(t, s, gfrpc.ProcCLIResetBrick, map[string]string{"volname": "v", "src-brick": "a:/b", "operation": opResetStart})
	call(t, s, gfrpc.ProcCLIResetBrick, map[string]string{"volname": "v", "src-brick": "a:/b", "dst-brick": "a:/b", "operation": opResetForce})
	asks(t, d, "reset start", "v", api.ResetBrickReq{PeerID: "a", Path: "/b"}, "reset commit", "v", api.ResetBrickReq{PeerID: "a", Path: "/b", Force: true})
}

// What makes no sense is refused without a change.
func TestBrickChangesRefused(t *testing.T) {
	for _, c := range []struct {
		procedure uint32
		in        map[string]string
	}{
		{gfrpc.ProcCLIRemoveBrick, map[string]string{"brick1": "nothing", "command": "1"}},
		{gfrpc.ProcCLIRemoveBrick, map[string]string{"brick1": "a:/b", "command": "9"}},
		{gfrpc.ProcCLIDefragVolume, map[string]string{"rebalance-command": "0"}},
		{gfrpc.ProcCLIReplaceBrick, map[string]string{"src-brick": "a:/b", "dst-brick": "c:/d", "operation": "GF_REPLACE_OP_START"}},
		{gfrpc.ProcCLIReplaceBrick, map[string]string{"src-brick": "a:/b", "dst-brick": "c", "operation": opReplace}},
		{gfrpc.ProcCLIResetBrick, map[string]string{"src-brick": "a:/b", "dst-brick": "a:/c", "operation": opResetCommit}},
		{gfrpc.ProcCLIHealVolume, map[string]string{"heal-op": "3"}},
		{gfrpc.ProcCLIProfileVolume, map[string]string{"op": "9"}},
		{gfrpc.ProcCLIProfileVolume, map[string]string{"op": "3", "info-op": "7"}},
		{gfrpc.ProcCLIProfileVolume, map[string]string{"op": "4", "top-op": "99"}},
		{gfrpc.ProcCLIProfileVolume, map[string]string{"op": "3", "nfs": "1"}},
		{gfrpc.ProcCLIStatedump, map[string]string{"options": "nfs"}},
		{gfrpc.ProcCLIBarrier, map[string]string{"barrier": "perhaps"}},
		{gfrpc.ProcCLIQuota, map[string]string{"type": "99"}},
		{gfrpc.ProcCLIQuota, map[string]string{"type": "3", "path": "/", "hard-limit": "1GB", "soft-limit": "much"}},
		{gfrpc.ProcCLIQuota, map[string]string{"type": "5"}},
		{gfrpc.ProcCLIGetState, map[string]string{"daemon": "quotad"}},
		{gfrpc.ProcCLISyncVolume, map[string]string{"hostname": "x"}},
		{gfrpc.ProcCLISnapshot, nil},
	} {
		d := &daemon{}
		if got := call(t, newServer(d), c.procedure, c.in); got.ret != -1 || got.text == "" || len(d.asked) != 0 {
			t.Errorf("procedure %d, %v: %+v, asked %v", c.procedure, c.in, got, d.asked)
		}
	}
}

func TestHeal(t *testing.T) {
	d := &daemon{world: world{
		heals:  []api.BrickHealStart{{Brick: "a:/b", Started: true, Status: "Started self-heal"}},
		counts: []api.BrickHealCount{{Brick: "a:/b", Entries: 5}, {Brick: "c:/d", Error: "away"}},
		crawls: []api.BrickHealStatistics{{Brick: "a:/b", Crawls: []api.HealCrawl{{Type: "INDEX", StartedAt: "2026-01-02T03:04:05Z", Healed: 3, InProgress: true}}}},
	}}
	s := newServer(d)
	heal := func(op string) said {
		return call(t, s, gfrpc.ProcCLIHealVolume, map[string]string{
			"volname": "v", "heal-op": op, "per-replica-cmd-hostname": "a", "per-replica-cmd-path": "/b",
		})
	}
	has(t, heal("2"), map[string]string{"count": "1", "0-hostname": "a", "0-path": "/b", "0-status": "Started self-heal"})
	counts := heal("9")
	has(t, counts, map[string]string{"count": "2", "0-hardlinks": "5", "1-hostname": "c"})
	if _, there := counts.dict["1-hardlinks"]; there {
		t.Error("a count that is not known is told")
	}
	has(t, heal("7"), map[string]string{
		"statistics-0-count": "1", "statistics_crawl_type-0-0": "INDEX", "statistics_strt_time-0-0": "Fri Jan  2 03:04:05 2026\n",
		"statistics_healed_cnt-0-0": "3", "statistics_inprogress-0-0": "1",
	})
	heal("12")
	heal("16")
	asks(t, d, "heal", "v", "full", "count", "v", "a:/b", "statistics", "v", "switch", "v", true, "granular", "v", false)
}

func TestProfileAndTop(t *testing.T) {
	d := &daemon{world: world{
		profile: []api.BrickProfile{{BrickName: "x:/y", Error: "away"}, {BrickName: "a:/b", CumulativeStats: api.ProfileStats{
			Interval: "-1", Duration: "9", DataRead: "10", DataWrite: "0", Blocks: []api.ProfileBlock{{Size: 4096, Reads: 2}},
			StatInfo: map[string]map[string]string{"LOOKUP": {"hits": "7", "avglatency": "1.5", "minlatency": "1", "maxlatency": "2", "%-latency": "100"}, "NOVELTY": {"hits": "1"}},
		}}},
		top: []api.BrickTop{{BrickName: "a:/b", Throughput: 12.5, Seconds: 0.5, Files: []api.TopFile{{Filename: "/f", Value: 3, Time: "2026-01-02 03:04:05.000007 +0000"}}}},
	}}
	s := newServer(d)
	info := call(t, s, gfrpc.ProcCLIProfileVolume, map[string]string{"volname": "v", "op": "3", "info-op": "3", "peek": "0"})
	has(t, info, map[string]string{
		"count": "1", "1-brick": "a:/b", "1-cumulative": "-1", "1-interval": "", "1--1-duration": "9", "1--1-read-4096": "2", "1--1-27-hits": "7", "1--1-27-avglatency": "1.5",
	})
	has(t, call(t, s, gfrpc.ProcCLIProfileVolume, map[string]string{"volname": "v", "op": "4", "top-op": "6", "blk-size": "4096", "blk-cnt": "10", "brick": "a:/b"}), map[string]string{
		"count": "1", "1-members": "1", "1-filename-1": "/f", "1-value-1": "3", "1-throughput": "12.500000", "1-time": "500000.000000", "1-time-usec-1": "7",
	})
	has(t, call(t, s, gfrpc.ProcCLIProfileVolume, map[string]string{"volname": "v", "op": "4", "top-op": "0", "clear-stats": "1"}), map[string]string{"1-stats-cleared": "1"})
	asks(t, d, "profile", "v", api.ProfileCumulative, "top", "v", api.TopReadPerf, api.TopReq{Brick: "a:/b", Count: 100, BlockSize: 4096, BlockCount: 10},
		"top", "v", api.TopClear, api.TopReq{Count: 100})
	d.fail = api.Errorf(api.State, "is profiled")
	if got := call(t, s, gfrpc.ProcCLIProfileVolume, map[string]string{"volname": "v", "op": "1"}); got.text != "Profile on Volume v is already started" || got.dict.String("op") != "1" {
		t.Errorf("%+v", got)
	}
}

func TestInnerStatus(t *testing.T) {
	v := replica()
	d := &daemon{volumes: []api.VolumeInfo{v}, status: api.VolumeStatus{
		Bricks:  []api.BrickStatus{{Info: bricksOf(v)[0], Online: true, Pid: 7}, {Info: bricksOf(v)[1], Online: true, Pid: 8}},
		Daemons: []api.DaemonStatus{{Name: "Self-heal Daemon", PeerID: "me", Online: true}},
	}, world: world{
		clients: []api.ClientCount{{Name: "fuse", Count: 2}},
		states: []api.ProcessState{
			{Name: "a:/b", Clients: []api.ClientConnection{{Address: "h:1", Name: "fuse", BytesRead: 5}}, Memory: &api.ProcessMemory{Arena: 3},
				Inodes: []api.InodeTable{{LRULimit: 16}}, Calls: []api.PendingCall{{Unique: 4, Frames: []api.CallFrame{{Translator: "x"}}}}},
			{Name: "b:/b", Error: "no answer"}, {Kind: api.ProcessSelfHeal, PeerID: "me", Memory: &api.ProcessMemory{Arena: 9}},
		},
	}}
	s := newServer(d)
	status := func(cmd string) said {
		return call(t, s, gfrpc.ProcCLIStatusVolume, map[string]string{"volname": "v1", "cmd": cmd})
	}
	has(t, status("258"), map[string]string{"brick0.clientcount": "1", "brick0.client0.bytesread": "5", "brick1.status": "0", "count": "2", "other-count": "0"})
	has(t, status("257"), map[string]string{"brick0.mallinfo.arena": "3"})
	has(t, status("260"), map[string]string{"brick0.conncount": "1", "brick0.conn0.itable.lru_limit": "16"})
	has(t, status("264"), map[string]string{"brick0.conncount": "0"})
	has(t, status("272"), map[string]string{"brick0.callpool.count": "1", "brick0.callpool.stack0.count": "1", "brick0.callpool.stack0.frame0.translator": "x"})
	has(t, status("4097"), map[string]string{"brick0.hostname": "Self-heal Daemon", "brick0.mallinfo.arena": "9", "brick-index-max": "-1", "other-count": "1"})
	has(t, status("384"), map[string]string{"client-count": "1", "client0.name": "fuse", "fuse-count": "2"})
	has(t, status("320"), map[string]string{"tasks": "0"})
}

func TestProcesses(t *testing.T) {
	d := &daemon{peers: []api.Peer{{ID: "me", Name: "a"}, {ID: "other", Name: "b"}}}
	s := newServer(d)
	call(t, s, gfrpc.ProcCLIStatedump, map[string]string{"volname": "v", "options": "quotad mem "})
	call(t, s, gfrpc.ProcCLILogRotate, map[string]string{"volname": "v", "brick": "a:/b"})
	call(t, s, gfrpc.ProcCLIBarrier, map[string]string{"volname": "v", "barrier": "enable"})
	has(t, call(t, s, gfrpc.ProcCLIClearLocks, map[string]string{"volname": "v", "path": "/f", "kind": "all", "type": "inode", "opts": "0,0-0"}),
		map[string]string{"lk-summary": "No locks cleared."})
	asks(t, d, "statedump", "v", api.StatedumpReq{Quota: true, Options: []string{"mem"}}, "rotate", "v", "a:/b", "barrier", "v", true,
		"clear", "v", api.ClearLocksReq{Path: "/f", Kind: "all", Type: "inode", Range: "0,0-0"})
	d.dumps = []api.Statedump{{Name: "a:/b", Error: "the brick is offline"}}
	if got := call(t, s, gfrpc.ProcCLIStatedump, map[string]string{"volname": "v"}); got.ret != -1 || !strings.Contains(got.text, "the brick is offline") {
		t.Errorf("%+v", got)
	}
	has(t, call(t, s, gfrpc.ProcCLISyncVolume, map[string]string{"hostname": "b", "flags": "1"}), nil)
	if got := call(t, s, gfrpc.ProcCLISyncVolume, map[string]string{"hostname": "a", "flags": "1"}); got.text != "sync from localhost not allowed" {
		t.Errorf("%+v", got)
	}
}

func TestQuota(t *testing.T) {
	d := &daemon{volumes: []api.VolumeInfo{replica()}, world: world{quota: api.Quota{Enabled: true, DefaultSoftLimit: "80%"}, limits: []api.QuotaLimit{{Path: "/d"}}}}
	s := newServer(d)
	quota := func(typ string, more map[string]string) said {
		in := map[string]string{"volname": "v1", "type": typ}
		for k, v := range more {
			in[k] = v
		}
		return call(t, s, gfrpc.ProcCLIQuota, in)
	}
	percent := 70
	has(t, quota("3", map[string]string{"path": "/d", "hard-limit": "1GB", "soft-limit": "70%"}), nil)
	has(t, quota("14", map[string]string{"path": "/d"}), nil)
	has(t, quota("5", nil), map[string]string{"default-soft-limit": "80%"})
	has(t, quota("8", map[string]string{"value": "30"}), nil)
	has(t, quota("15", nil), nil)
	has(t, quota("2", nil), nil)
	asks(t, d, "limit", "v1", api.QuotaLimitReq{Path: "/d", Type: api.QuotaUsage, HardLimit: "1GB", SoftLimit: &percent},
		"remove limit", "v1", api.QuotaRemoveReq{Path: "/d", Type: api.QuotaObjects}, "limits", "v1", api.QuotaUsage, "write limits", "v1", 1, "mount", "v1",
		"set", "v1", api.VolumeOptionReq{Options: map[string]string{"features.soft-timeout": "30"}}, "disable", "v1")
}

func TestGetState(t *testing.T) {
	v := replica()
	d := &daemon{world: world{poolWide: api.PoolState{
		PeerID: "me", Peers: []api.Peer{{ID: "me"}, {ID: "other", ClientAddresses: []string{"b:24007"}, Online: true}},
		Options: []api.ClusterOption{{Key: "cluster.op-version", Value: "100000"}},
		Volumes: []api.VolumeState{{VolumeStatus: api.VolumeStatus{Info: v, Bricks: []api.BrickStatus{{Info: bricksOf(v)[2], Online: true, Port: 5}}}}},
	}}}
	has(t, call(t, newServer(d), gfrpc.ProcCLIGetState, map[string]string{"daemon": "glusterd", "odir": "/x", "filename": "y"}), map[string]string{"ofilepath": "/x/y"})
	text, _ := d.asked[1].(string)
	for _, line := range []string{"MYUUID: me", "op-version: 100000", "Peer1.primary_hostname: b", "Peer1.connected: Connected", "Volume1.name: v1", "Volume1.Brick1.is_arbiter: 1", "Volume1.Brick1.status: Started", "[Services]"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}
