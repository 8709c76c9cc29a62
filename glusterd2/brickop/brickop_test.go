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

// FuzzReplies feeds every parser with dictionaries. Whatever is in them, what is made of them is bounded by their size and
// can be written as JSON, which knows no NaN.
func FuzzReplies(f *testing.F) {
	f.Add(dict(profileReply).Marshal())
	f.Add(dict("members = 4000000000\nfilename-1 = \xff\nvalue-1 = NaN\ntime-sec-1 = -9\ntime-usec-1 = -1").Marshal())
	f.Add(dict("interval = -1\ncumulative = -1\n-1-99-hits = 1\n-1--hits = 2").Marshal())
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := gfrpc.ParseDict(in)
		if err != nil {
			return
		}
		total, interval := brickop.ParseProfile(d)
		top := brickop.ParseTop(d)
		if n := len(total.StatInfo) + len(interval.StatInfo) + len(total.Blocks) + len(top.Files); n > 4*len(d) {
			t.Fatalf("%d things out of %d pairs", n, len(d))
		}
		for _, v := range []any{total, interval, top} {
			if _, err := json.Marshal(v); err != nil {
				t.Fatalf("%+v: %v", v, err)
			}
		}
	})
}
