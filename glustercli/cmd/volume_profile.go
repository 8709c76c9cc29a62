package cmd

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeProfile(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "profile VOLUME {start|stop|info [peek|incremental [peek]|cumulative|clear]}",
		Short: "Measure what the bricks of a volume do",
		Example: `  glustercli volume profile gv0 start
  glustercli volume profile gv0 info
  glustercli volume profile gv0 info incremental peek`,
		Args: wants(2, 4), ValidArgsFunction: a.complete(volumeNames("start", "stop", "info")),
	}
	c.RunE = a.doOn("volume profile", func(ctx context.Context, args []string) error {
		what, err := profileWhat(args[1:])
		if err != nil {
			return err
		}
		return a.profile(ctx, args[0], args[1], what)
	})
	return c
}

// profileWhat reads the words after the volume.
func profileWhat(words []string) (string, error) {
	what, ok := map[string]string{
		"start": "", "stop": "", "info": api.ProfileInfo, "info peek": api.ProfilePeek, "info incremental": api.ProfileIncremental,
		"info incremental peek": api.ProfileIncrementalPeek, "info cumulative": api.ProfileCumulative, "info clear": api.ProfileClear,
	}[strings.Join(words, " ")]
	if !ok && words[len(words)-1] == wordNFS {
		return "", noNFS()
	}
	if !ok {
		return "", usagef("%s is not understood; after the volume comes start, stop, or info, which peek, incremental [peek], cumulative or clear may follow",
			quoted(strings.Join(words, " ")))
	}
	return what, nil
}

func (a *app) profile(ctx context.Context, volume, verb, what string) error {
	switch verb {
	case "start":
		v, err := a.client.VolumeProfileStart(ctx, volume)
		if err != nil {
			return err
		}
		return a.done(v, "Starting volume profile on %s has been successful", volume)
	case "stop":
		v, err := a.client.VolumeProfileStop(ctx, volume)
		if err != nil {
			return err
		}
		return a.done(v, "Stopping volume profile on %s has been successful", volume)
	}
	bricks, err := a.client.VolumeProfile(ctx, volume, what)
	if err != nil {
		return err
	}
	err = a.emit(bricks, func(w io.Writer) {
		for _, b := range bricks {
			writeProfile(w, b, what == api.ProfileClear)
		}
	})
	return orGaps(err, bricks, func(b api.BrickProfile) (string, string) { return b.BrickName, b.Error })
}

// orGaps makes a partial failure of what some bricks or daemons did not answer.
func orGaps[T any](err error, list []T, gap func(T) (name, why string)) error {
	if failed := gaps(list, gap); err == nil && len(failed) > 0 {
		return &partial{failed}
	}
	return err
}

func gaps[T any](list []T, gap func(T) (name, why string)) (failed []*api.Error) {
	for _, item := range list {
		if name, why := gap(item); why != "" {
			failed = append(failed, api.Errorf(api.Unavailable, "%s: %s", name, why))
		}
	}
	return failed
}

func writeProfile(w io.Writer, b api.BrickProfile, cleared bool) {
	if b.Error != "" {
		return
	}
	say(w, "Brick: %s\n%s\n", b.BrickName, strings.Repeat("-", len("Brick: ")+len(b.BrickName)))
	if cleared {
		say(w, "Cleared stats.\n\n")
	}
	if b.CumulativeStats.Interval != "" {
		writeStats(w, "Cumulative Stats:", b.CumulativeStats)
	}
	if b.IntervalStats.Interval != "" {
		writeStats(w, "Interval "+b.IntervalStats.Interval+" Stats:", b.IntervalStats)
	}
}

// blocksPerRow is how many block sizes stand side by side, as gluster has them.
const blocksPerRow = 3

// writeStats writes the counts of one span of time as gluster does.
func writeStats(w io.Writer, title string, st api.ProfileStats) {
	say(w, "%s\n", title)
	for blocks := range slices.Chunk(st.Blocks, blocksPerRow) {
		row := func(name string, value func(api.ProfileBlock) string) {
			say(w, "%s", name)
			for _, b := range blocks {
				say(w, "%21s ", value(b))
			}
			say(w, "\n")
		}
		row("   Block Size: ", func(b api.ProfileBlock) string { return strconv.FormatUint(b.Size, 10) + "b+" })
		row(" No. of Reads: ", func(b api.ProfileBlock) string { return strconv.FormatUint(b.Reads, 10) })
		row("No. of Writes: ", func(b api.ProfileBlock) string { return strconv.FormatUint(b.Writes, 10) })
	}
	if len(st.StatInfo) > 0 {
		writeFops(w, st.StatInfo)
	}
	say(w, "\n    Duration: %s seconds\n   Data Read: %s bytes\nData Written: %s bytes\n\n", st.Duration, st.DataRead, st.DataWrite)
}

// writeFops writes the operations, the one that took most of the time last.
func writeFops(w io.Writer, stats map[string]map[string]string) {
	const line = "%10s %16s %16s %16s %14s %18s\n"
	say(w, line, "%-latency", "Avg-latency", "Min-Latency", "Max-Latency", "No. of calls", "Fop")
	say(w, line, "---------", "-----------", "-----------", "-----------", "------------", "----")
	names := slices.SortedFunc(maps.Keys(stats), func(x, y string) int {
		return cmp.Or(cmp.Compare(decimal(stats[x]["%-latency"]), decimal(stats[y]["%-latency"])), cmp.Compare(x, y))
	})
	for _, name := range names {
		s := stats[name]
		ns := func(key string) string { return strconv.FormatFloat(decimal(s[key]), 'f', 2, 64) + " ns" }
		say(w, line, s["%-latency"], ns("avglatency"), ns("minlatency"), ns("maxlatency"), s["hits"], name)
	}
}

// decimal reads a number that the server sent as text; 0 for none.
func decimal(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
