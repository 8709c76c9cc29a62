package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

// wordCommit ends the words of gluster for a change of bricks that is made now.
const wordCommit = "commit"

func newVolumeReplaceBrick(a *app) *cobra.Command {
	var f createFlags
	c := &cobra.Command{
		Use:   "replace-brick VOLUME OLD_HOST:/PATH [NEW_HOST:/PATH] [commit [force]]",
		Short: "Put another brick in the place of one; its files are healed from the others",
		Long: `Put another brick in the place of one of a replicate or disperse volume. The new brick gets its files from the others of its set,
by the self-heal daemons. The old one is stopped and can be used for something else; its files stay on it, unless gd2 made it.
For a brick that gd2 made the new place may be left out: gd2 chooses another device, by the rules that the volume was made by.`,
		Example: `  glustercli volume replace-brick gv0 node3:/data/b node4:/data/b commit force
  glustercli volume replace-brick gv1 node3:/run/gd2/bricks/7c1e/brick`,
		Args: wants(2, 5), ValidArgsFunction: a.complete(volumeNames(wordCommit, wordForce)),
	}
	f.registerBricks(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		req, err := parseReplaceBrick(args, f)
		if err != nil {
			return asUsage(err)
		}
		return a.doOn("volume replace-brick", func(ctx context.Context, args []string) error {
			v, err := a.client.VolumeReplaceBrick(ctx, args[0], req)
			if err != nil {
				return err
			}
			a.note("volume replace-brick: %s: the new brick is being healed: volume heal %s info shows what is left", args[0], args[0])
			return a.done(v, "volume replace-brick: success: replace-brick commit force operation successful")
		})(cmd, args)
	}
	return c
}

// parseReplaceBrick turns the arguments, the volume first, into a request.
func parseReplaceBrick(args []string, f createFlags) (api.ReplaceBrickReq, error) {
	from, err := parseBrick(args[1])
	if err != nil {
		return api.ReplaceBrickReq{}, err
	}
	rest, to := args[2:], api.BrickReq{}
	if len(rest) > 0 && strings.Contains(rest[0], ":") {
		if to, err = parseBrick(rest[0]); err != nil {
			return api.ReplaceBrickReq{}, err
		}
		rest = rest[1:]
	}
	force, err := commitWords(rest)
	return api.ReplaceBrickReq{
		SrcPeerID: from.PeerID, SrcPath: from.Path, DestPeerID: to.PeerID, DestPath: to.Path, Force: f.force || force, Flags: f.brickFlags(),
	}, err
}

// commitWords reads nothing, commit, or commit force.
func commitWords(words []string) (force bool, err error) {
	switch {
	case len(words) == 0 || slices.Equal(words, []string{wordCommit}):
		return false, nil
	case slices.Equal(words, []string{wordCommit, wordForce}):
		return true, nil
	}
	return false, usagef("%s is not understood; after the bricks comes nothing, commit, or commit force", quoted(strings.Join(words, " ")))
}

func newVolumeResetBrick(a *app) *cobra.Command {
	var f createFlags
	c := &cobra.Command{
		Use:   "reset-brick VOLUME HOST:/PATH {start | HOST:/PATH commit [force]}",
		Short: "Take a brick out of service, and make it anew at the same place",
		Long: `Take a brick of a replicate or disperse volume out of service (start), so that its disk can be exchanged or its directory
emptied, and then make it anew at the same place (commit): its files are healed from the others of its set.`,
		Example: `  glustercli volume reset-brick gv0 node3:/data/b start
  glustercli volume reset-brick gv0 node3:/data/b node3:/data/b commit force`,
		Args: wants(3, 5), ValidArgsFunction: a.complete(volumeNames("start", wordCommit, wordForce)),
	}
	f.registerBricks(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		req, start, err := parseResetBrick(args, f)
		if err != nil {
			return asUsage(err)
		}
		return a.doOn("volume reset-brick", func(ctx context.Context, args []string) error { return a.resetBrick(ctx, args[0], req, start) })(cmd, args)
	}
	return c
}

// parseResetBrick turns the arguments, the volume first, into a request; start tells which of the two.
func parseResetBrick(args []string, f createFlags) (req api.ResetBrickReq, start bool, err error) {
	b, err := parseBrick(args[1])
	req = api.ResetBrickReq{PeerID: b.PeerID, Path: b.Path, Force: f.force, Flags: f.brickFlags()}
	if err != nil || args[2] == "start" && len(args) == 3 {
		return req, true, err
	}
	rest := args[2:]
	if strings.Contains(rest[0], ":") {
		if rest[0] != args[1] {
			return req, false, usagef("%s is another brick than %s: use replace-brick", quoted(rest[0]), quoted(args[1]))
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return req, false, usagef("start or commit is missing")
	}
	force, err := commitWords(rest)
	req.Force = req.Force || force
	return req, false, err
}

func (a *app) resetBrick(ctx context.Context, volume string, req api.ResetBrickReq, start bool) error {
	if start {
		v, err := a.client.VolumeResetBrickStart(ctx, volume, req)
		if err != nil {
			return err
		}
		return a.done(v, "volume reset-brick: success: reset-brick start operation successful")
	}
	v, err := a.client.VolumeResetBrickCommit(ctx, volume, req)
	if err != nil {
		return err
	}
	a.note("volume reset-brick: %s: the brick is being healed: volume heal %s info shows what is left", volume, volume)
	return a.done(v, "volume reset-brick: success: reset-brick commit operation successful")
}
