package quotas

import (
	"fmt"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// Every operation on quotas, proved by the harness.
func TestSweep(t *testing.T) {
	s := &subjects{host: newFakeHost("")}
	cfg := transactiontest.Config{Registry: func(string) *transaction.Registry {
		r := transaction.NewRegistry()
		Register(r, s.host)
		return r
	}}
	usage := &volume.Bound{Hard: 1 << 20, Soft: volume.SoftDefault}
	transactiontest.Sweep(t, cfg, map[string]transactiontest.Case{
		"quota.enable@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n)
			return s.subject(pool, n, switchPlan(rec, withQuota(rec.Value)).Erase())
		},
		"quota.switch-off@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n)
			return s.subject(pool, n, switchPlan(rec, withoutQuota(rec.Value)).Erase())
		},
		"quota.limit@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n)
			old := s.limit(t, pool, rec, "/a", usage)
			changed := old.Value
			changed.Objects = &volume.Bound{Hard: 5, Soft: 50}
			return s.subject(pool, n, limitPlan(rec, pool.Peers()[1], old, changed).Erase())
		},
		"quota.unlimit@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n)
			limits := []store.Record[volume.Limit]{s.limit(t, pool, rec, "/a", usage), s.limit(t, pool, rec, "/b", usage)}
			return s.subject(pool, n, unlimitPlan(rec, pool.Peers()[1], limits).Erase())
		},
	})
}

type subjects struct{ host *fakeHost }

func name(n int) string { return fmt.Sprintf("v%dx", n) }

func (s *subjects) volume(t testing.TB, pool *transactiontest.Pool, n int) volumeRecord {
	t.Helper()
	s.host.add(name(n), "/a", "/b")
	commit(t, pool.Store("p1"), volume.Records.Create(name(n), testVolume(name(n))))
	rec, _, err := volume.Records.Get(pool.Store("p1"), name(n))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// limit gives a directory a limit, on the host and in the records.
func (s *subjects) limit(t testing.TB, pool *transactiontest.Pool, rec volumeRecord, path string, b *volume.Bound) store.Record[volume.Limit] {
	t.Helper()
	l := volume.Limit{GFID: "gfid of " + path, Path: path, Usage: b}
	if err := s.host.Set(t.Context(), rec.ID, l); err != nil {
		t.Fatal(err)
	}
	kind := volume.Limits(rec.Value.ID)
	commit(t, pool.Store("p1"), kind.Create(l.GFID, l))
	out, _, err := kind.Get(pool.Store("p1"), l.GFID)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// subject is an operation on the n-th volume: its world is the limits on the host and the records.
func (s *subjects) subject(pool *transactiontest.Pool, n int, plan transaction.Plan[any]) transactiontest.Subject {
	return transactiontest.Subject{Plan: plan, World: func() string {
		st := pool.Store("p1")
		rec, _, err := volume.Records.Get(st, name(n))
		if err != nil {
			return err.Error()
		}
		limits, err := volume.Limits(rec.Value.ID).List(st)
		text := fmt.Sprint(s.host.text(name(n)), rec.Value.Options, rec.Value.QuotaVersion, err)
		for _, l := range limits {
			text += fmt.Sprint(l.ID, l.Value.Usage != nil, l.Value.Objects != nil)
		}
		return text
	}}
}
