package peers

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// plan has a command planned only, and fails the test if that has changed a record.
func (r *rig) plan(run func(ctx context.Context) error) (api.OperationPlan, error) {
	r.t.Helper()
	if err := r.store.Sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	before := r.store.Revision()
	plan, err := transaction.PlanOf(r.t.Context(), run)
	if err := r.store.Sync(r.t.Context()); err != nil || r.store.Revision() != before {
		r.t.Errorf("the plan has changed a record: %v", err)
	}
	return plan, err
}

// effects are all effects of a plan in words.
func effects(p api.OperationPlan) []string {
	var out []string
	say := func(where string, list []api.Effect) {
		for _, e := range list {
			out = append(out, strings.TrimPrefix(where+" "+e.Action+" "+e.Kind+" "+e.Name, " "))
		}
	}
	for _, s := range p.Steps {
		for _, on := range s.Peers {
			say(s.Name+" "+on.Host, on.Effects)
		}
	}
	say("", p.Records)
	return out
}

func TestPlans(t *testing.T) {
	prover, err := peer.NewProver("a secret of the pool")
	if err != nil {
		t.Fatal(err)
	}
	token, err := peer.NewToken("another pool", []string{"10.0.0.9:24008"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		operation string
		run       func(r *rig) func(ctx context.Context) error
		effects   []string
		final     int // how much cannot be undone
	}{
		{"peer.edit", func(r *rig) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := r.c.Edit(ctx, "node2", api.PeerEditReq{Zone: "z1"})
				return err
			}
		}, []string{"change record peers/" + id2}, 0},
		{"peer.detach", func(r *rig) func(context.Context) error {
			return func(ctx context.Context) error { return r.c.Delete(ctx, "node2", false) }
		}, []string{"leave 10.0.0.2 change peer node2", "change record peers/" + id2, "destroy record peers/" + id2, "create record revoked/c2"}, 2},
		{"peer.probe", func(r *rig) func(context.Context) error {
			r.prover = prover
			return func(ctx context.Context) error {
				_, err := r.c.Add(ctx, api.PeerAddReq{Addresses: []string{"10.0.0.3"}})
				return err
			}
		}, []string{"join 10.0.0.3 change peer 10.0.0.3", "create record tokens/*", "create record peers/ID-OF-THE-NEW-PEER", "destroy record tokens/"}, 1},
		{"peer.token", func(r *rig) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := r.c.Token(ctx, api.PeerTokenReq{})
				return err
			}
		}, []string{"create record tokens/*"}, 0},
		{"peer.reset", func(r *rig) func(context.Context) error {
			r.detached = "old"
			return func(ctx context.Context) error {
				_, err := r.c.Reset(ctx, api.PeerResetReq{})
				return err
			}
		}, []string{"reset 10.0.0.1 destroy record pool old", "reset 10.0.0.1 create peer node1"}, 1},
	} {
		t.Run(c.operation, func(t *testing.T) {
			r := newRig(t)
			r.add(testPeer(2, id2), true)
			plan, err := r.plan(c.run(r))
			if err != nil {
				t.Fatal(err)
			}
			got := effects(plan)
			for i := range got {
				if strings.HasPrefix(got[i], "create record tokens/") {
					got[i] = "create record tokens/*"
				}
			}
			if plan.Operation != c.operation || !slices.Equal(got, c.effects) || len(plan.Irreversible) != c.final {
				t.Errorf("%s\n%q, want\n%q\nfor good: %q", plan.Operation, got, c.effects, plan.Irreversible)
			}
			if r.freshes > 0 || len(r.left) > 0 || len(r.cuts) > 0 {
				t.Errorf("something was done: fresh %d, left %v, cut %v", r.freshes, r.left, r.cuts)
			}
		})
	}
	t.Run("peer.join", func(t *testing.T) {
		r := newRig(t)
		plan, err := r.plan(func(ctx context.Context) error {
			_, err := r.c.Join(ctx, api.PeerJoinReq{Token: token.String()})
			return err
		})
		if err != nil || plan.Operation != "peer.join" || len(plan.Irreversible) != 1 || len(plan.Warnings) != 1 {
			t.Errorf("%+v, %v", plan, err)
		}
	})
}

// A plan is refused what the change would be.
func TestPlansAreRefused(t *testing.T) {
	r := newRig(t)
	r.add(testPeer(2, id2), true)
	r.brick("gv0", id2)
	_, err := r.plan(func(ctx context.Context) error { return r.c.Delete(ctx, "node2", false) })
	refused(t, err, api.Forbidden, "")
	r.commit(func() []store.Write {
		return []store.Write{store.NewKind[transaction.Lock](store.PrefixLocks, 1).Create("peer/"+id1, transaction.Lock{Transaction: "t9", Operation: "peer.edit"})}
	})
	_, err = r.plan(func(ctx context.Context) error {
		_, err := r.c.Edit(ctx, id1, api.PeerEditReq{Zone: "z"})
		return err
	})
	refused(t, err, api.Conflict, "")
	if e := api.AsError(err); e.Fields[api.FieldTransaction] != "t9" {
		t.Errorf("the holder of the lock is not named: %v %v", e, e.Fields)
	}
}
