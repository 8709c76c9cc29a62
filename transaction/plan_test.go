package transaction_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// planned has the toy's creation planned only.
func planned(t *testing.T, h handles, pool *transactiontest.Pool, plan transaction.Plan[thing]) (api.OperationPlan, error) {
	t.Helper()
	return transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		transaction.Warn(ctx, "this is a %s", "toy")
		_, err := h.create.Run(ctx, pool.Engine("p1"), plan)
		return err
	})
}

func TestPlanNamesEverything(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	p := thing{Name: "t1", ID: "id1", Flag: "p2"}
	before := pool.Store("p1").Revision()
	got, err := planned(t, h, pool, w.planCreate(p, pool.Peers()))
	if err != nil {
		t.Fatal(err)
	}
	if got.Operation != "thing.create" || !slices.Equal(got.Locks, []string{"thing/t1"}) || !slices.Equal(got.Peers, pool.Peers()) ||
		!slices.Equal(got.Warnings, []string{"this is a toy"}) || len(got.Irreversible) != 0 {
		t.Errorf("plan %+v", got)
	}
	if len(got.Steps) != 3 || len(got.Steps[0].Peers) != 3 || len(got.Steps[2].Peers) != 1 || got.Steps[2].Peers[0].PeerID != "p2" {
		t.Fatalf("steps %+v", got.Steps)
	}
	if e := got.Steps[2].Peers[0].Effects; len(e) != 1 || e[0].Name != w.dir("p2", "t1")+".flag" || e[0].Action != api.ActionCreate {
		t.Errorf("effects %+v", e)
	}
	if len(got.Records) != 1 || got.Records[0].Name != "volumes/t1" || got.Records[0].Action != api.ActionCreate || got.Records[0].Bytes == 0 {
		t.Errorf("records %+v", got.Records)
	}
	if err := pool.Store("p1").Sync(t.Context()); err != nil || pool.Store("p1").Revision() != before || w.text(pool.Store("p1"), p) != "" {
		t.Errorf("the plan has changed something: %v %s", err, w.text(pool.Store("p1"), p))
	}
}

func TestPlanNamesWhatIsForGood(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	p := thing{Name: "t1", ID: "id1", Flag: "p2"}
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(p, pool.Peers())); err != nil {
		t.Fatal(err)
	}
	rec, _, err := things.Get(pool.Store("p1"), "t1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := h.remove.Run(ctx, pool.Engine("p1"), transaction.Plan[doomed]{Params: doomed{p, rec.Revision}, Peers: []string{"p1"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"destroy file " + w.dir("p1", "t1") + " on p1"}
	if !slices.Equal(got.Irreversible, want) || got.Steps[0].Irreversible || !got.Steps[1].Irreversible {
		t.Errorf("irreversible %v, want %v; steps %+v", got.Irreversible, want, got.Steps)
	}
	// The toy's commit needs what the steps report.
	if len(got.Records) != 0 || len(got.Warnings) != 1 {
		t.Errorf("records %v, warnings %v", got.Records, got.Warnings)
	}
}

func TestPlanIsRefusedWhatTheRunWouldBe(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	p := thing{Name: "t1", ID: "id1", Flag: "p1"}
	inside, release := hold(pool, "make")
	ended := make(chan error, 1)
	go func() {
		_, err := h.create.Run(t.Context(), pool.Engine("p2"), w.planCreate(p, []string{"p1"}))
		ended <- err
	}()
	<-inside
	_, err := planned(t, h, pool, w.planCreate(thing{Name: "t1", ID: "id2", Flag: "p1"}, pool.Peers()))
	release()
	if e := api.AsError(err); !api.IsKind(err, api.Conflict) || e.Fields[api.FieldTransaction] == "" {
		t.Errorf("locked: %v", err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_, err = planned(t, h, pool, w.planCreate(thing{Name: "t1", ID: "id2", Flag: "p1"}, pool.Peers()))
	if !api.IsKind(err, api.Conflict) || api.AsError(err).Fields[store.FieldKey] != "/gd2/volumes/t1" {
		t.Errorf("it exists: %v", err)
	}
}

func TestPlansOfCommands(t *testing.T) {
	mine := api.OperationPlan{Operation: "mine"}
	plan, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		transaction.Also(ctx, api.OperationPlan{Steps: []api.PlanStep{{Name: "more"}}})
		first := transaction.Propose(ctx, mine)
		return errors.Join(first, transaction.Propose(ctx, api.OperationPlan{Operation: "second"}))
	})
	if err != nil || plan.Operation != "mine" || len(plan.Steps) != 1 || plan.Steps[0].Peers == nil {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if _, err := transaction.PlanOf(t.Context(), func(context.Context) error { return nil }); !api.IsKind(err, api.Internal) {
		t.Errorf("a command without a plan: %v", err)
	}
	refusal := api.Errorf(api.State, "no")
	if _, err := transaction.PlanOf(t.Context(), func(context.Context) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("a refused command: %v", err)
	}
	if err := transaction.Propose(t.Context(), mine); err != nil {
		t.Errorf("a command that is carried out: %v", err)
	}
}

// What is to become of a stuck transaction can be seen before it is decided.
func TestPlansOfTheStuck(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	id, mend := stuck(t, w, h, pool)
	defer mend()
	e := pool.Engine("p2")
	plan, err := transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := e.Retry(ctx, id)
		return err
	})
	if err != nil || plan.Operation != "thing.create" || len(plan.Steps) != 1 || plan.Steps[0].Name != "undo make" || plan.Steps[0].Peers[0].Effects[0].Note == "" {
		t.Errorf("retry: %+v, %v", plan, err)
	}
	plan, err = transaction.PlanOf(t.Context(), func(ctx context.Context) error {
		_, err := e.Abandon(ctx, id)
		return err
	})
	if err != nil || len(plan.Records) != 2 || plan.Records[1].Name != "locks/thing/t1" || len(plan.Warnings) != 2 || len(plan.Irreversible) != 1 {
		t.Errorf("abandon: %+v, %v", plan, err)
	}
	if view, err := e.Get(id); err != nil || view.State != string(transaction.Stuck) || !e.LockHeld("thing/t1") {
		t.Errorf("the plans have changed it to %+v, %v", view, err)
	}
}
