package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newPeerReset(a *app) *cobra.Command {
	var req api.PeerResetReq
	c := &cobra.Command{
		Use: "reset [force]", Short: "Make this peer forget its pool, so that it can join another", Args: wants(0, 1),
		Long: `Make this peer, which was detached, forget its pool: afterwards it is a pool of its own and can be probed or join with a
token. Run it as root on that peer. With force, also a peer that was not detached: one that is alone, or whose pool cannot be
reached. A peer that holds bricks of started volumes is never reset.`,
	}
	c.Flags().BoolVarP(&req.Force, "force", "f", false, "also a peer that was not detached, if its pool cannot be reached")
	c.RunE = a.do("peer reset", func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			if args[0] != "force" {
				return usagef("%s is not understood; only force may follow", quoted(args[0]))
			}
			req.Force = true
		}
		var p api.Peer
		reset := func(ctx context.Context) (err error) {
			p, err = a.client.Reset(ctx, req)
			return err
		}
		if err := a.confirmPlan(ctx, "resetting this peer makes it forget its pool and the volumes in it", reset); err != nil {
			return err
		}
		if err := reset(ctx); err != nil {
			return err
		}
		return a.done(p, "peer reset: success")
	})
	return c
}
