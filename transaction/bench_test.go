package transaction_test

import (
	"context"
	"fmt"
	"testing"

	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// BenchmarkRun measures what a transaction of one empty step costs, and reports its raft commits.
func BenchmarkRun(b *testing.B) {
	for _, peers := range [][]string{{"p1"}, {"p1", "p2", "p3"}} {
		b.Run(fmt.Sprintf("peers=%d", len(peers)), func(b *testing.B) { benchRun(b, peers) })
	}
}

func benchRun(b *testing.B, peers []string) {
	op := transaction.Operation[int, int]{
		Name: "nothing", Version: 1,
		Steps: []transaction.Step[int]{{Name: "nothing", Do: func(context.Context, *transaction.Call, int) error { return nil }}},
		Commit: func(p int, _ transaction.Outputs) ([]store.Write, []store.Guard, int, error) {
			return nil, nil, p, nil
		},
	}
	pool := transactiontest.NewPool(b, transactiontest.Config{Peers: peers, Registry: func(string) *transaction.Registry {
		r := transaction.NewRegistry()
		transaction.Register(r, op)
		return r
	}})
	h := transaction.Register(transaction.NewRegistry(), op)
	before := pool.Store("p1").Revision()
	for b.Loop() {
		if _, err := h.Run(b.Context(), pool.Engine("p1"), transaction.Plan[int]{Params: 1, Peers: peers, Locks: []string{"nothing"}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(pool.Store("p1").Revision()-before)/float64(b.N), "commits/op")
}
