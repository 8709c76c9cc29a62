package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeCreate(a *app) *cobra.Command {
	var f createFlags
	c := &cobra.Command{
		Use:   "create VOLUME [replica N [arbiter 1]] [disperse [N]] [disperse-data N] [redundancy N] [transport tcp] {HOST:/PATH... | --size SIZE} [force]",
		Short: "Create a volume from bricks, or of a size",
		Long: `Create a volume from bricks, or of a size: then gd2 makes the bricks, on devices that it chooses (device add). A brick is a directory on a peer, HOST:/PATH; the bricks are grouped in the order given:
with replica 3, the first three hold the same files. Without replica and disperse the files are spread over all bricks.
The words of the form and the flags of the same names mean the same.`,
		Example: `  glustercli volume create gv0 replica 3 node1:/data/b node2:/data/b node3:/data/b
  glustercli volume create gv1 replica 2 arbiter 1 node1:/data/b1 node2:/data/b1 node3:/data/b1
  glustercli volume create gv2 disperse 6 redundancy 2 node{1..6}:/data/b2
  glustercli volume create gv3 --replica 2 --options cluster.quorum-type:auto node{1..4}:/data/b3
  glustercli volume create gv4 --size 10GiB replica 3`,
		Args: wants(1, -1),
	}
	f.register(c)
	c.ValidArgsFunction = a.complete(createWords)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		req, err := parseCreate(args, f)
		if err != nil {
			return asUsage(err)
		}
		return a.doOn("volume create", func(ctx context.Context, _ []string) error { return a.create(ctx, req) })(cmd, args)
	}
	return c
}

func (a *app) create(ctx context.Context, req api.VolumeCreateReq) error {
	if copies, arbiters := copiesOf(req); copies == 2 && arbiters == 0 {
		a.note("volume create: %s: warning: with two copies and no arbiter, copies can come to contradict each other "+
			"(split-brain); replica 3 or an arbiter prevents it", req.Name)
	}
	v, err := a.client.VolumeCreate(ctx, req)
	if err != nil {
		return err
	}
	return a.done(v, "volume create: %s: success: please start the volume to access data", req.Name)
}

// copiesOf returns how many copies and arbiters each subvolume of a request has.
func copiesOf(req api.VolumeCreateReq) (copies, arbiters int) {
	if len(req.Subvols) == 0 {
		return req.ReplicaCount, req.ArbiterCount
	}
	return req.Subvols[0].ReplicaCount, req.Subvols[0].ArbiterCount
}

func (f *createFlags) register(c *cobra.Command) {
	f.registerCopies(c)
	f.registerBricks(c)
	s := c.Flags()
	s.IntVar(&f.disperse, "disperse", 0, "bricks that share the coded pieces of each file")
	s.IntVar(&f.data, "disperse-data", 0, "of these, how many are needed to read a file")
	s.IntVar(&f.redundancy, "redundancy", 0, "of these, how many may be lost")
	f.sized.register(c)
	s.StringVar(&f.transport, "transport", "", "only tcp")
	s.StringToStringVar(&f.metadata, "metadata", nil, "metadata of the volume, KEY=VALUE,...")
	s.StringSliceVar(&f.options, "options", nil, "options of the volume, NAME:VALUE,...")
	s.BoolVar(&f.AllowAdvanced, "allow-advanced-options", false, "accept advanced options")
	s.BoolVar(&f.AllowExperimental, "allow-experimental-options", false, "accept experimental options")
	s.BoolVar(&f.AllowDeprecated, "allow-deprecated-options", false, "accept deprecated options")
}

// registerCopies registers what says how many copies there are.
func (f *createFlags) registerCopies(c *cobra.Command) {
	c.Flags().IntVar(&f.replica, "replica", 0, "copies of each file, the arbiter included or not")
	c.Flags().IntVar(&f.arbiter, "arbiter", 0, "1: the third brick of each set holds only names and metadata")
}

// registerBricks registers what lifts the guards on bricks.
func (f *createFlags) registerBricks(c *cobra.Command) {
	s := c.Flags()
	s.BoolVarP(&f.force, "force", "f", false, "lift the guards on bricks, and on copies that share a peer")
	s.BoolVar(&f.reuse, api.FlagReuseBricks, false, "accept bricks that belonged to another volume")
	s.BoolVar(&f.rootDir, api.FlagAllowRootDir, false, "accept bricks on the root filesystem")
	s.BoolVar(&f.mount, api.FlagAllowMountAsBrick, false, "accept a mount point itself as a brick")
	s.BoolVar(&f.createDir, api.FlagCreateBrickDir, false, "create the directories of the bricks")
}
