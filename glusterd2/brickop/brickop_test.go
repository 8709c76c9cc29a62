package brickop_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/brickop"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// dict reads lines of "key = value", as traces of the wire show a dictionary.
func dict(text string) gfrpc.Dict {
	d := gfrpc.Dict{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, "="); ok {
			d.SetString(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
	return d
}

// profileReply is what a brick of GlusterFS 10.3 answered to info-op 1.
const profileReply = `
	-1-12-hits = 2
	-1-12-avglatency = 100.000000
	-1-12-minlatency = 50.000000
	-1-12-maxlatency = 150.000000
	-1-27-hits = 6
	-1-27-avglatency = 100.000000
	-1-42-hits = 4
	-1-1-upcall-hits = 7
	-1-duration = 338
	-1-read-131072 = 3
	-1-read-8 = 1
	-1-total-read = 11
	-1-total-write = 12
	-1-write-8 = 1
	1-13-hits = 5
	1-duration = 42
	1-total-read = 0
	1-total-write = 0
	cumulative = -1
	info-op = 1
	interval = 1`

func TestParseProfile(t *testing.T) {
	total, interval := brickop.ParseProfile(dict(profileReply))
	want := api.ProfileStats{
		Duration: "338", DataRead: "11", DataWrite: "12", Interval: "-1", PercentageAvgLatency: 800,
		StatInfo: map[string]map[string]string{
			"READ":               {"hits": "2", "avglatency": "100.000000", "minlatency": "50.000000", "maxlatency": "150.000000", "%-latency": "25.00"},
			"LOOKUP":             {"hits": "6", "avglatency": "100.000000", "%-latency": "75.00"},
			"RELEASE":            {"hits": "4", "%-latency": "0.00"},
			"CACHE_INVALIDATION": {"hits": "7", "%-latency": "0.00"},
		},
		Blocks: []api.ProfileBlock{{Size: 8, Reads: 1, Writes: 1}, {Size: 131072, Reads: 3}},
	}
	if diff := cmp.Diff(want, total); diff != "" {
		t.Errorf("since the start:\n%s", diff)
	}
	want = api.ProfileStats{Duration: "42", DataRead: "0", DataWrite: "0", Interval: "1", Blocks: []api.ProfileBlock{},
		StatInfo: map[string]map[string]string{"WRITE": {"hits": "5", "%-latency": "0.00"}}}
	if diff := cmp.Diff(want, interval); diff != "" {
		t.Errorf("interval:\n%s", diff)
	}
	if total, interval := brickop.ParseProfile(dict("info-op = 4\nstats-cleared = 1")); total.Interval != "" || interval.Interval != "" {
		t.Errorf("after a clear: %+v, %+v", total, interval)
	}
}

func TestParseTop(t *testing.T) {
	top := brickop.ParseTop(dict(`
		current-open = 0
		filename-1 = /f
		max-open = 1
		max-openfd-time = 2026-11-22 01:47:28.383846 +0000
		members = 1
		top-op = 1
		value-1 = 3`))
	want := api.BrickTop{MaxOpen: 1, MaxOpenTime: "2026-11-22 01:47:28.383846 +0000", Files: []api.TopFile{{Filename: "/f", Value: 3}}}
	if diff := cmp.Diff(want, top); diff != "" {
		t.Errorf("open:\n%s", diff)
	}
	top = brickop.ParseTop(dict(`
		members = 1
		throughput = 910.222222
		time = 45.000000
		filename-1 = /f
		value-1 = 57.250000
		time-sec-1 = 1700000000
		time-usec-1 = 25
		top-op = 7`))
	want = api.BrickTop{Throughput: 910.222222, Seconds: 0.000045,
		Files: []api.TopFile{{Filename: "/f", Value: 57.25, Time: "2023-11-14 22:13:20.000025 +0000"}}}
	if diff := cmp.Diff(want, top); diff != "" {
		t.Errorf("write-perf:\n%s", diff)
	}
}

func TestRequests(t *testing.T) {
	d, ok := brickop.ProfileRequest("gv0", api.ProfileIncrementalPeek)
	if want := gfrpc.Strings(map[string]string{"volname": "gv0", "op": "3", "info-op": "2", "peek": "1"}); !ok || cmp.Diff(want, d) != "" {
		t.Errorf("profile: %v", d)
	}
	d, ok = brickop.TopRequest("gv0", api.TopWritePerf, api.TopReq{Count: 7, BlockSize: 4096, BlockCount: 10})
	want := gfrpc.Strings(map[string]string{"volname": "gv0", "op": "4", "top-op": "7", "list-cnt": "7", "blk-size": "4096", "blk-cnt": "10"})
	if !ok || cmp.Diff(want, d) != "" {
		t.Errorf("top: %v", d)
	}
	if _, ok := brickop.ProfileRequest("gv0", "all"); ok {
		t.Error("a profile of an unknown kind")
	}
	if _, ok := brickop.TopRequest("gv0", "close", api.TopReq{}); ok {
		t.Error("top of an unknown kind")
	}
}

func TestParseStatus(t *testing.T) {
	var st api.ProcessState
	brickop.ParseStatus(dict("mallinfo.arena = 16113664\nmallinfo.hblks = -8\npool0.name = call_frame_t\npool0.active-count = 1\npool0.sizeof-type = 176\npool0.padded-sizeof = 256"), api.StatusMemory, &st)
	brickop.ParseStatus(dict("clientcount = 2\nclient1.hostname = n2:2\nclient0.hostname = n1:1\nclient0.bytesread = 5\nclient0.byteswrite = 6\nclient0.opversion = 100000\nclient0.name = fuse"), api.StatusClients, &st)
	brickop.ParseStatus(dict("conncount = 128\nconn100.itable.lru_limit = 16384\nconn100.itable.active_size = 1\nconn100.itable.lru_size = 10\nconn100.itable.purge_size = 2"), api.StatusInodes, &st)
	brickop.ParseStatus(dict(`
		callpool.count = 1
		callpool.stack0.uid = 1
		callpool.stack0.gid = 2
		callpool.stack0.pid = -8
		callpool.stack0.unique = 403
		callpool.stack0.op = WRITE
		callpool.stack0.frame1.translator = gv0-locks
		callpool.stack0.frame1.parent = gv0-worm
		callpool.stack0.frame1.windfrom = a
		callpool.stack0.frame1.windto = b
		callpool.stack0.frame0.translator = gv0-posix
		callpool.stack0.frame0.complete = 1
		callpool.stack0.frame0.unwindfrom = c
		callpool.stack0.frame0.unwind_to = d
		callpool.stack0.frame0.timings = 1 -> 2`), api.StatusCallpool, &st)
	want := api.ProcessState{
		Memory:  &api.ProcessMemory{Arena: 16113664, Hblks: -8, Pools: []api.MemPool{{Name: "call_frame_t", Active: 1, Size: 176, PaddedSize: 256}}},
		Clients: []api.ClientConnection{{Address: "n1:1", Name: "fuse", BytesRead: 5, BytesWritten: 6, OpVersion: 100000}, {Address: "n2:2"}},
		Inodes:  []api.InodeTable{{Connection: 100, LRULimit: 16384, ActiveSize: 1, LRUSize: 10, PurgeSize: 2}},
		Calls: []api.PendingCall{{Operation: "WRITE", Unique: 403, UID: 1, GID: 2, PID: -8, Frames: []api.CallFrame{
			{Translator: "gv0-posix", Complete: true, UnwindFrom: "c", UnwindTo: "d", Timings: "1 -> 2"},
			{Translator: "gv0-locks", Parent: "gv0-worm", WindFrom: "a", WindTo: "b"},
		}}},
	}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("state:\n%s", diff)
	}
}

func TestStatusRequest(t *testing.T) {
	proc, d, ok := brickop.StatusRequest("gv0", api.ProcessBrick, api.StatusClients, "/b")
	if want := gfrpc.Strings(map[string]string{"volname": "gv0", "brick-name": "/b", "cmd": "258"}); !ok || proc != gfrpc.BrickStatus || cmp.Diff(want, d) != "" {
		t.Errorf("brick: %d %v %v", proc, d, ok)
	}
	proc, d, ok = brickop.StatusRequest("gv0", api.ProcessSelfHeal, api.StatusMemory, "")
	if want := gfrpc.Strings(map[string]string{"volname": "gv0", "cmd": "4097"}); !ok || proc != gfrpc.BrickNodeStatus || cmp.Diff(want, d) != "" {
		t.Errorf("self-heal daemon: %d %v %v", proc, d, ok)
	}
	for _, c := range [][2]string{{api.ProcessSelfHeal, api.StatusClients}, {api.ProcessQuota, api.StatusInodes}, {api.ProcessBrick, api.StatusFiles}, {"nfs", api.StatusMemory}} {
		if _, _, ok := brickop.StatusRequest("gv0", c[0], c[1], ""); ok {
			t.Errorf("%s tells %s", c[0], c[1])
		}
	}
}

// FuzzReplies feeds every parser with dictionaries. Whatever is in them, what is made of them is bounded by their size and
// can be written as JSON, which knows no NaN.
func FuzzReplies(f *testing.F) {
	f.Add(dict(profileReply).Marshal())
	f.Add(dict("members = 4000000000\nfilename-1 = \xff\nvalue-1 = NaN\ntime-sec-1 = -9\ntime-usec-1 = -1").Marshal())
	f.Add(dict("interval = -1\ncumulative = -1\n-1-99-hits = 1\n-1--hits = 2").Marshal())
	f.Add(dict("conn4000000000.itable.lru_limit = 1\nclient-1.hostname = x\nclient007.hostname = x\npool99999999999999999999.name = y").Marshal())
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := gfrpc.ParseDict(in)
		if err != nil {
			return
		}
		total, interval := brickop.ParseProfile(d)
		top := brickop.ParseTop(d)
		var st api.ProcessState
		for _, what := range []string{api.StatusMemory, api.StatusClients, api.StatusInodes, api.StatusCallpool} {
			brickop.ParseStatus(d, what, &st)
		}
		if n := len(st.Clients) + len(st.Inodes) + len(st.Calls) + len(st.Memory.Pools); n > len(d) {
			t.Fatalf("state of %d things out of %d pairs", n, len(d))
		}
		if n := len(total.StatInfo) + len(interval.StatInfo) + len(total.Blocks) + len(top.Files); n > 4*len(d) {
			t.Fatalf("%d things out of %d pairs", n, len(d))
		}
		for _, v := range []any{total, interval, top, st} {
			if _, err := json.Marshal(v); err != nil {
				t.Fatalf("%+v: %v", v, err)
			}
		}
	})
}
