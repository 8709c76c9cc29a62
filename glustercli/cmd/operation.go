package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func (a *app) operationCmd() *cobra.Command {
	c := group("operation", "Changes in progress, and the last ones that ended",
		newOperationList(a), newOperationShow(a), newOperationWait(a), newOperationLogs(a),
		newOperationCancel(a), newOperationRetry(a), newOperationAbandon(a))
	c.Aliases = []string{"operations", "op", "transaction", "transactions", "txn"}
	return c
}

func newOperationList(a *app) *cobra.Command {
	var f client.OperationFilter
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the operations, the newest first", Args: wants(0, 0),
		Example: `  glustercli operation list --state pending
  glustercli operation list --volume gv0 --limit 20`,
	}
	s := c.Flags()
	s.StringVar(&f.State, "state", "", "only those in this state: pending, ended, running, forward, unwinding, stuck, done, failed or abandoned")
	s.StringVar(&f.Operation, "operation", "", "only this operation, such as volume.create, or all of volume")
	s.StringVar(&f.Peer, "peer", "", "only those in which the peer with this id takes part")
	s.StringVar(&f.Volume, "volume", "", "only those that change this volume")
	s.StringVar(&f.Lock, "lock", "", "only those that hold this lock")
	s.IntVar(&f.Limit, "limit", 0, "at most so many; 0: 100 of them")
	s.StringVar(&f.Cursor, "cursor", "", "go on after the operation with this id")
	completeWords(c, "state", "pending", "ended", api.OperationRunning, api.OperationForward, api.OperationUnwinding, api.OperationStuck,
		api.OperationDone, api.OperationFailed, api.OperationAbandoned)
	c.RunE = a.do("operation list", func(ctx context.Context, _ []string) error {
		list, err := a.client.Operations(ctx, f)
		if err != nil {
			return err
		}
		if err := a.emit(list, func(w io.Writer) { a.operationTable(w, list.Operations) }); err != nil {
			return err
		}
		if list.Next != "" && a.format() == formatTable {
			a.note("There are more: --cursor %s", list.Next)
		}
		return nil
	})
	return c
}

func (a *app) operationTable(w io.Writer, list []api.Operation) {
	rows := make([][]string, 0, len(list))
	for _, o := range list {
		rows = append(rows, []string{o.ID, o.Operation, o.State, orDash(o.StartedAt), orDash(strings.Join(o.Locks, ","))})
	}
	a.table(w, []string{"ID", "OPERATION", "STATE", "STARTED", "LOCKS"}, rows)
}

func newOperationShow(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "show OPERATION", Aliases: []string{"info"}, Short: "Show an operation, how far it is, and what went wrong on each peer",
		Args: wants(1, 1), ValidArgsFunction: a.complete(operationIDs),
	}
	c.RunE = a.do("operation show", func(ctx context.Context, args []string) error {
		o, err := a.client.Operation(ctx, args[0])
		if err != nil {
			return err
		}
		return a.emit(o, func(w io.Writer) { writeOperation(w, o) })
	})
	return c
}

func writeOperation(w io.Writer, o api.Operation) {
	asked := ""
	if o.RequestedBy != nil {
		asked = fmt.Sprintf("%s, from %s", o.RequestedBy.User, o.RequestedBy.From)
	}
	for _, l := range [][2]string{
		{"Operation", o.ID}, {"What", o.Operation}, {"State", o.State}, {"Step", stepText(o)}, {"Coordinator", o.Coordinator},
		{"Requested by", asked}, {"Started", o.StartedAt}, {"Ended", o.EndedAt}, {"Peers", strings.Join(o.Peers, ", ")},
		{"Locks", strings.Join(o.Locks, ", ")}, {"Error", o.Error},
	} {
		if l[1] != "" {
			say(w, "%s: %s\n", l[0], l[1])
		}
	}
	for _, p := range o.Progress {
		say(w, "Progress of %s: %s\n", p.PeerID, strings.Join(noted(p), "; "))
	}
	for _, p := range slices.Sorted(maps.Keys(o.PeerErrors)) {
		say(w, "Error on %s: %s\n", p, o.PeerErrors[p])
	}
	for _, act := range o.Acts {
		say(w, "%s at %s by %s, from %s\n", strings.ToUpper(act.Act[:1])+act.Act[1:], act.At, orDash(act.User), orDash(act.From))
	}
}

func newOperationWait(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "wait OPERATION", Short: "Wait until an operation has ended; it fails if the operation does",
		Long: "Wait until an operation has ended, and show how far it is meanwhile. The command fails if the operation does, or is stuck.\n" +
			"Ctrl-C ends only the waiting.",
		Args: wants(1, 1), ValidArgsFunction: a.complete(operationIDs),
	}
	c.RunE = a.do("operation wait", func(ctx context.Context, args []string) error {
		if a.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, a.timeout)
			defer cancel()
		}
		o, err := a.client.Wait(ctx, args[0])
		if err != nil {
			return err
		}
		return a.done(o, "operation wait: %s: success: %s is done", o.ID, o.Operation)
	})
	return c
}

func newOperationLogs(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "logs OPERATION", Aliases: []string{"log"}, Short: "Show what the peers have logged about an operation",
		Long: "Show what the peers have logged about an operation, by time. A peer remembers the last lines of the last operations until its\n" +
			"daemon restarts; its log file has more.",
		Args: wants(1, 1), ValidArgsFunction: a.complete(operationIDs),
	}
	c.RunE = a.do("operation logs", func(ctx context.Context, args []string) error {
		logs, err := a.client.OperationLogs(ctx, args[0])
		if err != nil {
			return err
		}
		for _, p := range slices.Sorted(maps.Keys(logs.Missing)) {
			a.note("operation logs: nothing from peer %s: %s", p, logs.Missing[p])
		}
		return a.emit(logs, func(w io.Writer) {
			for _, l := range logs.Lines {
				step := l.Step
				if step != "" {
					step = " " + step + ":"
				}
				say(w, "%s %.8s %s%s %s\n", l.At, l.PeerID, l.Level, step, l.Message)
			}
		})
	})
	return c
}

// decision is a command by which somebody decides about an operation, after it was said what that will do.
func (a *app) decision(use, short string, what func(api.Operation) string, decide func(context.Context, string) (api.Operation, error)) *cobra.Command {
	c := &cobra.Command{Use: use + " OPERATION", Short: short, Args: wants(1, 1), ValidArgsFunction: a.complete(operationIDs)}
	c.RunE = a.do("operation "+use, func(ctx context.Context, args []string) error {
		o, err := a.client.Operation(ctx, args[0])
		if err != nil {
			return err
		}
		act := func(ctx context.Context) (err error) {
			o, err = decide(ctx, args[0])
			return err
		}
		if err := a.confirmPlan(ctx, what(o), act); err != nil {
			return err
		}
		if err := act(ctx); err != nil {
			return err
		}
		return a.done(o, "operation %s: success: now %s", use, o.State)
	})
	return c
}

func newOperationCancel(a *app) *cobra.Command {
	return a.decision("cancel", "Undo an operation that runs", func(o api.Operation) string {
		return "cancelling operation " + o.ID + " (" + o.Operation + ") undoes what it has done on " + count(len(o.Peers), "peer")
	}, func(ctx context.Context, id string) (api.Operation, error) { return a.client.OperationCancel(ctx, id) })
}

func newOperationRetry(a *app) *cobra.Command {
	c := a.decision("retry", "Make an operation that is stuck or waits try again at once", nil, nil)
	c.RunE = a.do("operation retry", func(ctx context.Context, args []string) error {
		o, err := a.client.Operation(ctx, args[0])
		if err != nil {
			return err
		}
		a.note("%s", retryText(o))
		if o, err = a.client.OperationRetry(ctx, args[0]); err != nil {
			return err
		}
		return a.done(o, "operation retry: success: now %s", o.State)
	})
	return c
}

// retryText says what a retry will do. It asks nothing: the operation would do the same by itself if it were not stuck.
func retryText(o api.Operation) string {
	what := "undo what is left of it"
	if o.Forward {
		what = "do what is left of it: it is past the point from which it could be undone"
	}
	text := fmt.Sprintf("operation %s (%s) will try again to %s", o.ID, o.Operation, what)
	if len(o.PeerErrors) > 0 {
		text += ", on " + strings.Join(slices.Sorted(maps.Keys(o.PeerErrors)), ", ")
	}
	return text
}

func newOperationAbandon(a *app) *cobra.Command {
	return a.decision("abandon", "Give an operation up that cannot end, and release its locks", abandonText,
		func(ctx context.Context, id string) (api.Operation, error) { return a.client.OperationAbandon(ctx, id) })
}

// abandonText says what it means to give an operation up.
func abandonText(o api.Operation) string {
	text := fmt.Sprintf("abandoning operation %s (%s) leaves what it did on the peers as it is", o.ID, o.Operation)
	if len(o.PeerErrors) > 0 {
		text += ", above all on " + strings.Join(slices.Sorted(maps.Keys(o.PeerErrors)), ", ")
	}
	if len(o.Locks) > 0 {
		text += ", and releases " + strings.Join(o.Locks, ", ")
	}
	return text + "; the records stay as they were before it"
}
