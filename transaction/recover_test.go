package transaction_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// dieAt makes the peer's engine die after its first event of the kind; the channel then has the transaction's id.
func dieAt(pool *transactiontest.Pool, peer string, kind transaction.EventKind) chan string {
	died := make(chan string, 1)
	var once sync.Once
	pool.Hook(func(p string, ev transaction.Event) (err error) {
		if p == peer && ev.Kind == kind {
			once.Do(func() {
				died <- ev.Transaction
				err = transaction.ErrKilled
			})
		}
		return err
	})
	return died
}

func state(t *testing.T, pool *transactiontest.Pool, id string) transaction.State {
	t.Helper()
	if err := pool.Store("p1").Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := transaction.List(pool.Store("p1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.ID == id {
			return transaction.State(v.State)
		}
	}
	return ""
}

// waitState waits until the transaction is in the state.
func waitState(t *testing.T, pool *transactiontest.Pool, id string, want transaction.State) {
	t.Helper()
	signal, unsubscribe := pool.Store("p1").Subscribe(store.PrefixTransactions)
	defer unsubscribe()
	timeout := time.After(transactiontest.Patience)
	for state(t, pool, id) != want {
		select {
		case <-signal:
		case <-timeout:
			t.Fatalf("transaction is %s, want %s", state(t, pool, id), want)
		}
	}
}

func TestRestartedCoordinatorUnwinds(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{Peers: []string{"p1"}})
	died := dieAt(pool, "p1", transaction.StepDone)
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	if !api.IsKind(err, api.Unavailable) || api.AsError(err).Fields[api.FieldTransaction] == "" {
		t.Errorf("the caller got %v", err)
	}
	id := <-died
	pool.Kill("p1")
	if got := state(t, pool, id); got != transaction.Running {
		t.Errorf("the dead coordinator's transaction is %s", got)
	}
	pool.Start("p1")
	end := pool.WaitFinished(id)
	if end.State != string(transaction.Failed) || !strings.Contains(end.Error, "stopped") {
		t.Errorf("it ended as %+v", end)
	}
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}

// While the dead coordinator is away its own part cannot be undone: the adopter waits for it, with the locks held.
func TestAdoptedAndWaitingForPeer(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	died := dieAt(pool, "p1", transaction.StepDone)
	_, _ = h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	id := <-died
	pool.Kill("p1")
	waitState(t, pool, id, transaction.Unwinding)
	if !pool.Engine("p2").LockHeld("thing/t1") {
		t.Error("the lock is gone while the transaction unwinds")
	}
	pool.Start("p1")
	end := pool.WaitFinished(id)
	if end.State != string(transaction.Failed) || end.Coordinator == "p1" {
		t.Errorf("it ended as %+v", end)
	}
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}

// A coordinator whose sign of life is there is left alone, however long it takes.
func TestLivingCoordinatorIsLeftAlone(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	pool.Hook(func(peer string, ev transaction.Event) error {
		if ev.Kind == transaction.Adopted {
			t.Errorf("peer %s adopted a transaction of a living coordinator", peer)
		}
		return nil
	})
	wait := time.NewTimer(100 * time.Millisecond) // ten times the grace
	pool.Around(func(ctx context.Context, _ string, s transaction.StepInfo, do func(context.Context) error) error {
		if s.Step == "flag" {
			<-wait.C
		}
		return do(ctx)
	})
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers())); err != nil {
		t.Error(err)
	}
}

// A coordinator that was only thought dead loses its transaction, is refused by the peers, and learns the outcome.
func TestLostOwnership(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	adopted := make(chan struct{})
	pool.Hook(func(_ string, ev transaction.Event) error {
		if ev.Kind == transaction.Adopted {
			close(adopted)
		}
		return nil
	})
	pool.Around(func(ctx context.Context, _ string, s transaction.StepInfo, do func(context.Context) error) error {
		if s.Step == "flag" && !s.Undo {
			pool.Silence("p1")
			<-adopted
		}
		return do(ctx)
	})
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	if err == nil || !strings.Contains(err.Error(), "unwound it") {
		t.Errorf("the caller got %v", err)
	}
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}

func TestUnknownOperationIsLeft(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{Peers: []string{"p1", "p2"}, Tune: func(c *transaction.Config) {
		if c.PeerID == "p2" {
			c.Registry = transaction.NewRegistry()
		}
	}})
	died := dieAt(pool, "p1", transaction.IntentWritten)
	_, _ = h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), []string{"p1"}))
	id := <-died
	pool.Kill("p1")
	if _, err := pool.Engine("p2").Retry(t.Context(), id); !api.IsKind(err, api.State) {
		t.Errorf("retry of a running transaction: %v", err)
	}
	pool.Start("p1")
	if end := pool.WaitFinished(id); end.State != string(transaction.Failed) || end.Coordinator != "p1" {
		t.Errorf("it ended as %+v", end)
	}
}

// stuck brings a transaction into the state stuck: undoing "make" on p2 fails for good until it is mended.
func stuck(t *testing.T, w toy, h handles, pool *transactiontest.Pool) (id string, mend func()) {
	pool.Around(func(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
		if s.Step == "flag" && !s.Undo || s.Step == "make" && s.Undo && peer == "p2" {
			return api.Errorf(api.Internal, "%s is broken on %s", s.Step, peer)
		}
		return do(ctx)
	})
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	if err == nil || !strings.Contains(err.Error(), "keeps its locks") || !strings.Contains(err.Error(), "make is broken on p2") {
		t.Errorf("the caller got %v", err)
	}
	id = api.AsError(err).Fields[api.FieldTransaction]
	waitState(t, pool, id, transaction.Stuck)
	return id, func() { pool.Around(nil) }
}

func TestStuckRetry(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	id, mend := stuck(t, w, h, pool)
	view, err := pool.Engine("p3").Get(id)
	if err != nil || !strings.Contains(view.PeerErrors["p2"], "broken") || !pool.Engine("p3").LockHeld("thing/t1") {
		t.Errorf("stuck is %+v, %v", view, err)
	}
	if view, err = pool.Engine("p3").Retry(t.Context(), id); err == nil || view.State != string(transaction.Unwinding) {
		t.Errorf("a retry that fails again gave %+v, %v", view, err)
	}
	mend()
	pool.WaitFinished(id)
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
	if _, err := pool.Engine("p3").Retry(t.Context(), id); !api.IsKind(err, api.State) {
		t.Errorf("retry of a finished transaction: %v", err)
	}
}

func TestStuckAbandon(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	id, _ := stuck(t, w, h, pool)
	view, err := pool.Engine("p2").Abandon(t.Context(), id)
	if err != nil || view.State != string(transaction.Abandoned) || view.PeerErrors["p2"] == "" {
		t.Errorf("abandoned is %+v, %v", view, err)
	}
	if got := pool.WaitFinished(id); got.State != string(transaction.Abandoned) || pool.Engine("p1").LockHeld("thing/t1") {
		t.Errorf("after the abandon: %+v", got)
	}
	if _, err := pool.Engine("p2").Abandon(t.Context(), "no-such"); !api.IsKind(err, api.NotFound) {
		t.Errorf("abandon of nothing: %v", err)
	}
}

func TestDrain(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	inside, release := hold(pool, "flag")
	ran := make(chan error, 1)
	go func() {
		_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
		ran <- err
	}()
	<-inside
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := pool.Engine("p1").Drain(short); err == nil {
		t.Error("drained while a transaction runs")
	}
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(thing{Name: "x", ID: "x"}, pool.Peers())); !api.IsKind(err, api.Unavailable) {
		t.Errorf("a draining engine began a transaction: %v", err)
	}
	release()
	if err := pool.Engine("p1").Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
