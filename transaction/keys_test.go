package transaction_test

import (
	"context"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// keyed is a context of a request with a key, whose foreseen answer is a body of its own.
func keyed(ctx context.Context, id string) (context.Context, transaction.Key) {
	k := transaction.Key{ID: id, Print: "print of " + id, Render: func(foreseen any) (transaction.Answer, bool) {
		text, ok := foreseen.(string)
		return transaction.Answer{Status: 201, Body: []byte(text)}, ok
	}}
	return transaction.WithRequest(ctx, &transaction.Request{Key: &k}), k
}

func repeated(t *testing.T, pool *transactiontest.Pool, peer string, k transaction.Key) transaction.Repeat {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), transactiontest.Patience)
	defer cancel()
	r, err := pool.Engine(peer).Repeated(ctx, k)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeyOfDone(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	ctx, k := keyed(t.Context(), "k1")
	if r := repeated(t, pool, "p1", k); r != (transaction.Repeat{}) {
		t.Errorf("a new key: %+v", r)
	}
	before := pool.Store("p1").Revision()
	if _, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers()).Answering("made")); err != nil {
		t.Fatal(err)
	}
	if commits := pool.Store("p1").Revision() - before; commits != 2 {
		t.Errorf("%d raft commits, want 2: the key goes with the intent and the end", commits)
	}
	r := repeated(t, pool, "p3", k)
	if r.Answer == nil || r.Answer.Status != 201 || string(r.Answer.Body) != "made" || r.Operation == "" {
		t.Errorf("%+v", r)
	}
	k.Print = "another"
	if _, err := pool.Engine("p2").Repeated(t.Context(), k); !api.IsKind(err, api.KeyReused) {
		t.Errorf("another request with the same key: %v", err)
	}
	if _, err := h.create.Run(ctx, pool.Engine("p2"), w.planCreate(thing{Name: "t2", ID: "i2", Flag: "p1"}, pool.Peers())); err != nil {
		t.Errorf("the second transaction of a request: %v", err)
	}
	again, _ := keyed(t.Context(), "k1")
	_, err := h.create.Run(again, pool.Engine("p2"), w.planCreate(thing{Name: "t3", ID: "i3", Flag: "p1"}, pool.Peers()))
	if !transaction.IsSameKey(err) {
		t.Errorf("the same key began twice: %v", err)
	}
}

func TestKeyOfFailed(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	for id, kind := range map[string]api.Kind{"lasting": api.NotSupported, "passing": api.Unavailable} {
		pool.Around(func(ctx context.Context, _ string, s transaction.StepInfo, do func(context.Context) error) error {
			if s.Step == "flag" && !s.Undo {
				if kind == api.Unavailable {
					return api.Errorf(api.Timeout, "too slow")
				}
				return api.Errorf(kind, "no")
			}
			return do(ctx)
		})
		ctx, k := keyed(t.Context(), id)
		if _, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers())); err == nil {
			t.Fatal("no error")
		}
		r := repeated(t, pool, "p2", k)
		if kept := r.Error != nil; kept != (id == "lasting") || r.Answer != nil {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

// TestKeyWhileRunning: a request that comes again while the first is carried out gets its outcome, or its operation.
func TestKeyWhileRunning(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	begun, resume := halfway(pool, "fill")
	ctx, k := keyed(t.Context(), "k1")
	ended := make(chan error, 1)
	go func() {
		_, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers()).Answering("made"))
		ended <- err
	}()
	<-begun
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if r, err := pool.Engine("p2").Repeated(short, k); err != nil || r.Operation == "" || r.Answer != nil {
		t.Errorf("%+v, %v", r, err)
	}
	close(resume)
	if r := repeated(t, pool, "p2", k); r.Answer == nil || string(r.Answer.Body) != "made" {
		t.Errorf("%+v", r)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestKeyAndCrash kills the coordinator after each event: whatever is left, the request that is sent again is carried out
// exactly once.
func TestKeyAndCrash(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	for n := 1; ; n++ {
		events, died := 0, make(chan struct{})
		pool.Hook(func(peer string, _ transaction.Event) error {
			if peer != "p1" || events == n {
				return nil
			}
			if events++; events == n {
				close(died)
				return transaction.ErrKilled
			}
			return nil
		})
		p := thing{Name: "thing-" + string(rune('a'+n)), ID: "id-" + string(rune('a'+n)), Flag: "p2"}
		ctx, k := keyed(t.Context(), p.ID)
		_, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(p, []string{"p2"}).Answering("made"))
		select {
		case <-died:
		default:
			if err != nil {
				t.Errorf("without a crash: %v", err)
			}
			return
		}
		pool.Kill("p1")
		r := repeated(t, pool, "p3", k)
		_, there, rerr := things.Get(pool.Store("p3"), p.Name)
		if done := r.Answer != nil; rerr != nil || done != there {
			t.Errorf("crash after event %d: the answer says %+v, the thing is there: %v, %v", n, r, there, rerr)
		}
		if r.Answer == nil {
			if _, err := h.create.Run(ctx, pool.Engine("p3"), w.planCreate(p, []string{"p2"}).Answering("made")); err != nil {
				t.Errorf("crash after event %d: the repetition: %v", n, err)
			}
		}
		pool.Start("p1")
	}
}
