package transaction

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gd2/pkg/api"
	"gd2/store"
)

// planner is what a context carries while a command only plans: the first plan that the command comes to, and what the
// command had to say on its way there.
type planner struct {
	mu   sync.Mutex
	plan *api.OperationPlan
	also api.OperationPlan
}

type plannerKey struct{}

// planning returns the planner of a context in which nothing may be changed, or nil.
func planning(ctx context.Context) *planner {
	p, _ := ctx.Value(plannerKey{}).(*planner)
	return p
}

// Planning reports whether a command is only planned, for those whose plan costs something to make.
func Planning(ctx context.Context) bool { return planning(ctx) != nil }

// errPlanned ends a command at the point where it would have begun to change something.
var errPlanned = api.Errorf(api.Internal, "this was only planned, nothing was changed")

// PlanOf calls run, which is to carry out a command with the context that it gets, and returns the plan of the change
// that the command would have begun with. The command goes the same way as ever up to the point where the intent of its
// first transaction would be written, or to Propose; there it gets an error in place of a result. What it would have
// been refused, it is refused here too. It is a fault of the command if it ends well without a plan.
func PlanOf(ctx context.Context, run func(ctx context.Context) error) (api.OperationPlan, error) {
	p := &planner{}
	err := run(context.WithValue(ctx, plannerKey{}, p))
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.plan != nil:
		return *p.plan, nil
	case err == nil:
		err = api.Errorf(api.Internal, "a fault in the daemon: the command has made no plan; it may have been carried out")
	}
	return api.OperationPlan{}, err
}

// Propose is for commands, or parts of them, that do their work without a transaction, and is called before they begin.
// It returns nil, unless the command is only planned: then it notes the plan and returns the error to end with.
func Propose(ctx context.Context, plan api.OperationPlan) error {
	p := planning(ctx)
	if p == nil {
		return nil
	}
	return p.end(plan, nil)
}

// Also tells, if the command is only planned, what it does after its first transaction: steps, records and warnings. It
// is called before that transaction. An operation that it names is the name of the whole.
func Also(ctx context.Context, more api.OperationPlan) {
	if p := planning(ctx); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.also = joined(p.also, more)
	}
}

// joined is one plan after the other.
func joined(first, then api.OperationPlan) api.OperationPlan {
	first.Operation = cmp.Or(then.Operation, first.Operation)
	first.Steps = append(first.Steps, then.Steps...)
	first.Records = append(first.Records, then.Records...)
	first.Warnings = append(first.Warnings, then.Warnings...)
	return first
}

// Warn adds a warning to the plan, if the command is only planned.
func Warn(ctx context.Context, format string, args ...any) {
	Also(ctx, api.OperationPlan{Warnings: []string{fmt.Sprintf(format, args...)}})
}

// end notes the first plan of a command, and returns the error that ends it.
func (p *planner) end(plan api.OperationPlan, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plan != nil {
		return errPlanned
	}
	if err != nil {
		return err
	}
	plan = joined(plan, p.also)
	complete(&plan)
	p.plan = &plan
	return errPlanned
}

// complete fills in what follows from the rest, and leaves no list out.
func complete(plan *api.OperationPlan) {
	for i, s := range plan.Steps {
		for j, on := range s.Peers {
			for _, e := range on.Effects {
				if e.Irreversible {
					plan.Irreversible = append(plan.Irreversible, onPeer(on, e))
				}
			}
			plan.Steps[i].Peers[j].Effects = listed(on.Effects)
		}
		plan.Steps[i].Peers = listed(s.Peers)
	}
	for _, r := range plan.Records {
		if r.Irreversible {
			plan.Irreversible = append(plan.Irreversible, fmt.Sprintf("%s %s %s", r.Action, r.Kind, r.Name))
		}
	}
	plan.Peers, plan.Locks, plan.Steps = listed(plan.Peers), listed(plan.Locks), listed(plan.Steps)
	plan.Records, plan.Warnings, plan.Irreversible = listed(plan.Records), listed(plan.Warnings), listed(plan.Irreversible)
}

// listed returns a list that is [] in JSON, never null.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func onPeer(on api.PlanPeer, e api.Effect) string {
	where := on.Host
	if where == "" {
		where = on.PeerID
	}
	return fmt.Sprintf("%s %s %s on %s", e.Action, e.Kind, e.Name, where)
}

// plan tells what the transaction would do, after asking the store whether it could begin.
func (d *drive) plan(ctx context.Context, guards []store.Guard) (api.OperationPlan, error) {
	ctx, cancel := d.e.joined(ctx)
	defer cancel()
	if err := d.e.cfg.Store.Rehearse(ctx, d.intent(), guards...); err != nil {
		if api.IsKind(err, api.Conflict) {
			err = d.e.conflict(ctx, d.rec.Locks, err)
		}
		return api.OperationPlan{}, err
	}
	p := d.outline()
	for i := range d.def.steps {
		step := d.planStep(i)
		if err := d.survey(ctx, i, step.Peers); err != nil {
			return p, err
		}
		p.Steps = append(p.Steps, step)
	}
	if d.def.course != nil {
		return p, nil
	}
	return p, d.planRecords(ctx, &p)
}

// outline is the plan without what is done.
func (d *drive) outline() api.OperationPlan {
	return api.OperationPlan{Operation: d.rec.Operation, Peers: slices.Clone(d.rec.Peers), Locks: slices.Clone(d.rec.Locks)}
}

func (d *drive) planStep(i int) api.PlanStep {
	step := api.PlanStep{Name: d.def.steps[i].name, Irreversible: d.def.pivot > 0 && i >= d.def.pivot}
	for _, id := range d.stepPeers(i) {
		step.Peers = append(step.Peers, d.onPeer(i, id, step.Irreversible))
	}
	return step
}

// onPeer is what a step does on one peer.
func (d *drive) onPeer(step int, peerID string, final bool) api.PlanPeer {
	on := api.PlanPeer{PeerID: peerID, Effects: d.op.effects(step, peerID)}
	if d.e.cfg.HostOf != nil {
		on.Host = d.e.cfg.HostOf(peerID)
	}
	finally(on.Effects, final)
	return on
}

// finally marks effects of a step from which there is no way back.
func finally(effects []api.Effect, final bool) {
	for i := range effects {
		effects[i].Irreversible = effects[i].Irreversible || final
	}
}

// planRecords tells what the commit will change. One that depends on what steps report cannot be known.
func (d *drive) planRecords(ctx context.Context, p *api.OperationPlan) error {
	writes, guards, _, err := d.op.commit(Outputs{})
	if err != nil {
		p.Warnings = append(p.Warnings, "which records change depends on what the steps report")
		return nil //nolint:nilerr // it has said that it has no outputs, no more
	}
	for _, w := range writes {
		p.Records = append(p.Records, effectOf(d.e.cfg.Store.Preview(w)))
	}
	if len(writes) == 0 {
		return nil
	}
	return d.e.cfg.Store.Rehearse(ctx, writes, guards...)
}

func effectOf(c store.Change) api.Effect {
	e := api.Effect{Action: api.ActionChange, Kind: api.OnRecord, Name: c.Name, Bytes: uint64(c.Bytes), Note: strings.Join(c.Fields, ", ")}
	switch {
	case c.Created:
		e.Action = api.ActionCreate
	case c.Removed:
		e.Action, e.Irreversible = api.ActionDestroy, true
	}
	return e
}
