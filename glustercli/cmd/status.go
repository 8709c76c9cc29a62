package cmd

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func (a *app) statusCmd() *cobra.Command {
	var code bool
	c := &cobra.Command{Use: "status", Aliases: []string{"health"}, Short: "Is the pool healthy?", Args: wants(0, 0)}
	c.Flags().BoolVar(&code, "exit-code", false, "exit with 1 when the pool is not healthy")
	c.RunE = a.do("status", func(ctx context.Context, _ []string) error {
		s, err := a.client.Status(ctx)
		if err != nil {
			return err
		}
		if err := a.emit(s, func(w io.Writer) { a.writePool(w, s) }); err != nil {
			return err
		}
		if code && !s.Healthy {
			return unhealthy{}
		}
		return nil
	})
	return c
}

func (a *app) writePool(w io.Writer, s api.PoolStatus) {
	word := a.colour("31", "NOT HEALTHY")
	if s.Healthy {
		word = a.colour("32", "HEALTHY")
	}
	say(w, "Pool %s: %s\n", s.ClusterID, word)
	for _, warning := range s.Warnings {
		say(w, "  %s %s\n", a.colour("33", "warning:"), warning)
	}
	online := 0
	for _, p := range s.Peers {
		if p.Online {
			online++
		}
	}
	say(w, "\nPeers: %d of %d connected\n", online, len(s.Peers))
	if len(s.Peers) > 0 {
		a.peerTable(w, s.Peers)
	}
	say(w, "\nVolumes: %d\n", len(s.Volumes))
	if len(s.Volumes) > 0 {
		rows := make([][]string, 0, len(s.Volumes))
		for _, v := range s.Volumes {
			rows = append(rows, []string{v.Name, v.Type, v.State, fmt.Sprintf("%d/%d", v.BricksOnline, v.BricksTotal)})
		}
		a.table(w, []string{"NAME", "TYPE", "STATE", "BRICKS ONLINE"}, rows)
	}
	if len(s.Pending) > 0 {
		say(w, "\nOperations: %d\n", len(s.Pending))
		rows := make([][]string, 0, len(s.Pending))
		for _, t := range s.Pending {
			rows = append(rows, []string{t.ID, t.Operation, t.State})
		}
		a.table(w, []string{"ID", "OPERATION", "STATE"}, rows)
	}
	voters := 0
	for _, m := range s.Store.Members {
		if m.Role == "voter" {
			voters++
		}
	}
	say(w, "\nStore: %s, leader %s, revision %d, %s\n",
		count(voters, "voter"), orDash(s.Store.Leader), s.Store.Revision, size(uint64(max(s.Store.DBBytes, 0))))
}

// colour paints a word on a terminal that may be painted on. The word alone says everything.
func (a *app) colour(code, word string) string {
	if !a.OutTerminal || a.Getenv(envNoColor) != "" || a.Getenv("TERM") == "dumb" {
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}
