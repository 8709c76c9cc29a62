package cmd

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

// wordGroup is gluster's word for setting the options of a group: volume set gv0 group virt.
const wordGroup = "group"

func newVolumeSet(a *app) *cobra.Command {
	var flags api.OptionFlags
	c := &cobra.Command{
		Use:   "set VOLUME|all OPTION VALUE [OPTION VALUE]...",
		Short: "Set options of a volume, or with all those of the pool",
		Long: `Set options of a volume, all of them or none. "set VOLUME group NAME" sets the options of a group; "set all" sets options of
the pool. "set help" explains every option, "set help OPTION" one of them.`,
		Example: `  glustercli volume set gv0 performance.cache-size 64MB
  glustercli volume set gv0 group virt
  glustercli volume set all cluster.brick-multiplex off`,
		Args: setArgs, ValidArgsFunction: a.complete(optionNames),
	}
	c.Flags().BoolVar(&flags.AllowAdvanced, "advanced", false, "accept advanced options")
	c.Flags().BoolVar(&flags.AllowExperimental, "experimental", false, "accept experimental options")
	c.Flags().BoolVar(&flags.AllowDeprecated, "deprecated", false, "accept deprecated options")
	c.RunE = a.do("volume set", func(ctx context.Context, args []string) error {
		if names, ok := asksHelp(args); ok {
			return a.optionHelp(ctx, names)
		}
		options, err := pairs(args[1:])
		if err != nil {
			return err
		}
		if args[0] == wordAll {
			return a.setCluster(ctx, "volume set: success", options)
		}
		if group, ok := options[wordGroup]; ok {
			delete(options, wordGroup)
			if err := a.expandGroup(ctx, group, options); err != nil {
				return err
			}
		}
		v, err := a.client.VolumeSet(ctx, args[0], api.VolumeOptionReq{Options: options, OptionFlags: flags})
		if err != nil {
			return err
		}
		return a.done(v, "volume set: success")
	})
	return c
}

// pairs reads options and their values in turn.
func pairs(args []string) (map[string]string, error) {
	if len(args)%2 != 0 {
		return nil, usagef("option %s has no value", quoted(args[len(args)-1]))
	}
	out := make(map[string]string, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		if old, ok := out[args[i]]; ok && old != args[i+1] {
			return nil, usagef("option %s is given twice: %s and %s", args[i], old, args[i+1])
		}
		out[args[i]] = args[i+1]
	}
	return out, nil
}

// expandGroup adds the options of a group to those given; what was given by name wins.
func (a *app) expandGroup(ctx context.Context, name string, into map[string]string) error {
	groups, err := a.client.OptionGroups(ctx)
	if err != nil {
		return err
	}
	var known []string
	for _, g := range groups {
		if g.Name == name || g.Name == "profile."+name {
			for _, o := range g.Options {
				if _, given := into[o.Name]; !given {
					into[o.Name] = o.OnValue
				}
			}
			return nil
		}
		known = append(known, g.Name)
	}
	return api.Errorf(api.NotFound, "there is no option group %s; the groups are %s", quoted(name), strings.Join(known, ", "))
}

func newVolumeGet(a *app) *cobra.Command {
	var modified bool
	c := &cobra.Command{
		Use: "get VOLUME|all [OPTION|all]", Short: "Show options of a volume, or of the pool, and their values", Args: wants(1, 2),
		ValidArgsFunction: a.complete(optionNames),
	}
	c.Flags().BoolVar(&modified, "modified", false, "only options that differ from their default")
	c.RunE = a.do("volume get", func(ctx context.Context, args []string) error {
		if args[0] == wordAll {
			return a.getCluster(ctx, args[1:])
		}
		options, err := a.options(ctx, args)
		if err != nil {
			return err
		}
		if modified {
			options = slices.DeleteFunc(options, func(o api.VolumeOption) bool { return !o.Modified })
		}
		return a.emit(oneOrAll(options, args[1:]), func(w io.Writer) {
			rows := make([][]string, 0, len(options))
			for _, o := range options {
				rows = append(rows, []string{o.Name, o.Value})
			}
			a.optionTable(w, rows)
		})
	})
	return c
}

func (a *app) options(ctx context.Context, args []string) ([]api.VolumeOption, error) {
	if named(args[1:]) {
		o, err := a.client.VolumeOption(ctx, args[0], args[1])
		return []api.VolumeOption{o}, err
	}
	return a.client.VolumeOptions(ctx, args[0])
}

// optionTable writes options as gluster does: the headers underlined, columns of 40.
func (a *app) optionTable(w io.Writer, rows [][]string) {
	if !a.noHeaders {
		rows = append([][]string{{"Option", "Value"}, {"------", "-----"}}, rows...)
	}
	for _, r := range rows {
		say(w, "%-39s %s\n", r[0], r[1])
	}
}

func newVolumeReset(a *app) *cobra.Command {
	var force, all bool
	c := &cobra.Command{
		Use: "reset VOLUME|all [OPTION]... [force]", Short: "Put options of a volume back to their defaults", Args: wants(1, -1),
		Long:              "Put options of a volume back to their defaults: those named, or every one. \"reset all\" is for the options of the pool.",
		ValidArgsFunction: a.complete(optionNames),
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "also options that are protected")
	c.Flags().BoolVar(&all, "all", false, "every option (the same as naming none)")
	c.RunE = a.do("volume reset", func(ctx context.Context, args []string) error {
		args = takeForce(args, &force)
		if args[0] == wordAll {
			return a.resetCluster(ctx, "volume reset: success: reset volume successful", args[1:])
		}
		req := api.VolumeOptionResetReq{Options: args[1:], Force: force}
		if len(req.Options) > 0 && all {
			return usagef("--all and the name of an option exclude each other")
		}
		var v api.VolumeInfo
		reset := func(ctx context.Context) (err error) {
			v, err = a.client.VolumeReset(ctx, args[0], req)
			return err
		}
		if len(req.Options) == 0 || slices.Equal(req.Options, []string{wordAll}) {
			req.All, req.Options = true, nil
			if err := a.confirmPlan(ctx, "resetting volume "+args[0]+" puts every option back to its default", reset); err != nil {
				return err
			}
		}
		if err := reset(ctx); err != nil {
			return err
		}
		return a.done(v, "volume reset: success: reset volume successful")
	})
	return c
}

func newVolumeEdit(a *app) *cobra.Command {
	var key, value string
	var del bool
	var metadata map[string]string
	c := &cobra.Command{
		Use: "edit-metadata VOLUME", Short: "Set or delete metadata of a volume", Args: wants(1, 1),
		ValidArgsFunction: a.complete(volumeNames()),
	}
	c.Flags().StringVar(&key, "key", "", "key to set or delete")
	c.Flags().StringVar(&value, "value", "", "value of the key")
	c.Flags().StringToStringVar(&metadata, "metadata", nil, "several at once, KEY=VALUE,...")
	c.Flags().BoolVar(&del, "delete", false, "delete instead of set")
	c.RunE = a.do("volume edit-metadata", func(ctx context.Context, args []string) error {
		req := api.VolumeEditReq{Metadata: map[string]string{}, DeleteMetadata: del}
		for k, v := range metadata {
			req.Metadata[k] = v
		}
		if key != "" {
			req.Metadata[key] = value
		}
		if len(req.Metadata) == 0 {
			return usagef("nothing to change: give --key or --metadata")
		}
		v, err := a.client.VolumeEdit(ctx, args[0], req)
		if err != nil {
			return err
		}
		return a.done(v, "volume edit-metadata: success")
	})
	return c
}
