package cmd

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
)

func (a *app) transactionCmd() *cobra.Command {
	c := group("transaction", "Changes in progress, and the last ones that ended",
		newTransactionList(a), newTransactionShow(a), newTransactionRetry(a), newTransactionAbandon(a))
	c.Aliases = []string{"transactions", "txn"}
	return c
}

func newTransactionList(a *app) *cobra.Command {
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List the transactions", Args: wants(0, 0)}
	c.RunE = a.do("transaction list", func(ctx context.Context, _ []string) error {
		list, err := a.client.Transactions(ctx)
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(list, nil), func(w io.Writer) {
			rows := make([][]string, 0, len(list))
			for _, t := range list {
				rows = append(rows, []string{t.ID, t.Operation, t.State, orDash(t.StartedAt), orDash(strings.Join(t.Locks, ","))})
			}
			a.table(w, []string{"ID", "OPERATION", "STATE", "STARTED", "LOCKS"}, rows)
		})
	})
	return c
}

func newTransactionShow(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "show TRANSACTION", Aliases: []string{"info"}, Short: "Show a transaction and what went wrong on each peer",
		Args: wants(1, 1), ValidArgsFunction: a.complete(transactionIDs),
	}
	c.RunE = a.do("transaction show", func(ctx context.Context, args []string) error {
		t, err := a.client.Transaction(ctx, args[0])
		if err != nil {
			return err
		}
		return a.emit(t, func(w io.Writer) { writeTransaction(w, t) })
	})
	return c
}

func writeTransaction(w io.Writer, t api.Transaction) {
	for _, l := range [][2]string{
		{"Transaction", t.ID}, {"Operation", t.Operation}, {"State", t.State}, {"Coordinator", t.Coordinator},
		{"Started", t.StartedAt}, {"Peers", strings.Join(t.Peers, ", ")}, {"Locks", strings.Join(t.Locks, ", ")}, {"Error", t.Error},
	} {
		if l[1] != "" {
			say(w, "%s: %s\n", l[0], l[1])
		}
	}
	for _, p := range slices.Sorted(maps.Keys(t.PeerErrors)) {
		say(w, "Error on %s: %s\n", p, t.PeerErrors[p])
	}
}

func newTransactionRetry(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "retry TRANSACTION", Short: "Make a stuck transaction try again", Args: wants(1, 1),
		ValidArgsFunction: a.complete(transactionIDs),
	}
	c.RunE = a.do("transaction retry", func(ctx context.Context, args []string) error {
		t, err := a.client.TransactionRetry(ctx, args[0])
		if err != nil {
			return err
		}
		return a.done(t, "transaction retry: success: now %s", t.State)
	})
	return c
}

func newTransactionAbandon(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "abandon TRANSACTION", Short: "Give a stuck transaction up and release its locks", Args: wants(1, 1),
		ValidArgsFunction: a.complete(transactionIDs),
	}
	c.RunE = a.do("transaction abandon", func(ctx context.Context, args []string) error {
		var t api.Transaction
		abandon := func(ctx context.Context) (err error) {
			t, err = a.client.TransactionAbandon(ctx, args[0])
			return err
		}
		if err := a.confirmPlan(ctx, "abandoning transaction "+args[0]+" leaves what it did on the peers as it is", abandon); err != nil {
			return err
		}
		if err := abandon(ctx); err != nil {
			return err
		}
		return a.done(t, "transaction abandon: success")
	})
	return c
}
