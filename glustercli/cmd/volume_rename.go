package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeRename(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "rename VOLUME NEW-NAME", Short: "Give a stopped volume another name; its files and its id stay",
		Example: "  glustercli volume stop gv0\n  glustercli volume rename gv0 projects",
		Args:    wants(2, 2), ValidArgsFunction: a.complete(volumeNames()),
	}
	c.RunE = a.doOn("volume rename", func(ctx context.Context, args []string) error {
		v, err := a.client.VolumeRename(ctx, args[0], api.VolumeRenameReq{Name: args[1]})
		if err != nil {
			return err
		}
		return a.done(v, "volume rename: %s: success: now %s", args[0], v.Name)
	})
	return c
}
