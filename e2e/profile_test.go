package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
)

// TestProfileTop has bricks count what a client does, and looks at their counts in every way there is.
func TestProfileTop(t *testing.T) {
	p := newPool(t, 3, 0)
	p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount := p.mount(1, "gv0")

	if _, err := p.rest(1).VolumeProfile(t.Context(), "gv0", api.ProfileInfo); !api.IsKind(err, api.State) {
		t.Errorf("a volume that is not profiled: %v", err)
	}
	p.cli("volume", "profile", "gv0", "start")
	if _, err := p.Peer(1).CLI(t.Context(), "volume", "profile", "gv0", "start"); err == nil {
		t.Error("a profile was started twice")
	}
	work(p, mount)
	t.Run("profile", func(t *testing.T) { profiles(p.in(t), mount) })
	t.Run("top", func(t *testing.T) { tops(p.in(t)) })
	t.Run("throughput", func(t *testing.T) { throughput(p.in(t)) })
	t.Run("refusals", func(t *testing.T) { topRefusals(p.in(t)) })
	t.Run("clear", func(t *testing.T) { clears(p.in(t)) })
	t.Run("peer away", func(t *testing.T) { profileGap(p.in(t)) })
	p.cli("volume", "profile", "gv0", "stop")
	if v := p.cli("volume", "info", "gv0"); strings.Contains(v, "diagnostics") {
		t.Errorf("options of the profile are left:\n%s", v)
	}
}

const (
	workFiles = 4
	workBytes = 1 << 20
)

// work writes files and reads them back through another mount, so that the reads reach the bricks too.
func work(p pool, mount string) {
	p.t.Helper()
	p.must(os.MkdirAll(filepath.Join(mount, "dir/below"), 0o755))
	for i := range workFiles {
		p.must(os.WriteFile(filepath.Join(mount, fmt.Sprintf("file%d", i)), bytes.Repeat([]byte{byte(i)}, workBytes), 0o644))
	}
	other := p.mount(2, "gv0")
	for i := range workFiles {
		text, err := os.ReadFile(filepath.Join(other, fmt.Sprintf("file%d", i)))
		if err != nil || len(text) != workBytes {
			p.t.Fatalf("read back %d bytes: %v", len(text), err)
		}
	}
	_, err := os.ReadDir(filepath.Join(other, "dir")) // the root itself is not counted
	p.must(err)
	p.must(p.Peer(2).Unmount(p.t.Context(), "gv0"))
}

func (p pool) profile(what string) []api.BrickProfile {
	p.t.Helper()
	out, err := p.rest(1).VolumeProfile(p.t.Context(), "gv0", what)
	p.must(err)
	if len(out) != 3 {
		p.t.Fatalf("%d bricks: %+v", len(out), out)
	}
	for i, b := range out {
		if b.Error != "" || b.BrickName != fmt.Sprintf("%s:/srv/gv0", p.Peer(i+1).Addr) && b.BrickName != fmt.Sprintf("%s:/srv/gv0", p.Peer(i+1).Name) {
			p.t.Fatalf("brick %d: %q %s", i, b.BrickName, b.Error)
		}
	}
	return out
}

func written(st api.ProfileStats) int {
	n, err := strconv.Atoi(st.DataWrite)
	if err != nil {
		return -1
	}
	return n
}

func profiles(p pool, mount string) {
	t := p.t
	for _, b := range p.profile(api.ProfileCumulative) {
		writes, _ := strconv.Atoi(b.CumulativeStats.StatInfo["WRITE"]["hits"])
		if written(b.CumulativeStats) < workFiles*workBytes || writes < workFiles || decimalOf(b.CumulativeStats.StatInfo["WRITE"]["avglatency"]) <= 0 {
			t.Errorf("%s counted too little: %+v", b.BrickName, b.CumulativeStats)
		}
		if b.IntervalStats.Interval != "" || len(b.CumulativeStats.Blocks) == 0 {
			t.Errorf("%s: an interval that was not asked for, or no blocks: %+v", b.BrickName, b)
		}
	}
	// A peek leaves the interval as it is; to ask without one ends it.
	first := p.profile(api.ProfilePeek)[0].IntervalStats
	if second := p.profile(api.ProfileIncrementalPeek)[0].IntervalStats; second.Interval != first.Interval || written(second) != written(first) || written(first) < workBytes {
		t.Errorf("peeks at one interval differ: %+v, then %+v", first, second)
	}
	if b := p.profile(api.ProfileInfo)[0]; b.IntervalStats.Interval != first.Interval || b.CumulativeStats.Interval != "-1" {
		t.Errorf("info: %+v", b)
	}
	if next := p.profile(api.ProfileIncremental)[0]; next.IntervalStats.Interval == first.Interval || written(next.IntervalStats) != 0 || next.CumulativeStats.Interval != "" {
		t.Errorf("the interval did not end: %+v", next)
	}
	p.must(os.WriteFile(filepath.Join(mount, "more"), make([]byte, 5000), 0o644))
	if next := p.profile(api.ProfileIncremental)[0].IntervalStats; written(next) != 5000 {
		t.Errorf("5000 bytes were written, and %s counted", next.DataWrite)
	}
	text := p.cli("volume", "profile", "gv0", "info", "peek")
	for _, want := range []string{"Cumulative Stats:", "Interval ", "%-latency", "LOOKUP", "Data Written: ", "Block Size:"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the text:\n%s", want, text)
		}
	}
}

func decimalOf(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return -1
	}
	return f
}

func (p pool) top(what string, req api.TopReq) []api.BrickTop {
	p.t.Helper()
	out, err := p.rest(2).VolumeTop(p.t.Context(), "gv0", what, req)
	p.must(err)
	for _, b := range out {
		if b.Error != "" {
			p.t.Errorf("top %s of %s: %s", what, b.BrickName, b.Error)
		}
	}
	return out
}

func tops(p pool) {
	t := p.t
	for _, what := range []string{api.TopOpen, api.TopWrite, api.TopReadPerf, api.TopWritePerf, api.TopRead} {
		files := 0
		for _, b := range p.top(what, api.TopReq{}) {
			for _, f := range b.Files {
				if strings.HasPrefix(f.Filename, "/file") && f.Value >= 0 {
					files++
				}
			}
		}
		// One brick answers each read; writes and opens are on all.
		least := workFiles
		if what == api.TopWrite {
			least = 3 * workFiles
		}
		if files < least {
			t.Errorf("top %s lists %d files: %+v", what, files, p.top(what, api.TopReq{}))
		}
	}
	for _, what := range []string{api.TopOpendir, api.TopReaddir} {
		dirs := 0
		for _, b := range p.top(what, api.TopReq{}) {
			dirs += len(b.Files)
		}
		if dirs == 0 {
			t.Errorf("top %s lists nothing", what)
		}
	}
	if open := p.top(api.TopOpen, api.TopReq{})[0]; open.MaxOpen == 0 || open.MaxOpenTime == "" {
		t.Errorf("open files: %+v", open)
	}
	if perf := p.top(api.TopWritePerf, api.TopReq{})[0]; len(perf.Files) == 0 || perf.Files[0].Time == "" || perf.Throughput != 0 {
		t.Errorf("write-perf: %+v", perf)
	}
	one := p.top(api.TopWrite, api.TopReq{Count: 1, Brick: p.Peer(3).Name + ":/srv/gv0"})
	if len(one) != 1 || len(one[0].Files) != 1 {
		t.Errorf("one file of one brick: %+v", one)
	}
	if text := p.cli("volume", "top", "gv0", "open", "brick", p.Peer(1).Name+":/srv/gv0", "list-cnt", "2"); strings.Count(text, "/file") > 2 || !strings.Contains(text, "Current open fds: ") {
		t.Errorf("text of top open:\n%s", text)
	}
}

// throughput measures the disks; what the measurement writes is gone afterwards.
func throughput(p pool) {
	for _, what := range []string{api.TopWritePerf, api.TopReadPerf} {
		for _, b := range p.top(what, api.TopReq{BlockSize: 65536, BlockCount: 20}) {
			if b.Throughput <= 0 || b.Seconds <= 0 {
				p.t.Errorf("%s of %s: %v MB/s in %v s", what, b.BrickName, b.Throughput, b.Seconds)
			}
		}
	}
	text := p.cli("volume", "top", "gv0", "write-perf", "bs", "4096", "count", "10", "brick", p.Peer(1).Name+":/srv/gv0")
	if !strings.Contains(text, "Throughput ") || !strings.Contains(text, " MBps time ") {
		p.t.Errorf("text of write-perf:\n%s", text)
	}
	for i := range 3 {
		left, err := filepath.Glob(p.Peer(i + 1).Path("/srv/gv0/.gf*"))
		p.must(err)
		for _, f := range left {
			if !strings.Contains(f, "/.glusterfs") {
				p.t.Errorf("the measurement left %s", f)
			}
		}
	}
}

func topRefusals(p pool) {
	c := p.rest(1)
	for _, tc := range []struct {
		what  string
		req   api.TopReq
		kind  api.Kind
		field string
	}{
		{"close", api.TopReq{}, api.Invalid, "what"},
		{api.TopOpen, api.TopReq{Count: 101}, api.Invalid, "count"},
		{api.TopOpen, api.TopReq{BlockSize: 1, BlockCount: 1}, api.Invalid, "block-size"},
		{api.TopReadPerf, api.TopReq{BlockSize: 1 << 40, BlockCount: 1}, api.Invalid, "block-size"},
		{api.TopReadPerf, api.TopReq{BlockSize: 1 << 20, BlockCount: 1 << 40}, api.Invalid, "block-count"},
		{api.TopOpen, api.TopReq{Brick: "node1:/srv/other"}, api.NotFound, "brick"},
	} {
		_, err := c.VolumeTop(p.t.Context(), "gv0", tc.what, tc.req)
		if e := api.AsError(err); e == nil || e.Kind != tc.kind || e.Fields[api.FieldField] != tc.field {
			p.t.Errorf("top %s %+v: %v", tc.what, tc.req, err)
		}
	}
	if _, err := c.VolumeProfile(p.t.Context(), "gv0", "info-all"); !api.IsKind(err, api.Invalid) {
		p.t.Errorf("a profile of an unknown kind: %v", err)
	}
	if _, err := c.VolumeProfile(p.t.Context(), "nothing", api.ProfileInfo); !api.IsKind(err, api.NotFound) {
		p.t.Errorf("a profile of no volume: %v", err)
	}
}

func clears(p pool) {
	p.top(api.TopClear, api.TopReq{})
	for _, b := range p.top(api.TopWrite, api.TopReq{}) {
		if len(b.Files) != 0 {
			p.t.Errorf("files are listed after a clear: %+v", b)
		}
	}
	if text := p.cli("volume", "profile", "gv0", "info", "clear"); strings.Count(text, "Cleared stats.") != 3 {
		p.t.Errorf("text of clear:\n%s", text)
	}
	for _, b := range p.profile(api.ProfileCumulative) {
		if written(b.CumulativeStats) != 0 {
			p.t.Errorf("%s counts from 0 again, and says %s", b.BrickName, b.CumulativeStats.DataWrite)
		}
	}
}

// profileGap stops one daemon: the other bricks answer all the same, and the command says that a part is missing.
func profileGap(p pool) {
	p.must(p.Peer(3).Stop(p.t.Context()))
	p.eventually(60*time.Second, func(ctx context.Context) error {
		out, err := p.rest(1).VolumeProfile(ctx, "gv0", api.ProfileCumulative)
		if err != nil {
			return err
		}
		if out[0].Error != "" || out[1].Error != "" || out[2].Error == "" {
			return fmt.Errorf("gaps: %+v", out)
		}
		return nil
	})
	out, err := p.Peer(1).CLI(p.t.Context(), "volume", "top", "gv0", "open")
	var exit *lab.ExitError
	if !errors.As(err, &exit) || exit.Code != 8 || strings.Count(out, "Brick: ") != 2 || !strings.Contains(exit.Stderr, "srv/gv0") {
		p.t.Errorf("without a peer: %v\n%s", err, out)
	}
	p.must(p.Peer(3).Start(p.t.Context()))
}
