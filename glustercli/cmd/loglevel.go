package cmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func (a *app) logLevelCmd() *cobra.Command {
	c := &cobra.Command{
		Use: "log-level [LEVEL]", Short: "Show or change how much the daemon that answers writes to its log", Args: wants(0, 1),
		ValidArgs: []string{"trace", "debug", "info", "warning", "error"},
	}
	c.RunE = a.do("log-level", func(ctx context.Context, args []string) error {
		var l api.LogLevel
		var err error
		if len(args) == 0 {
			l, err = a.client.LogLevel(ctx)
		} else {
			l, err = a.client.SetLogLevel(ctx, args[0])
		}
		if err != nil {
			return err
		}
		return a.emit(l, func(w io.Writer) { say(w, "%s\n", l.Level) })
	})
	return c
}
