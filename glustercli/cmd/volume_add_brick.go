package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeAddBrick(a *app) *cobra.Command {
	var f createFlags
	c := &cobra.Command{
		Use: "add-brick VOLUME [replica N [arbiter 1]] HOST:/PATH... [force]", Aliases: []string{"expand"},
		Short: "Add bricks to a volume: more room, or more copies",
		Long: `Add bricks to a volume. Without replica they make further subvolumes of the shape that the volume has: give as many as one
has, or a multiple. With a replica count that is higher than the present one each subvolume gets further copies; they are
filled by the self-heal daemons.`,
		Example: `  glustercli volume add-brick gv0 node4:/data/b node5:/data/b node6:/data/b
  glustercli volume add-brick gv1 replica 3 node3:/data/b
  glustercli volume add-brick gv1 replica 3 arbiter 1 node3:/data/b`,
		Args: wants(2, -1), ValidArgsFunction: a.complete(volumeNames(wordReplica, wordArbiter, wordForce)),
	}
	f.registerCopies(c)
	f.registerBricks(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		req, err := parseAddBrick(args, f)
		if err != nil {
			return asUsage(err)
		}
		return a.doOn("volume add-brick", func(ctx context.Context, args []string) error { return a.addBrick(ctx, args[0], req) })(cmd, args)
	}
	return c
}

// parseAddBrick turns the arguments, the volume first, into a request.
func parseAddBrick(args []string, f createFlags) (api.VolumeExpandReq, error) {
	bricks, err := f.words(args[1:])
	switch {
	case err != nil:
		return api.VolumeExpandReq{}, err
	case f.dispersed || f.disperse > 0 || f.data > 0 || f.redundancy > 0 || f.transport != "":
		return api.VolumeExpandReq{}, usagef("only replica and arbiter go with add-brick: all else is as the volume has it")
	}
	return api.VolumeExpandReq{ReplicaCount: f.replica, ArbiterCount: f.arbiter, Bricks: bricks, Force: f.force, Flags: f.brickFlags()}, nil
}

func (a *app) addBrick(ctx context.Context, volume string, req api.VolumeExpandReq) error {
	v, err := a.client.VolumeExpand(ctx, volume, req)
	if err != nil {
		return err
	}
	if v.Hint != "" {
		a.note("volume add-brick: %s: %s", volume, v.Hint)
	}
	return a.done(v, "volume add-brick: success")
}
