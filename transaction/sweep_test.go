package transaction_test

import (
	"fmt"
	"testing"

	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestSweep(t *testing.T) {
	w := toy{root: t.TempDir()}
	_, h := w.register()
	make := func(n int) thing { return thing{Name: fmt.Sprintf("n%d-", n), ID: fmt.Sprintf("i%d-", n), Flag: "p2"} }
	subject := func(pool *transactiontest.Pool, p thing, plan transaction.Plan[any]) transactiontest.Subject {
		return transactiontest.Subject{Plan: plan, World: func() string { return w.text(pool.Store("p1"), p) }}
	}
	transactiontest.Sweep(t, transactiontest.Config{Registry: w.registry}, map[string]transactiontest.Case{
		"thing.create@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			p := make(n)
			return subject(pool, p, w.planCreate(p, pool.Peers()).Erase())
		},
		"thing.remove@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			p := make(1000 + n)
			if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(p, pool.Peers())); err != nil {
				t.Fatal(err)
			}
			rec, _, err := things.Get(pool.Store("p1"), p.Name)
			if err != nil {
				t.Fatal(err)
			}
			return subject(pool, p, transaction.Plan[doomed]{
				Params: doomed{p, rec.Revision}, Peers: pool.Peers(), Locks: []string{"thing/" + p.Name},
			}.Erase())
		},
	})
}
