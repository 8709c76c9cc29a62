package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func (a *app) clusterCmd() *cobra.Command {
	get := &cobra.Command{
		Use: "get [OPTION|all]", Short: "Show options of the pool", Args: wants(0, 1),
		ValidArgsFunction: a.complete(clusterOptionNames),
	}
	get.RunE = a.do("cluster get", a.getCluster)
	set := &cobra.Command{
		Use: "set OPTION VALUE [OPTION VALUE]...", Short: "Set options of the pool", Args: wants(2, -1),
		ValidArgsFunction: a.complete(clusterOptionNames),
	}
	set.RunE = a.do("cluster set", func(ctx context.Context, args []string) error {
		options, err := pairs(args)
		if err != nil {
			return err
		}
		return a.setCluster(ctx, "cluster set: success", options)
	})
	reset := &cobra.Command{
		Use: "reset [OPTION]...", Short: "Put options of the pool back to their defaults: those named, or every one", Args: wants(0, -1),
		ValidArgsFunction: a.complete(clusterOptionNames),
	}
	reset.RunE = a.do("cluster reset", func(ctx context.Context, args []string) error {
		return a.resetCluster(ctx, "cluster reset: success", args)
	})
	return group("cluster", "Options of the whole pool", get, set, reset)
}

// resetCluster puts options of the pool back to their defaults: those named, or every one.
func (a *app) resetCluster(ctx context.Context, success string, names []string) error {
	options := map[string]string{}
	if !named(names) {
		all, err := a.client.ClusterOptions(ctx)
		if err != nil {
			return err
		}
		names = nil
		for _, o := range all {
			if o.Modified {
				names = append(names, o.Key)
			}
		}
		if len(names) == 0 {
			return a.done(all, "%s", success)
		}
		if err := a.confirm(ctx, "every option of the pool is put back to its default"); err != nil {
			return err
		}
	}
	for _, name := range names {
		options[name] = ""
	}
	return a.setCluster(ctx, success, options)
}

func (a *app) setCluster(ctx context.Context, success string, options map[string]string) error {
	all, err := a.client.ClusterSet(ctx, options)
	if err != nil {
		return err
	}
	return a.done(all, "%s", success)
}

// getCluster shows the option of the pool that args name, or every one.
func (a *app) getCluster(ctx context.Context, args []string) error {
	all, err := a.client.ClusterOptions(ctx)
	if err != nil {
		return err
	}
	show := all
	if named(args) {
		show = nil
		for _, o := range all {
			if o.Key == args[0] {
				show = append(show, o)
			}
		}
		if len(show) == 0 {
			return api.Errorf(api.NotFound, "the pool has no option %s", quoted(args[0]))
		}
	}
	return a.emit(oneOrAll(show, args), func(w io.Writer) {
		rows := make([][]string, 0, len(show))
		for _, o := range show {
			rows = append(rows, []string{o.Key, o.Value})
		}
		a.optionTable(w, rows)
	})
}
