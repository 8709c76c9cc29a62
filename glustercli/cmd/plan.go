package cmd

import (
	"context"
	"errors"
	"io"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// wordNew is the value of --if-match for what must not exist yet.
const wordNew = "!*"

// requests returns the context for requests, as the flags want them.
func (a *app) requests(ctx context.Context) context.Context {
	if a.dryRun {
		ctx = client.DryRun(ctx)
	}
	switch a.ifMatch {
	case "":
	case wordNew:
		ctx = client.IfNew(ctx)
	default:
		ctx = client.IfMatch(ctx, a.ifMatch)
	}
	if a.showTag {
		ctx = client.WithTag(ctx, &a.tag)
	}
	return ctx
}

// shownTag ends a command with the tag of its last answer, if that is wanted.
func (a *app) shownTag(err error) error {
	if err == nil && a.showTag && a.tag != "" {
		say(a.Err, "%s\n", a.tag)
	}
	return err
}

// planned shows the plan that a command has ended with because of --dry-run. Any other error is returned as it is.
func (a *app) planned(err error) error {
	p, ok := client.IsPlanned(err)
	switch {
	case ok:
		return a.emit(p.Plan, func(w io.Writer) {
			say(w, "Plan of %s; nothing was changed\n", p.Plan.Operation)
			writePlan(w, p.Plan)
		})
	case err == nil && a.dryRun:
		a.note("nothing would be changed")
	}
	return err
}

// confirmPlan is confirm for a change that can be planned: run makes its request. Whoever is asked sees the plan first, and
// what the pool would refuse is not asked about.
func (a *app) confirmPlan(ctx context.Context, consequence string, run func(ctx context.Context) error) error {
	if a.yes || a.dryRun || !a.CanAsk {
		return a.confirm(ctx, consequence)
	}
	plan, err := client.PlanOf(ctx, run)
	switch {
	case err == nil:
		writePlan(a.Err, plan)
	case !api.IsKind(err, api.NotSupported):
		return err
	}
	return a.confirm(ctx, consequence)
}

// writePlan writes a plan as a tree.
func writePlan(w io.Writer, p api.OperationPlan) {
	for i, s := range p.Steps {
		final := ""
		if s.Irreversible {
			final = "  (from here on there is no way back)"
		}
		say(w, "%d. %s%s\n", i+1, s.Name, final)
		for _, on := range s.Peers {
			say(w, "   on %s\n", hostOf(on))
			if len(on.Effects) == 0 {
				say(w, "     nothing that lasts\n")
			}
			writeEffects(w, "     ", on.Effects)
		}
	}
	if len(p.Records) > 0 {
		say(w, "Records of the pool\n")
		writeEffects(w, "     ", p.Records)
	}
	writeLines(w, "Locked meanwhile", p.Locks)
	writeLines(w, "Cannot be undone", p.Irreversible)
	writeLines(w, "Warnings", p.Warnings)
}

func hostOf(on api.PlanPeer) string {
	if on.Host == "" {
		return on.PeerID
	}
	return on.Host
}

func writeEffects(w io.Writer, indent string, effects []api.Effect) {
	for _, e := range effects {
		more := []string{}
		if e.Bytes > 0 {
			more = append(more, size(e.Bytes))
		}
		if e.Note != "" {
			more = append(more, e.Note)
		}
		tail := ""
		if len(more) > 0 {
			tail = "  (" + strings.Join(more, "; ") + ")"
		}
		say(w, "%s%-8s%s %s%s\n", indent, e.Action, e.Kind, e.Name, tail)
	}
}

func writeLines(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	say(w, "%s\n", title)
	for _, l := range lines {
		say(w, "     %s\n", l)
	}
}

// errDryRunRaw refuses --dry-run where the request is the user's own.
var errDryRunRaw = errors.New("--dry-run has no effect on a raw request: put ?dry-run=true into its path")
