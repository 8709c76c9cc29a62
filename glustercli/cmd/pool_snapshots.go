package cmd

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newPoolSnapshots(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "snapshots", Short: "List the snapshots of the pool's records that the peer keeps on its disk", Args: wants(0, 0),
		Long: `List the snapshots of the pool's records that every peer makes for itself (snapshot-interval, snapshot-keep), the newest
first. Each is a whole backup: glusterd2 recover --from FILE brings a pool back from it. They are those of the peer that is asked.`,
	}
	c.RunE = a.do("pool snapshots", func(ctx context.Context, _ []string) error {
		list, err := a.client.PoolSnapshots(ctx)
		if err != nil {
			return err
		}
		return a.emit(list, func(w io.Writer) {
			if len(list) == 0 {
				say(w, "This peer has made no snapshot yet.\n")
				return
			}
			rows := make([][]string, 0, len(list))
			for _, s := range list {
				rows = append(rows, []string{s.CreatedAt, fmt.Sprint(s.Revision), bytesOf(s.Bytes), s.File})
			}
			a.table(w, []string{"CREATED", "REVISION", "SIZE", "FILE"}, rows)
		})
	})
	return c
}
