package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeClearLocks(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "clear-locks VOLUME PATH kind {blocked|granted|all} {inode [RANGE]|entry [BASENAME]|posix [RANGE]}",
		Short: "Take locks of a file from the clients of a volume",
		Example: `  glustercli volume clear-locks gv0 /dir/file kind granted posix 0,0-100
  glustercli volume clear-locks gv0 /dir kind all entry file`,
		Args: wants(5, 6), ValidArgsFunction: a.complete(volumeNames("kind", "blocked", "granted", "all", "inode", "entry", "posix")),
	}
	c.RunE = a.doOn("volume clear-locks", func(ctx context.Context, args []string) error {
		if args[2] != "kind" {
			return usagef("%s is not understood; kind must follow the path", quoted(args[2]))
		}
		req := api.ClearLocksReq{Path: args[1], Kind: args[3], Type: args[4]}
		if len(args) > 5 && req.Type == api.LockEntry {
			req.Basename = args[5]
		} else if len(args) > 5 {
			req.Range = args[5]
		}
		cleared, err := a.client.VolumeClearLocks(ctx, args[0], req)
		if err != nil {
			return err
		}
		return a.emit(cleared, func(w io.Writer) {
			say(w, "Volume clear-locks successful\n")
			for _, line := range cleared.Summary {
				say(w, "%s\n", line)
			}
			if len(cleared.Summary) == 0 {
				say(w, "No locks cleared.\n")
			}
		})
	})
	return c
}
