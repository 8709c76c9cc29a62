package transaction_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// faultEnv names, for a run of this test binary by itself, what is wrong with the toy's operations.
const faultEnv = "GD2_TEST_FAULT"

// The sweep must find the faults that it is there for: it is run in a process of its own, where it is to fail.
func TestSweepFindsFaults(t *testing.T) {
	for fault, words := range map[string]string{
		"do only once":    "each step twice",
		"undo forgets":    "the world is not as it should be",
		"undo needs a do": "is stuck",
	} {
		t.Run(fault, func(t *testing.T) {
			run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSweep$/^thing.create@1$")
			run.Env = append(os.Environ(), faultEnv+"="+fault)
			out, err := run.CombinedOutput()
			if err == nil || !strings.Contains(string(out), words) {
				t.Errorf("the sweep ended with %v and did not say %q:\n%s", err, words, out)
			}
		})
	}
}

func TestSweep(t *testing.T) {
	w := toy{root: t.TempDir(), fault: os.Getenv(faultEnv)}
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
