package cmd

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeTop(a *app) *cobra.Command {
	var req api.TopReq
	c := &cobra.Command{
		Use:   "top VOLUME {open|read|write|opendir|readdir|clear} [brick HOST:PATH] [list-cnt N]\n  glustercli volume top VOLUME {read-perf|write-perf} [bs BYTES count N] [brick HOST:PATH] [list-cnt N]",
		Short: "Show which files the bricks of a volume use most, or how fast their disks are",
		Example: `  glustercli volume top gv0 open list-cnt 10
  glustercli volume top gv0 write-perf bs 65536 count 1000 brick node1:/bricks/b1`,
		Args: wants(2, 10), ValidArgsFunction: a.complete(volumeNames("open", "read", "write", "opendir", "readdir", "read-perf", "write-perf", "clear")),
	}
	c.Flags().StringVar(&req.Brick, "brick", "", "only this brick, HOST:PATH")
	c.Flags().IntVar(&req.Count, "list-cnt", 0, "how many files of each brick, at most 100")
	c.Flags().Uint64Var(&req.BlockSize, "bs", 0, "measure with blocks of so many bytes")
	c.Flags().Uint64Var(&req.BlockCount, "count", 0, "and so many of them")
	c.RunE = a.doOn("volume top", func(ctx context.Context, args []string) error {
		if err := topWords(args[2:], &req); err != nil {
			return err
		}
		bricks, err := a.client.VolumeTop(ctx, args[0], args[1], req)
		if err != nil {
			return err
		}
		err = a.emit(bricks, func(w io.Writer) {
			for _, b := range bricks {
				writeTop(w, b, args[1])
			}
		})
		return orGaps(err, bricks, func(b api.BrickTop) (string, string) { return b.BrickName, b.Error })
	})
	return c
}

// topWords reads gluster's words, each followed by its value.
func topWords(words []string, req *api.TopReq) error {
	for ; len(words) > 1; words = words[2:] {
		value := words[1]
		if words[0] == "brick" {
			req.Brick = value
			continue
		}
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 0 {
			return usagef("%s after %s must be a number of 1 or more", quoted(value), words[0])
		}
		switch words[0] {
		case "list-cnt":
			req.Count = int(n) // 32 bits
		case "bs":
			req.BlockSize = n
		case "count":
			req.BlockCount = n
		default:
			return usagef("%s is not understood; use brick, list-cnt, bs or count", quoted(words[0]))
		}
	}
	switch {
	case len(words) > 0 && words[0] == wordNFS:
		return noNFS()
	case len(words) > 0:
		return usagef("a value must follow %s", quoted(words[0]))
	}
	return nil
}

// writeTop writes the list of one brick as gluster does.
func writeTop(w io.Writer, b api.BrickTop, what string) {
	if b.Error != "" {
		return
	}
	say(w, "Brick: %s\n", b.BrickName)
	if what == api.TopClear {
		say(w, "Cleared stats\n")
		return
	}
	if what == api.TopOpen {
		say(w, "Current open fds: %d, Max open fds: %d, Max openfd time: %s\n", b.CurrentOpen, b.MaxOpen, orDash(b.MaxOpenTime))
	}
	if b.Throughput > 0 {
		say(w, "Throughput %.2f MBps time %.4f secs\n", b.Throughput, b.Seconds)
	}
	if len(b.Files) == 0 {
		return
	}
	if what == api.TopReadPerf || what == api.TopWritePerf {
		say(w, "%5s %-42s %s\n%5s %-42s %s\n", "MBps", "Filename", "Time", "====", "========", "====")
		for _, f := range b.Files {
			say(w, "%5.0f %-42s %s\n", f.Value, f.Filename, f.Time)
		}
		return
	}
	say(w, "Count\t\tfilename\n=======================\n")
	for _, f := range b.Files {
		say(w, "%.0f\t\t%s\n", f.Value, f.Filename)
	}
}
