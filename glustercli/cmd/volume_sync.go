package cmd

import (
	"context"

	"github.com/spf13/cobra"
)

func newVolumeSync(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "sync HOST [all|VOLUME]",
		Short: "Nothing to do: all peers share one store of volumes",
		Long:  "In a pool of glusterd, sync copies what a peer knows of volumes to another. Peers of glusterd2 share one store, so there is nothing to copy;\nthe command checks that there is such a peer and such a volume, and says so.",
		Args:  wants(1, 2),
	}
	c.RunE = a.do("volume sync", func(ctx context.Context, args []string) error {
		if _, err := a.findPeer(ctx, args[0]); err != nil {
			return err
		}
		if len(args) > 1 && args[1] != "all" {
			if _, err := a.client.Volume(ctx, args[1]); err != nil {
				return err
			}
		}
		return a.done(nil, "volume sync: success: nothing to copy, all peers share one store of volumes")
	})
	return c
}
