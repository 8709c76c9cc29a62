package transaction_test

import (
	"fmt"
	"sync"
	"testing"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// claim plans the creation of a thing that claims of a cake, after it has read what others have claimed.
func claim(t testing.TB, w toy, r store.Reader, name string, amount uint64) (transaction.Plan[thing], uint64) {
	t.Helper()
	rev, err := transaction.ClaimRevision(r, "cake")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := transaction.Claimed(r)
	if err != nil {
		t.Fatal(err)
	}
	plan := w.planCreate(thing{Name: name, ID: "id-" + name, Flag: "p1"}, []string{"p1"})
	plan.Claims = map[string]transaction.Claim{"cake": {Amount: amount, Revision: rev}}
	return plan, sums["cake"]
}

func TestClaimsEndWithTheirTransaction(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	st := pool.Store("p1")
	inside, release := hold(pool, "make")
	first, _ := claim(t, w, st, "t1", 5)
	same, _ := claim(t, w, st, "t2", 5)
	ended := make(chan error, 1)
	go func() {
		_, err := h.create.Run(t.Context(), pool.Engine("p1"), first)
		ended <- err
	}()
	<-inside
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), same); !transaction.ClaimLost(err) {
		t.Errorf("two have claimed what they saw in the same state: %v", err)
	}
	if _, taken := claim(t, w, st, "t2", 5); taken != 5 {
		t.Errorf("%d are claimed while the first runs", taken)
	}
	release()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := st.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, taken := claim(t, w, st, "t2", 5); taken != 0 {
		t.Errorf("%d are claimed after all have ended", taken)
	}
}

// Many claim at once of a cake of ten, each of which keeps what it has: no more than ten get a piece.
func TestClaimsNeverOversubscribe(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	var wait sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for n := range 30 {
		peer := fmt.Sprintf("p%d", n%3+1)
		wait.Go(func() {
			for {
				st := pool.Store(peer)
				if err := st.Sync(t.Context()); err != nil {
					t.Error(err)
					return
				}
				plan, taken := claim(t, w, st, fmt.Sprintf("t%d", n), 1)
				recs, err := things.List(st)
				if err != nil {
					t.Error(err)
					return
				}
				if taken+uint64(len(recs)) >= 10 {
					return
				}
				_, err = h.create.Run(t.Context(), pool.Engine(peer), plan)
				if api.IsKind(err, api.Conflict) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				got++
				mu.Unlock()
				return
			}
		})
	}
	wait.Wait()
	if got != 10 {
		t.Errorf("%d of thirty have a piece of ten", got)
	}
}
