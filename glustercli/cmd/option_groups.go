package cmd

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func newOptionGroups(a *app) *cobra.Command {
	c := group("options-group", "Named sets of options that are set together", newGroupList(a), newGroupCreate(a), newGroupDelete(a))
	c.Aliases = []string{"option-group", "groups"}
	return c
}

func newGroupList(a *app) *cobra.Command {
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the option groups", Args: wants(0, 0)}
	c.RunE = a.do("volume options-group list", func(ctx context.Context, _ []string) error {
		groups, err := a.client.OptionGroups(ctx)
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(groups, nil), func(w io.Writer) {
			rows := make([][]string, 0, len(groups))
			for _, g := range groups {
				rows = append(rows, []string{g.Name, fmt.Sprint(len(g.Options)), g.Description})
			}
			a.table(w, []string{"NAME", "OPTIONS", "DESCRIPTION"}, rows)
		})
	})
	return c
}

func newGroupCreate(a *app) *cobra.Command {
	var description string
	c := &cobra.Command{
		Use: "create NAME OPTION VALUE [OPTION VALUE]...", Short: "Create an option group", Args: wants(3, -1),
		Example: "  glustercli volume options-group create fast performance.cache-size 1GB performance.io-thread-count 32",
	}
	c.Flags().StringVar(&description, "description", "", "what the group is for")
	c.RunE = a.do("volume options-group create", func(ctx context.Context, args []string) error {
		if _, err := pairs(args[1:]); err != nil {
			return err
		}
		req := api.OptionGroupReq{OptionGroup: api.OptionGroup{Name: args[0], Description: description}}
		for i := 1; i < len(args); i += 2 {
			req.Options = append(req.Options, api.GroupOption{Name: args[i], OnValue: args[i+1]})
		}
		g, err := a.client.OptionGroupCreate(ctx, req)
		if err != nil {
			return err
		}
		return a.done(g, "volume options-group create: %s: success", args[0])
	})
	return c
}

func newGroupDelete(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "delete NAME", Aliases: []string{"remove", "rm"}, Short: "Delete an option group; volumes keep what it set",
		Args: wants(1, 1),
	}
	c.RunE = a.do("volume options-group delete", func(ctx context.Context, args []string) error {
		if err := a.client.OptionGroupDelete(ctx, args[0]); err != nil {
			return err
		}
		return a.done(nil, "volume options-group delete: %s: success", args[0])
	})
	return c
}
