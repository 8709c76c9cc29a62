package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeBarrier(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "barrier VOLUME {enable|disable}",
		Short: "Hold back, on all bricks of a volume, the answers to what makes changes last",
		Long: "Hold back, on all bricks of a volume, the answers to what makes changes last, such as fsync, rename and unlink, for a copy of the disks below.\n" +
			"Bricks let them through by themselves after features.barrier-timeout.",
		Args: wants(2, 2), ValidArgsFunction: a.complete(volumeNames("enable", "disable")),
	}
	c.RunE = a.doOn("volume barrier", func(ctx context.Context, args []string) error {
		if args[1] != "enable" && args[1] != "disable" {
			return usagef("%s is not understood; a barrier is enable or disable", quoted(args[1]))
		}
		bricks, err := a.client.VolumeBarrier(ctx, args[0], args[1] == "enable")
		if err != nil {
			return err
		}
		if err := orGaps(nil, bricks, func(b api.BrickBarrier) (string, string) { return b.Name, b.Error }); err != nil {
			return err
		}
		return a.done(bricks, "volume barrier: command successful")
	})
	return c
}
