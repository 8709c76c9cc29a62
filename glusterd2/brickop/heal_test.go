package brickop_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/glusterd2/brickop"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

func TestHealReplies(t *testing.T) {
	status := brickop.ParseHealStatus(dict("0-0-status = Started self-heal\n0-1-status = Brick is remote\n1-2-status = Brick is not connected\n00-1-status = x\n-1-1-status = y"))
	want := map[brickop.BrickPlace]brickop.HealStatus{
		{}:                    {Text: "Started self-heal", Started: true},
		{Brick: 1}:            {Text: "Brick is remote"},
		{Subvol: 1, Brick: 2}: {Text: "Brick is not connected"},
	}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("status:\n%s", diff)
	}
	if got := brickop.ParseHealCounts(dict("0-0-hardlinks = 3\n1-0-hardlinks = x")); got[brickop.BrickPlace{}] != 3 || len(got) != 2 {
		t.Errorf("counts: %v", got)
	}
	d := dict("statistics-0-0-count = 5\nstatistics_crawl_type-0-0-0 = INDEX\nstatistics_healed_cnt-0-0-0 = 4\nstatistics_sb_cnt-0-0-0 = 1\nstatistics_heal_failed_cnt-0-0-0 = 2\nstatistics_inprogress-0-0-0 = 1")
	d.SetString("statistics_strt_time-0-0-0", "Sun Nov 22 01:41:24 2026\n")
	crawls := brickop.ParseCrawls(d, time.UTC)[brickop.BrickPlace{}]
	wantCrawls := []api.HealCrawl{{Type: "INDEX", StartedAt: "2026-11-22T01:41:24Z", Healed: 4, SplitBrain: 1, Failed: 2, InProgress: true}}
	if diff := cmp.Diff(wantCrawls, crawls); diff != "" {
		t.Errorf("crawls:\n%s", diff)
	}
}

func TestHealRequest(t *testing.T) {
	want := gfrpc.Strings(map[string]string{"volname": "gv", "xl-op": "2", "heal-op": "2", "count": "2", "xl-0": "gv-replicate-1", "gv-replicate-1": "0", "xl-1": "gv-replicate-0", "gv-replicate-0": "1"})
	if diff := cmp.Diff(want, brickop.HealRequest("gv", []string{"gv-replicate-1", "gv-replicate-0"}, brickop.HealFull)); diff != "" {
		t.Errorf("request:\n%s", diff)
	}
}

// FuzzHealReplies feeds the parsers of what self-heal daemons answer.
func FuzzHealReplies(f *testing.F) {
	f.Add(dict("0-0-status = Started self-heal\n0-0-hardlinks = 3\nstatistics-0-0-count = 4000000000\nstatistics_crawl_type-0-0-0 = INDEX").Marshal())
	f.Add(dict("statistics--1--1-count = 1\n9999999999999999999-0-status = x").Marshal())
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := gfrpc.ParseDict(in)
		if err != nil {
			return
		}
		n := len(brickop.ParseHealStatus(d)) + len(brickop.ParseHealCounts(d))
		for _, crawls := range brickop.ParseCrawls(d, time.UTC) {
			n += len(crawls)
		}
		if n > len(d) {
			t.Fatalf("%d things out of %d pairs", n, len(d))
		}
	})
}
