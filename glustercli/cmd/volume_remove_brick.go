package cmd

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newVolumeRemoveBrick(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "remove-brick VOLUME [replica N] [HOST:/PATH...] start | status | stop | commit | force", Aliases: []string{"shrink"},
		Short: "Remove bricks from a volume, after their files have been moved, or copies",
		Long: `Remove bricks from a volume. start has the files of whole subvolumes moved to the others while the volume is in use; status tells how
far that is, commit removes the bricks when it has ended, stop keeps them. For these three the bricks need not be named again. With
a replica count that is lower than the present one copies are removed from each subvolume: that is done at once, with force. Without
a replica count force removes the bricks with the files on them.`,
		Example: `  glustercli volume remove-brick gv0 node4:/data/b start
  glustercli volume remove-brick gv0 node4:/data/b commit
  glustercli volume remove-brick gv1 replica 2 node3:/data/b force`,
		Args: wants(2, -1), ValidArgsFunction: a.complete(volumeNames(wordReplica, verbStart, verbStatus, verbStop, verbCommit, wordForce)),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		verb, req, err := parseRemoveBrick(args)
		if err != nil {
			return asUsage(err)
		}
		return a.doOn("volume remove-brick "+verb, func(ctx context.Context, args []string) error { return a.removeBrick(ctx, args[0], verb, req) })(cmd, args)
	}
	return c
}

// parseRemoveBrick turns the arguments, the volume first and the verb last, into a request.
func parseRemoveBrick(args []string) (verb string, req api.VolumeShrinkReq, err error) {
	words, verb := args[1:len(args)-1], args[len(args)-1]
	if !slices.Contains([]string{verbStart, verbStatus, verbStop, verbCommit, wordForce}, verb) {
		return "", req, usagef("the last word is start, status, stop, commit or force, not %s", quoted(verb))
	}
	var f createFlags
	if len(words) > 0 {
		if req.Bricks, err = f.words(words); err != nil {
			return "", req, err
		}
	}
	req.ReplicaCount, req.Force = f.replica, verb == wordForce
	switch {
	case f.arbiter > 0 || f.dispersed || f.data > 0 || f.redundancy > 0 || f.transport != "" || f.force:
		return "", req, usagef("only replica N and bricks go before %s", verb)
	case len(req.Bricks) == 0 && (verb == verbStart || verb == wordForce):
		return "", req, usagef("%s needs the bricks, as HOST:/PATH", verb)
	case req.ReplicaCount > 0 && verb != verbStart && verb != wordForce:
		return "", req, usagef("replica does not go with %s", verb)
	}
	return verb, req, nil
}

func (a *app) removeBrick(ctx context.Context, volume, verb string, req api.VolumeShrinkReq) error {
	switch verb {
	case verbStart:
		id, err := a.client.ShrinkStart(ctx, volume, req)
		if err != nil {
			return err
		}
		return a.done(id, "volume remove-brick start: success\nID: %s", id)
	case verbStatus, verbStop:
		st, err := a.removeBrickStatus(ctx, volume, verb, req)
		if err != nil {
			return err
		}
		return a.emit(st, func(w io.Writer) { a.writeRebalance(w, st) })
	}
	why, remove := removals(volume, req), a.client.VolumeShrink
	if verb == verbCommit {
		remove = a.client.ShrinkCommit
	}
	var v api.VolumeInfo
	act := func(ctx context.Context) (err error) {
		v, err = remove(ctx, volume, req)
		return err
	}
	if err := a.confirmPlan(ctx, why, act); err != nil {
		return err
	}
	if err := act(ctx); err != nil {
		return err
	}
	return a.done(v, "volume remove-brick %s: success", verb)
}

func (a *app) removeBrickStatus(ctx context.Context, volume, verb string, req api.VolumeShrinkReq) (api.RebalanceStatus, error) {
	if verb == verbStop {
		return a.client.ShrinkStop(ctx, volume, req)
	}
	return a.client.ShrinkStatus(ctx, volume)
}

// removals says what a removal does, for whoever is asked.
func removals(volume string, req api.VolumeShrinkReq) string {
	names := make([]string, len(req.Bricks))
	for i, b := range req.Bricks {
		names[i] = b.PeerID + ":" + b.Path
	}
	what := strings.Join(names, ", ")
	switch {
	case !req.Force:
		return "the bricks of volume " + volume + " whose files have been moved are removed"
	case req.ReplicaCount > 0:
		return what + " are removed from volume " + volume + ", whose files have fewer copies then"
	}
	return what + " are removed from volume " + volume + " with all files that are on them"
}
