package transaction_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func sample() thing { return thing{Name: "t1", ID: "id-1", Flag: "p1"} }

func TestRunOnePeer(t *testing.T) { testRun(t, []string{"p1"}) }

func TestRunThreePeers(t *testing.T) { testRun(t, []string{"p1", "p2", "p3"}) }

func testRun(t *testing.T, peers []string) {
	w, h, pool := newToy(t, transactiontest.Config{Peers: peers})
	s := pool.Store("p1")
	before := s.Revision()
	got, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), peers))
	if err != nil {
		t.Fatal(err)
	}
	if want := 7 * len(peers); got.Sizes != want {
		t.Errorf("outputs of %d peers add up to %d, want %d", len(peers), got.Sizes, want)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if commits := s.Revision() - before; commits != 2 {
		t.Errorf("a transaction cost %d raft commits, want 2", commits)
	}
	if rec, ok, err := things.Get(s, "t1"); !ok || err != nil || rec.Value != got {
		t.Errorf("record is %+v, %v, %v; want %+v", rec.Value, ok, err, got)
	}
	if pool.Engine("p1").LockHeld("thing/t1") {
		t.Error("the lock is held after the end")
	}
	text := w.text(s, sample())
	for _, p := range peers {
		if !strings.Contains(text, "/"+p+"/NAME/data") {
			t.Errorf("nothing was done on peer %s:\n%s", p, text)
		}
	}
}

func TestFailureUnwinds(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	pool.Around(func(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
		err := do(ctx)
		if s.Step == "fill" && peer == "p2" && !s.Undo {
			return api.Errorf(api.NotSupported, "no room for files on peer p2")
		}
		return err
	})
	s := pool.Store("p1")
	before := s.Revision()
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	var e *api.Error
	if !errors.As(err, &e) || e.Kind != api.NotSupported || e.Fields[api.FieldPeer] != "p2" || e.Fields[api.FieldStep] != "fill" ||
		e.Fields[api.FieldTransaction] == "" || e.Fields[api.FieldError] == "" {
		t.Fatalf("error is %#v", err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if commits := s.Revision() - before; commits != 2 {
		t.Errorf("a transaction that failed cost %d raft commits, want 2", commits)
	}
	if text := w.text(s, sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
	view, err := pool.Engine("p2").Get(e.Fields[api.FieldTransaction])
	if err != nil || view.State != string(transaction.Failed) || !strings.Contains(view.Error, "no room") {
		t.Errorf("the record is %+v, %v", view, err)
	}
}

// together holds answers back until all of them are there.
type together struct {
	transaction.Transport
	barrier *sync.WaitGroup
}

func (g together) RunStep(ctx context.Context, peer string, req transaction.StepRequest) (transaction.StepReply, error) {
	reply, err := g.Transport.RunStep(ctx, peer, req)
	if !req.Undo {
		g.barrier.Done()
		g.barrier.Wait()
	}
	return reply, err
}

func TestSeveralFailures(t *testing.T) {
	var barrier sync.WaitGroup
	barrier.Add(2)
	w, h, pool := newToy(t, transactiontest.Config{Tune: func(c *transaction.Config) { c.Transport = together{c.Transport, &barrier} }})
	pool.Around(func(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
		if peer != "p1" && !s.Undo {
			return api.Errorf(api.State, "peer %s will not", peer)
		}
		return do(ctx)
	})
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	e := api.AsError(err)
	if e == nil || e.Kind != api.State || len(e.Causes) != 2 || e.Causes[0].Fields[api.FieldPeer] != "p2" || e.Causes[1].Fields[api.FieldPeer] != "p3" {
		t.Fatalf("error is %v, %+v", err, e)
	}
}

func TestLocked(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	inside, release := hold(pool, "flag")
	first := make(chan error, 1)
	go func() {
		_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
		first <- err
	}()
	<-inside
	if !pool.Engine("p2").LockHeld("thing/t1") {
		t.Error("LockHeld does not see the lock")
	}
	_, err := h.create.Run(t.Context(), pool.Engine("p2"), w.planCreate(thing{Name: "t1", ID: "other"}, pool.Peers()))
	if !api.IsKind(err, api.Conflict) || !strings.Contains(err.Error(), "thing/t1 is locked by thing.create (transaction ") {
		t.Errorf("the second transaction got %v", err)
	}
	release()
	if err := <-first; err != nil {
		t.Error(err)
	}
	_, err = h.create.Run(t.Context(), pool.Engine("p2"), w.planCreate(thing{Name: "t1", ID: "other"}, pool.Peers()))
	if !api.IsKind(err, api.Conflict) || strings.Contains(err.Error(), "locked") {
		t.Errorf("the plan's guard was answered with %v", err)
	}
}

func TestCallerLeaves(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	ctx, leave := context.WithCancel(t.Context())
	release := make(chan struct{})
	pool.Around(func(ctx context.Context, _ string, s transaction.StepInfo, do func(context.Context) error) error {
		if s.Step == "flag" {
			leave()
			<-release
		}
		return do(ctx)
	})
	_, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	id := api.AsError(err).Fields[api.FieldTransaction]
	if !api.IsKind(err, api.Timeout) || id == "" {
		t.Fatalf("error is %v", err)
	}
	close(release)
	if got := pool.WaitFinished(id); got.State != string(transaction.Done) {
		t.Errorf("the transaction whose caller left is %+v", got)
	}
}

func TestPivotCostsOneMore(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	s := pool.Store("p1")
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers())); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, _, err := things.Get(s, "t1")
	if err != nil {
		t.Fatal(err)
	}
	before := s.Revision()
	id, err := h.remove.Run(t.Context(), pool.Engine("p2"), transaction.Plan[doomed]{
		Params: doomed{sample(), rec.Revision}, Peers: pool.Peers(), Locks: []string{"thing/t1"},
	})
	if err != nil || id != "id-1" {
		t.Fatalf("result %q, %v", id, err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if commits := s.Revision() - before; commits != 3 {
		t.Errorf("a transaction with a pivot cost %d raft commits, want 3", commits)
	}
	if text := w.text(s, sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{Peers: []string{"p1"}, Tune: func(c *transaction.Config) { c.History = 3 }})
	s := pool.Store("p1")
	var ids []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(thing{Name: name, ID: name, Flag: "p1"}, pool.Peers())); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := pool.Engine("p1").List()
		if err != nil {
			t.Fatal(err)
		}
		ids = nil
		for _, v := range list {
			ids = append(ids, v.ID)
		}
	}
	if len(ids) != 3 || !slices.IsSorted(ids) {
		t.Errorf("kept %v", ids)
	}
}
