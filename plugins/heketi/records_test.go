package heketi

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"gd2/glusterd2/peer"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func commit(t testing.TB, s *store.Store, writes ...store.Write) {
	t.Helper()
	rev, err := s.Commit(t.Context(), writes)
	if err == nil {
		err = s.WaitRevision(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The operation of this package, proved by the harness: a node is made, of a peer that is in a zone from then on.
func TestSweep(t *testing.T) {
	cfg := transactiontest.Config{Registry: func(string) *transaction.Registry {
		r := transaction.NewRegistry()
		Register(r)
		return r
	}}
	transactiontest.Sweep(t, cfg, map[string]transactiontest.Case{
		"heketi.edit@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			st, id := pool.Store("p1"), fmt.Sprintf("peer-%d", n)
			commit(t, st, peer.Records.Create(id, &peer.Peer{ID: id, Name: "n", Host: "n"}))
			p, _, err := peer.Records.Get(st, id)
			if err != nil {
				t.Fatal(err)
			}
			plan := editPlan((&topology{}).newNode(nodeRequest("n", "c"), p))
			return transactiontest.Subject{Plan: plan.Erase(), World: func() string {
				p, _, err := peer.Records.Get(st, id)
				_, there, nerr := nodeRecords.Get(st, hexID(id))
				return fmt.Sprint(p.Value.Zone() == id, there, err, nerr)
			}}
		},
	})
}
