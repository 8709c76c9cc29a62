package transaction_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// caught hands on what the pool's transport would have sent, so that a test can send it again, later.
type caught struct {
	transaction.Transport
	sent chan transaction.StepRequest
}

func (c caught) RunStep(ctx context.Context, peer string, req transaction.StepRequest) (transaction.StepReply, error) {
	select {
	case c.sent <- req:
	default:
	}
	return c.Transport.RunStep(ctx, peer, req)
}

// newCaught is a pool of two whose first peer's requests are caught.
func newCaught(t *testing.T) (toy, handles, *transactiontest.Pool, chan transaction.StepRequest) {
	sent := make(chan transaction.StepRequest, 1)
	w, h, pool := newToy(t, transactiontest.Config{Peers: []string{"p1", "p2"}, Tune: func(c *transaction.Config) {
		if c.PeerID == "p1" {
			c.Transport = caught{c.Transport, sent}
		}
	}})
	return w, h, pool, sent
}

func TestLateStepIsRefused(t *testing.T) {
	w, h, pool, sent := newCaught(t)
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers())); err != nil {
		t.Fatal(err)
	}
	req := <-sent
	if _, err := pool.Engine("p2").HandleStep(t.Context(), req); !api.IsKind(err, api.Conflict) || !strings.Contains(err.Error(), "has ended (done)") {
		t.Errorf("a step after the end was answered with %v", err)
	}
	req.Transaction = "unheard-of"
	if _, err := pool.Engine("p2").HandleStep(t.Context(), req); !api.IsKind(err, api.Conflict) || !strings.Contains(err.Error(), "not in the store") {
		t.Errorf("a step of no transaction was answered with %v", err)
	}
}

func TestOlderRequestIsRefused(t *testing.T) {
	w, h, pool, sent := newCaught(t)
	var again error
	pool.Around(func(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
		if peer == "p1" && s.Step == "fill" && !s.Undo {
			// p2 has answered the first step; now its request arrives once more.
			_, again = pool.Engine("p2").HandleStep(ctx, <-sent)
		}
		if s.Step == "flag" && !s.Undo {
			return api.Errorf(api.State, "no flag")
		}
		return do(ctx)
	})
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	if !api.IsKind(err, api.State) {
		t.Fatal(err)
	}
	if !api.IsKind(again, api.Conflict) {
		t.Errorf("a request that came twice was answered with %v", again)
	}
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}

// A step waits until the copy of the peer's store has the intent, and gives up with its context.
func TestStepWaitsForIntent(t *testing.T) {
	_, _, pool := newToy(t, transactiontest.Config{Peers: []string{"p1"}})
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := pool.Engine("p1").HandleStep(ctx, transaction.StepRequest{Transaction: "x", Step: "make", Revision: 1 << 40})
		answered <- err
	}()
	cancel()
	if err := <-answered; !api.IsKind(err, api.Unavailable) {
		t.Errorf("error is %v", err)
	}
}

// An undo must wait for a Do of the same transaction that still runs on the peer although its caller has gone.
func TestUndoWaitsForDo(t *testing.T) {
	w, h, pool, _ := newCaught(t)
	inside, finish := make(chan struct{}), make(chan struct{})
	pool.Around(func(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
		switch {
		case s.Undo || s.Step != "make":
			return do(ctx)
		case peer == "p1":
			<-inside
			return api.Errorf(api.State, "p1 fails while p2 is busy")
		}
		close(inside)
		<-ctx.Done()
		<-finish // deaf to its cancellation
		return do(ctx)
	})
	var once sync.Once
	pool.Hook(func(_ string, ev transaction.Event) error {
		if ev.Kind == transaction.StepSent && ev.Undo && ev.Peer == "p2" {
			once.Do(func() { close(finish) })
		}
		return nil
	})
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	if !api.IsKind(err, api.State) {
		t.Error(err)
	}
	pool.WaitFinished(api.AsError(err).Fields[api.FieldTransaction])
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}

func TestPanicFailsStep(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{Peers: []string{"p1"}, Tune: func(c *transaction.Config) { c.Around = nil }})
	p := sample()
	p.Name = "panic"
	_, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(p, pool.Peers()))
	if !api.IsKind(err, api.Internal) || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("error is %v", err)
	}
	if text := w.text(pool.Store("p1"), p); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
}
