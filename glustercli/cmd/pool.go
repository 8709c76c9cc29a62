package cmd

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func (a *app) poolCmd() *cobra.Command {
	return group("pool", "The trusted storage pool and how it keeps its records", newPoolList(a), newPoolStatus(a), newPoolBackup(a), newPoolSnapshots(a))
}

func newPoolList(a *app) *cobra.Command {
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List every peer of the pool, as gluster does", Args: wants(0, 0)}
	c.RunE = a.do("pool list", func(ctx context.Context, _ []string) error {
		peers, err := a.client.Peers(ctx, client.Filter{})
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(peers, nil), func(w io.Writer) {
			var rows [][]string
			for _, p := range peers {
				host := peerHost(p)
				if p.ID == a.client.PeerID() {
					host = "localhost"
				}
				rows = append(rows, []string{p.ID, host, connected(p)})
			}
			a.table(w, []string{"UUID", "Hostname", "State"}, rows)
		})
	})
	return c
}

func newPoolStatus(a *app) *cobra.Command {
	var code bool
	c := &cobra.Command{
		Use: "status", Short: "Who keeps the records of the pool, and what their loss would mean", Args: wants(0, 0),
		Long: `Show the voters and learners of the store, its leader, size and health in words. A peer that is cut off from the others
answers too, and says what it waits for.`,
	}
	c.Flags().BoolVar(&code, "exit-code", false, "exit with 1 when the pool is not healthy")
	c.RunE = a.do("pool status", func(ctx context.Context, _ []string) error {
		p, err := a.client.Pool(ctx)
		if err != nil {
			return err
		}
		if err := a.emit(p, func(w io.Writer) { a.writeStore(w, p) }); err != nil {
			return err
		}
		if code && !p.Healthy {
			return unhealthy{}
		}
		return nil
	})
	return c
}

func (a *app) writeStore(w io.Writer, p api.Pool) {
	word := a.colour("31", "NOT HEALTHY")
	if p.Healthy {
		word = a.colour("32", "HEALTHY")
	}
	say(w, "Pool %s: %s\n", p.ClusterID, word)
	if p.Health != "" {
		say(w, "  %s\n", p.Health)
	}
	for _, warning := range p.Warnings {
		if warning != p.Health {
			say(w, "  %s %s\n", a.colour("33", "warning:"), warning)
		}
	}
	if p.Waiting != "" {
		say(w, "  This peer is %s.\n", p.Waiting)
	}
	say(w, "\nPeers: %d of %d connected\n", p.PeersOnline, p.Peers)
	say(w, "Store: %s wanted", count(p.VotersWanted, "voter"))
	if p.LearnersWanted > 0 {
		say(w, " and %s", count(p.LearnersWanted, "learner"))
	}
	say(w, "; term %d, revision %d\n", p.Store.Term, p.Store.Revision)
	say(w, "Database: %s on disk, %s in use", bytesOf(p.Store.DBBytes), bytesOf(p.Store.DBInUseBytes))
	if p.Store.QuotaBytes > 0 {
		say(w, ", %d %% of its quota of %s", p.Store.DBBytes*100/p.Store.QuotaBytes, bytesOf(p.Store.QuotaBytes))
	}
	say(w, "\n")
	if p.Store.LastSnapshot != "" {
		say(w, "Last local snapshot: %s\n", p.Store.LastSnapshot)
	}
	rows := make([][]string, 0, len(p.Members))
	for _, m := range p.Members {
		rows = append(rows, memberRow(m))
	}
	if len(rows) > 0 {
		say(w, "\n")
		a.table(w, []string{"NAME", "ID", "ROLE", "STATE", "LAG", "DATABASE", "ZONE"}, rows)
	}
}

func memberRow(m api.PoolMember) []string {
	role, state, lag, db := m.Role, "reachable", fmt.Sprint(m.Lag), bytesOf(m.DBBytes)
	if m.Leader {
		role = "leader"
	}
	if !m.Reachable {
		state, lag, db = "unreachable", "-", "-"
	}
	return []string{orDash(m.Name), orDash(m.PeerID), role, state, lag, db, orDash(m.Zone)}
}

func bytesOf(n int64) string { return size(uint64(max(n, 0))) }
