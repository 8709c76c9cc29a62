package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func (a *app) volumeCmd() *cobra.Command {
	c := group("volume", "Create, start, stop, inspect and tune volumes",
		newVolumeCreate(a), newVolumeStart(a), newVolumeStop(a), newVolumeDelete(a), newVolumeRename(a),
		newVolumeInfo(a), newVolumeList(a), newVolumeStatus(a), newVolumeAddBrick(a), newVolumeRemoveBrick(a), newVolumeReplaceBrick(a), newVolumeResetBrick(a), newVolumeRebalance(a),
		newVolumeSet(a), newVolumeGet(a), newVolumeReset(a), newVolumeEdit(a), newVolumeHeal(a), newVolumeProfile(a), newVolumeTop(a),
		newVolumeStatedump(a), newVolumeLog(a), newVolumeBarrier(a), newVolumeSync(a), newVolumeClearLocks(a),
		newVolumeQuota(a), newOptionGroups(a))
	c.Aliases = []string{"vol", "volumes"}
	return c
}

func newVolumeStart(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "start VOLUME [force]", Short: "Start a volume: its bricks begin to serve",
		Long:              "Start a volume: its bricks begin to serve. With force, bricks of a started volume that do not run are started again.",
		Args:              wants(1, 2),
		ValidArgsFunction: a.complete(volumeNames("force")),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "start the bricks that can be, and those that are missing")
	c.RunE = a.doOn("volume start", func(ctx context.Context, args []string) error {
		args = takeForce(args, &force)
		if len(args) > 1 {
			return usagef("%s is not understood; only force may follow the volume", quoted(args[1]))
		}
		v, err := a.client.VolumeStart(ctx, args[0], api.VolumeStartReq{ForceStartBricks: force})
		if err != nil {
			return err
		}
		return a.done(v, "volume start: %s: success", args[0])
	})
	return c
}

func newVolumeStop(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "stop VOLUME [force]", Short: "Stop a volume: its data becomes inaccessible",
		Args: wants(1, 2), ValidArgsFunction: a.complete(volumeNames("force")),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "stop although a peer cannot be reached")
	c.RunE = a.doOn("volume stop", func(ctx context.Context, args []string) error {
		args = takeForce(args, &force)
		if len(args) > 1 {
			return usagef("%s is not understood; only force may follow the volume", quoted(args[1]))
		}
		var v api.VolumeInfo
		stop := func(ctx context.Context) (err error) {
			v, err = a.client.VolumeStop(ctx, args[0], api.VolumeStopReq{Force: force})
			return err
		}
		if err := a.confirmPlan(ctx, "stopping volume "+args[0]+" makes its data inaccessible to every client", stop); err != nil {
			return err
		}
		if err := stop(ctx); err != nil {
			return err
		}
		return a.done(v, "volume stop: %s: success", args[0])
	})
	return c
}

func newVolumeDelete(a *app) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "delete VOLUME [force]", Aliases: []string{"remove", "rm"}, Short: "Delete a stopped volume; the files stay on bricks that you named",
		Long: "Delete a stopped volume; the files stay on bricks that you named. If a peer that holds bricks cannot be reached the operation waits\n" +
			"for it, and ends by itself when it is back. With force it does not wait, which is for peers that are gone for good.",
		Args: wants(1, 2), ValidArgsFunction: a.complete(volumeNames("force")),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "do not wait for peers that cannot be reached")
	c.RunE = a.doOn("volume delete", func(ctx context.Context, args []string) error {
		args = takeForce(args, &force)
		if len(args) > 1 {
			return usagef("%s is not understood; only force may follow the volume", quoted(args[1]))
		}
		forget := func(ctx context.Context) error {
			if force {
				return a.client.VolumeForget(ctx, args[0])
			}
			return a.client.VolumeDelete(ctx, args[0])
		}
		if err := a.confirmPlan(ctx, "deleting volume "+args[0]+" erases all that the pool knows of it (the files stay on bricks that you named; bricks that gd2 made for a size go with all that is on them)", forget); err != nil {
			return err
		}
		if err := forget(ctx); err != nil {
			return err
		}
		return a.done(nil, "volume delete: %s: success", args[0])
	})
	return c
}
