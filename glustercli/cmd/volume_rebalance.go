package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

const (
	verbStart  = "start"
	verbStop   = "stop"
	verbStatus = "status"
	verbCommit = "commit"
)

func newVolumeRebalance(a *app) *cobra.Command {
	var force, fixLayout bool
	c := &cobra.Command{
		Use:   "rebalance VOLUME [fix-layout] start [force] | stop | status",
		Short: "Spread the files of a volume over its bricks",
		Long: `Spread the files of a volume over its bricks, after bricks were added. Without force a file stays where it is if its new brick has
less room than the present one. With fix-layout no files are moved, but new ones use all bricks, in directories that exist too.`,
		Args: wants(2, 4), ValidArgsFunction: a.complete(volumeNames(verbStart, verbStop, verbStatus, api.RebalanceFixLayout)),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "move all files that are misplaced (with start)")
	c.Flags().BoolVar(&fixLayout, api.RebalanceFixLayout, false, "move no files (with start)")
	c.RunE = a.doOn("volume rebalance", func(ctx context.Context, args []string) error {
		verb, req, err := parseRebalance(takeForce(args, &force), fixLayout, force)
		if err != nil {
			return err
		}
		return a.rebalance(ctx, args[0], verb, req)
	})
	return c
}

// parseRebalance reads the words after the volume; glusterd2's order, the verb first, is known too.
func parseRebalance(args []string, fixLayout, force bool) (verb string, req api.RebalanceStartReq, err error) {
	words := slices.Clone(args[1:])
	if i := slices.Index(words, api.RebalanceFixLayout); i >= 0 {
		fixLayout = true
		words = slices.Delete(words, i, i+1)
	}
	switch {
	case len(words) != 1 || !slices.Contains([]string{verbStart, verbStop, verbStatus}, words[0]):
		return "", req, usagef("after the volume comes [fix-layout] start [force], stop or status")
	case fixLayout && force:
		return "", req, usagef("fix-layout moves no files: force does not go with it")
	case (fixLayout || force) && words[0] != verbStart:
		return "", req, usagef("fix-layout and force go with start")
	case fixLayout:
		req.Option = api.RebalanceFixLayout
	case force:
		req.Option = api.RebalanceForce
	}
	return words[0], req, nil
}

func (a *app) rebalance(ctx context.Context, volume, verb string, req api.RebalanceStartReq) error {
	switch verb {
	case verbStart:
		id, err := a.client.RebalanceStart(ctx, volume, req)
		if err != nil {
			return err
		}
		return a.done(id, "volume rebalance: %s: success: Rebalance on %s has been started successfully. Use rebalance status command "+
			"to check status of the rebalance process.\nID: %s", volume, volume, id)
	case verbStop:
		st, err := a.client.RebalanceStop(ctx, volume)
		if err != nil {
			return err
		}
		return a.emit(st, func(w io.Writer) { a.writeRebalance(w, st) })
	}
	st, err := a.client.RebalanceStatus(ctx, volume)
	if err != nil {
		return err
	}
	return a.emit(st, func(w io.Writer) {
		a.writeRebalance(w, st)
		say(w, "volume rebalance: %s: success\n", volume)
	})
}

// writeRebalance writes gluster's table, and an estimate of the time that is left where there is one.
func (a *app) writeRebalance(w io.Writer, st api.RebalanceStatus) {
	const row = "%40s %16s %13s %13s %13s %13s %20s %18s\n"
	if !a.noHeaders {
		say(w, row, "Node", "Rebalanced-files", "size", "scanned", "failures", "skipped", "status", "run time in h:m:s")
		say(w, row, "---------", "-----------", "-----------", "-----------", "-----------", "-----------", "------------", "--------------")
	}
	left := 0.0
	for _, n := range st.Nodes {
		bytes, _ := strconv.ParseUint(n.RebalancedSize, 10, 64) // a number of ours
		say(w, row, n.Host, n.RebalancedFiles, size(bytes), n.LookedupFiles, n.RebalanceFailures, n.SkippedFiles, n.Status, clock(n.ElapsedTime))
		if f, err := strconv.ParseFloat(n.TimeLeft, 64); err == nil {
			left = max(left, f)
		}
	}
	for _, n := range st.Nodes {
		if n.Error != "" {
			say(w, "%s: %s\n", n.Host, n.Error)
		}
	}
	if left > 0 {
		say(w, "Estimated time left for rebalance to complete : %8s\n", clock(fmt.Sprint(left)))
	}
}

// clock writes seconds as h:mm:ss.
func clock(seconds string) string {
	f, _ := strconv.ParseFloat(seconds, 64) // what is no number is nothing
	d := time.Duration(f * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}
