package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/bytesize"
)

func newVolumeAddBrick(a *app) *cobra.Command {
	var f createFlags
	var size string
	var distribute int
	c := &cobra.Command{
		Use: "add-brick VOLUME {--size +SIZE | [replica N [arbiter 1]] HOST:/PATH... [force]}", Aliases: []string{"expand"},
		Short: "Make a volume larger, by a size or by bricks, or add copies",
		Long: `Add bricks to a volume. Without replica they make further subvolumes of the shape that the volume has: give as many as one
has, or a multiple. With a replica count that is higher than the present one each subvolume gets further copies; they are
filled by the self-heal daemons.

With --size a volume that was made by its size gets so much larger: its bricks grow where they are if their devices have the
room, or else gd2 makes further subvolumes.`,
		Example: `  glustercli volume expand gv2 --size +10GiB
  glustercli volume add-brick gv0 node4:/data/b node5:/data/b node6:/data/b
  glustercli volume add-brick gv1 replica 3 node3:/data/b
  glustercli volume add-brick gv1 replica 3 arbiter 1 node3:/data/b`,
		Args: wants(1, -1), ValidArgsFunction: a.complete(volumeNames(wordReplica, wordArbiter, wordForce)),
	}
	f.registerCopies(c)
	f.registerBricks(c)
	c.Flags().StringVar(&size, "size", "", "by how much the volume grows, such as +10GiB: gd2 makes the room")
	c.Flags().IntVar(&distribute, "distribute", 0, "with --size: the number of subvolumes afterwards; by default no more than are needed")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		req, err := parseExpand(args, f, size, distribute)
		if err != nil {
			return asUsage(err)
		}
		return a.doOn("volume add-brick", func(ctx context.Context, args []string) error { return a.addBrick(ctx, args[0], req) })(cmd, args)
	}
	return c
}

// parseExpand is parseAddBrick, or the request for a larger volume.
func parseExpand(args []string, f createFlags, size string, distribute int) (api.VolumeExpandReq, error) {
	more, plus := strings.CutPrefix(size, "+")
	switch {
	case size == "" && distribute != 0:
		return api.VolumeExpandReq{}, usagef("--distribute goes with --size")
	case size == "" && len(args) < 2:
		return api.VolumeExpandReq{}, usagef("--size +SIZE, or the bricks to add as HOST:/PATH, are missing")
	case size == "":
		return parseAddBrick(args, f)
	case len(args) > 1 || f.replica != 0 || f.arbiter != 0:
		return api.VolumeExpandReq{}, usagef("either --size, or bricks and copies: gd2 makes the bricks of a size itself")
	case !plus:
		return api.VolumeExpandReq{}, usagef("--size %s: say by how much the volume grows, as +%s", size, size)
	}
	n, err := bytesize.Parse(more)
	if err != nil {
		return api.VolumeExpandReq{}, usagef("--size: %v", err)
	}
	return api.VolumeExpandReq{Size: uint64(n), DistributeCount: distribute}, nil
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
