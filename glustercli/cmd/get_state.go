package cmd

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) getStateCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "get-state", Short: "Write all that is known of the pool and of what runs in it, as JSON", Args: wants(0, 0),
		Long:    "Write all that is known of the pool and of what runs in it, as JSON: peers, options, volumes with their bricks, daemons and tasks, operations that have\nnot ended, the store. What could not be asked is said in its place.",
		Example: `  glustercli get-state >state.json`,
	}
	c.RunE = a.do("get-state", func(ctx context.Context, _ []string) error {
		st, err := a.client.State(ctx)
		if err != nil {
			return err
		}
		a.json = a.format() != formatYAML
		return a.emit(st, nil)
	})
	return c
}
