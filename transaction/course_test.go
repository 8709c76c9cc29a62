package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// pairs is the course that makes two things, one after the other, on each peer's engine.
type pairs struct {
	t    *testing.T
	w    toy
	h    handles
	pool *transactiontest.Pool
	// between, if set, is called after the first thing.
	between atomic.Pointer[func(ctx context.Context, peer string) error]
}

type pairParams struct {
	A, B thing
	// Avoid is the peer that must not go on.
	Avoid string
}

func newPairs(t *testing.T) *pairs {
	w, h, pool := newToy(t, transactiontest.Config{})
	return &pairs{t: t, w: w, h: h, pool: pool}
}

func (p *pairs) then(f func(ctx context.Context, peer string) error) { p.between.Store(&f) }

// on makes the course known to a peer as it runs now.
func (p *pairs) on(peer string) transaction.Handle[pairParams, string] {
	e := p.pool.Engine(peer)
	return transaction.Conduct(e, transaction.Course[pairParams, string]{
		Name: "thing.pair", Version: 1, Timeout: transactiontest.Patience, Avoid: func(q pairParams) string { return q.Avoid },
		Run: func(ctx context.Context, q pairParams) (string, error) {
			if q.A.Name == "panic" {
				panic("a fault of the program")
			}
			if err := p.one(ctx, e, q.A); err != nil {
				return "", err
			}
			if f := p.between.Load(); f != nil {
				if err := (*f)(ctx, peer); err != nil {
					return "", err
				}
			}
			return "made by " + peer, p.one(ctx, e, q.B)
		},
	})
}

// one makes a thing that is not there yet.
func (p *pairs) one(ctx context.Context, e *transaction.Engine, q thing) error {
	if _, there, err := things.Get(p.pool.Store("p1"), q.Name); err != nil || there && transaction.Resumed(ctx) {
		return err
	}
	_, err := p.h.create.Run(ctx, e, p.w.planCreate(q, []string{"p2", "p3"}))
	return err
}

func pair() transaction.Plan[pairParams] {
	return transaction.Plan[pairParams]{
		Params: pairParams{A: thing{Name: "a", ID: "ia", Flag: "p2"}, B: thing{Name: "b", ID: "ib", Flag: "p2"}},
		Peers:  []string{"p1"}, Locks: []string{"pair/ab"}, About: []string{"box/a"},
	}
}

func (p *pairs) there(names ...string) {
	p.t.Helper()
	for _, name := range names {
		if _, ok, err := things.Get(p.pool.Store("p1"), name); !ok || err != nil {
			p.t.Errorf("thing %s is not there: %v", name, err)
		}
	}
}

func TestCourse(t *testing.T) {
	p := newPairs(t)
	h := p.on("p1")
	ctx, k := keyed(t.Context(), "k1")
	plan, err := transaction.PlanOf(ctx, func(ctx context.Context) error {
		_, err := h.Run(ctx, p.pool.Engine("p1"), pair())
		return err
	})
	if err != nil || len(plan.Steps) != 3 || plan.Steps[0].Name != "make" {
		t.Errorf("the plan is that of the first transaction: %+v, %v", plan, err)
	}
	got, err := h.Run(ctx, p.pool.Engine("p1"), pair())
	if err != nil || got != "made by p1" {
		t.Fatalf("%q, %v", got, err)
	}
	p.there("a", "b")
	r := repeated(t, p.pool, "p3", k)
	op, err := p.pool.Engine("p2").Get(r.Operation)
	if err != nil || !r.Done || op.Operation != "thing.pair" || op.State != api.OperationDone || string(op.Result) != `"made by p1"` {
		t.Errorf("%+v: %+v, %v", r, op, err)
	}
	if p.pool.Engine("p2").LockHeld("pair/ab") {
		t.Error("the lock is left")
	}
	found, _, err := p.pool.Engine("p2").Find(transaction.Query{Lock: "box/a"})
	if err != nil || len(found) != 1 || found[0].ID != op.ID {
		t.Errorf("about box/a: %+v, %v", found, err)
	}
	_, err = h.Run(t.Context(), p.pool.Engine("p1"), pair()) // a exists
	if !api.IsKind(err, api.Conflict) || p.pool.Engine("p1").LockHeld("pair/ab") {
		t.Errorf("a course whose first transaction is refused: %v", err)
	}
}

// TestCourseGoesOn: nobody waits for it, and the same request finds it.
func TestCourseGoesOn(t *testing.T) {
	p := newPairs(t)
	h := p.on("p1")
	release := make(chan struct{})
	p.then(func(ctx context.Context, _ string) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	ctx, k := keyed(t.Context(), "k1")
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := h.Run(short, p.pool.Engine("p1"), pair())
	id := api.AsError(err).Fields[api.FieldTransaction]
	if !api.IsKind(err, api.Timeout) || id == "" {
		t.Fatalf("%v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if r, err := p.pool.Engine("p2").Repeated(soon, k); err != nil || r.Operation != id || r.Done {
		t.Errorf("the request that is carried out: %+v, %v", r, err)
	}
	if _, err := h.Run(t.Context(), p.pool.Engine("p1"), pair()); !api.IsKind(err, api.Conflict) {
		t.Errorf("another while it runs: %v", err)
	}
	close(release)
	if op := p.pool.WaitFinished(id); op.State != api.OperationDone {
		t.Errorf("%+v", op)
	}
	p.there("a", "b")
}

// TestCourseCancelled: it ends as failed, and what was whole stays.
func TestCourseCancelled(t *testing.T) {
	p := newPairs(t)
	h := p.on("p1")
	p.then(func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	})
	req := &transaction.Request{Async: true}
	if _, err := h.Run(transaction.WithRequest(t.Context(), req), p.pool.Engine("p1"), pair()); !api.IsKind(err, api.Timeout) {
		t.Fatalf("%v", err)
	}
	op, err := p.pool.Engine("p2").Cancel(t.Context(), req.Operation())
	if err != nil || op.State != string(transaction.Failed) || len(op.Acts) != 1 {
		t.Errorf("%+v, %v", op, err)
	}
}

func TestCoursePanics(t *testing.T) {
	p := newPairs(t)
	plan := pair()
	plan.Params.A.Name = "panic"
	if _, err := p.on("p1").Run(t.Context(), p.pool.Engine("p1"), plan); err == nil || p.pool.Engine("p1").LockHeld("pair/ab") {
		t.Errorf("%v", err)
	}
}

// TestCourseAdopted kills the coordinator after each of its events: whoever goes on comes to the same end.
func TestCourseAdopted(t *testing.T) {
	for n, killed := 1, true; killed; n++ {
		p := newPairs(t)
		h := p.on("p1")
		p.on("p2")
		p.on("p3")
		seen := 0
		killed = false
		p.pool.Hook(func(peer string, _ transaction.Event) error {
			if peer != "p1" {
				return nil
			}
			if seen++; seen == n {
				killed = true
				return transaction.ErrKilled
			}
			return nil
		})
		ctx, k := keyed(t.Context(), "k")
		plan := pair()
		plan.Params.Avoid = "p3"
		_, err := h.Run(ctx, p.pool.Engine("p1"), plan)
		if killed == (err == nil) {
			t.Fatalf("event %d: %v", n, err)
		}
		if !killed {
			break
		}
		p.pool.Kill("p1")
		r := repeated(t, p.pool, "p3", k)
		op, err := p.pool.Engine("p3").Get(r.Operation)
		if err != nil || !r.Done || op.State != api.OperationDone {
			t.Errorf("crash after event %d: %+v, %v", n, op, errors.Join(err))
		}
		if by := string(op.Result); by != `"made by p2"` && by != `"made by p1"` {
			t.Errorf("crash after event %d: %s went on", n, by)
		}
		p.there("a", "b")
	}
}

// TestCourseTells: who asks has the answer while the course goes on, a repetition has it too, and the course is left to others when its
// daemon is drained.
func TestCourseTells(t *testing.T) {
	p := newPairs(t)
	release := make(chan struct{})
	runs := atomic.Int32{}
	on := func(peer string) transaction.Handle[string, string] {
		return transaction.Conduct(p.pool.Engine(peer), transaction.Course[string, string]{
			Name: "thing.watch", Version: 1, Early: true, Run: func(ctx context.Context, what string) (string, error) {
				runs.Add(1)
				if err := transaction.Tell(ctx, "watching "+what); err != nil {
					return "", err
				}
				transaction.Progress(ctx, 1, 4, "things")
				select {
				case <-release:
					return "seen " + what, nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			},
		})
	}
	h := on("p1")
	on("p2")
	on("p3")
	ctx, k := keyed(t.Context(), "k1")
	got, err := h.Run(ctx, p.pool.Engine("p1"), transaction.Plan[string]{Params: "a", Peers: []string{"p1"}})
	if err != nil || got != "watching a" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := p.pool.Engine("p1").Remember(t.Context(), k, transaction.Answer{Status: 200}); err != nil {
		t.Fatal(err)
	}
	r := repeated(t, p.pool, "p2", k)
	if r.Answer == nil || r.Answer.Status != 200 {
		t.Errorf("repeated: %+v", r)
	}
	op, err := p.pool.Engine("p2").Look(t.Context(), r.Operation)
	if err != nil || op.Percent == nil || *op.Percent != 25 || op.State != string(transaction.Running) {
		t.Errorf("%+v, %v", op, err)
	}
	if err := p.pool.Engine("p1").Drain(t.Context()); err != nil {
		t.Error(err)
	}
	p.pool.Kill("p1")
	close(release)
	if op := p.pool.WaitFinished(r.Operation); op.State != string(transaction.Done) || string(op.Result) != `"seen a"` || op.Coordinator == "p1" {
		t.Errorf("%+v", op)
	}
	if r := repeated(t, p.pool, "p3", k); r.Answer == nil || r.Answer.Status != 200 || runs.Load() != 2 {
		t.Errorf("%+v after %d runs", r, runs.Load())
	}
}

// TestCourseEndsWhenAnswered: a course may end in the very moment in which what it told is noted as the answer to the request. Both
// are kept.
func TestCourseEndsWhenAnswered(t *testing.T) {
	p := newPairs(t)
	e := p.pool.Engine("p1")
	h := transaction.Conduct(e, transaction.Course[string, string]{
		Name: "thing.glance", Version: 1, Early: true, Run: func(ctx context.Context, what string) (string, error) {
			return "seen " + what, transaction.Tell(ctx, "told "+what)
		},
	})
	for i := range 100 {
		ctx, k := keyed(t.Context(), fmt.Sprint("glance", i))
		if _, err := h.Run(ctx, e, transaction.Plan[string]{Params: "a", Peers: []string{"p1"}}); err != nil {
			t.Fatal(err)
		}
		if err := e.Remember(t.Context(), k, transaction.Answer{Status: 200}); err != nil {
			t.Fatalf("answer %d is not kept: %v", i, err)
		}
		r := repeated(t, p.pool, "p1", k)
		if r.Answer == nil || r.Answer.Status != 200 {
			t.Fatalf("repetition %d: %+v", i, r)
		}
		within, cancel := context.WithTimeout(t.Context(), transactiontest.Patience)
		op, err := e.Wait(within, r.Operation)
		cancel()
		if err != nil || op.State != api.OperationDone || op.Coordinator != "p1" || string(op.Result) != `"seen a"` {
			t.Fatalf("course %d: %+v, %v", i, op, err)
		}
	}
}
