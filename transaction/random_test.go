package transaction_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"gd2/pkg/api"
	"gd2/store/storetest"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// task is one operation that a caller starts.
type task struct {
	Remove bool
	Thing  int
	From   int
}

// death is a peer that dies after so many events and steps of the whole pool.
type death struct {
	Peer  int
	After int
	Late  bool // it comes back only when all callers have their answers
}

// Whatever is started where, and whoever dies when: in the end everything is there whole or not at all, and nothing is
// locked.
func TestRandomCrashes(t *testing.T) {
	t.Run("one store", func(t *testing.T) { randomCrashes(t, transactiontest.Config{}) })
	t.Run("three stores", func(t *testing.T) { randomCrashes(t, transactiontest.Config{Stores: storetest.Pool(t, 3)}) })
}

func randomCrashes(t *testing.T, cfg transactiontest.Config) {
	w, h, pool := newToy(t, cfg)
	rapid.Check(t, func(rt *rapid.T) {
		tasks := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) task {
			return task{rapid.Bool().Draw(rt, "remove"), rapid.IntRange(0, 2).Draw(rt, "thing"), rapid.IntRange(0, 2).Draw(rt, "from")}
		}), 1, 3).Draw(rt, "tasks")
		deaths := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) death {
			return death{rapid.IntRange(0, 2).Draw(rt, "peer"), rapid.IntRange(1, 30).Draw(rt, "after"), rapid.Bool().Draw(rt, "late")}
		}), 0, 2).Draw(rt, "deaths")
		c := newChaos(pool, deaths)
		var callers sync.WaitGroup
		for _, task := range tasks {
			callers.Go(func() { w.start(t, h, pool, task) })
		}
		callers.Wait()
		c.end()
		w.mustBeWhole(rt, pool)
	})
}

// start runs a task. Its outcome does not matter, only what it leaves.
func (w toy) start(t *testing.T, h handles, pool *transactiontest.Pool, job task) {
	e := pool.Engine(fmt.Sprintf("p%d", 1+job.From))
	if e == nil {
		return // dead just now
	}
	p := thing{Name: fmt.Sprintf("t%d", job.Thing), ID: fmt.Sprintf("id%d", job.Thing), Flag: "p2"}
	if !job.Remove {
		_, _ = h.create.Run(t.Context(), e, w.planCreate(p, pool.Peers()))
		return
	}
	rec, ok, err := things.Get(pool.Store("p1"), p.Name)
	if err != nil || !ok {
		return
	}
	plan := transaction.Plan[doomed]{Params: doomed{p, rec.Revision}, Peers: pool.Peers(), Locks: []string{"thing/" + p.Name}}
	plan.Guards = append(plan.Guards, things.MustBe(p.Name, rec.Revision))
	_, _ = h.remove.Run(t.Context(), e, plan)
}

// chaos kills peers when their time has come.
type chaos struct {
	pool   *transactiontest.Pool
	mu     sync.Mutex
	deaths []death
	count  int
	due    chan death
	work   sync.WaitGroup
}

func newChaos(pool *transactiontest.Pool, deaths []death) *chaos {
	c := &chaos{pool: pool, deaths: deaths, due: make(chan death, len(deaths))}
	pool.Gone(api.Timeout)
	pool.Hook(func(string, transaction.Event) error {
		c.tick()
		return nil
	})
	pool.Around(func(ctx context.Context, _ string, _ transaction.StepInfo, do func(context.Context) error) error {
		c.tick()
		return do(ctx)
	})
	c.work.Go(func() {
		for d := range c.due {
			pool.Kill(c.name(d))
			if !d.Late {
				pool.Start(c.name(d))
			}
		}
	})
	return c
}

func (c *chaos) name(d death) string { return fmt.Sprintf("p%d", 1+d.Peer) }

func (c *chaos) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	for i, d := range c.deaths {
		if d.After == c.count {
			c.due <- c.deaths[i]
		}
	}
}

// end lets the peers live again.
func (c *chaos) end() {
	c.mu.Lock()
	c.deaths = nil
	c.mu.Unlock()
	close(c.due)
	c.work.Wait()
	c.pool.Gone(api.Unavailable)
	for _, p := range c.pool.Peers() {
		c.pool.Start(p)
	}
}

func (w toy) mustBeWhole(rt *rapid.T, pool *transactiontest.Pool) {
	s := pool.Store("p1")
	if err := s.Sync(context.Background()); err != nil {
		rt.Fatal(err)
	}
	list, err := transaction.List(s)
	if err != nil {
		rt.Fatal(err)
	}
	for _, v := range list {
		if !transaction.State(v.State).Finished() {
			pool.WaitFinished(v.ID)
		}
	}
	for i := range 3 {
		p := thing{Name: fmt.Sprintf("t%d", i), ID: fmt.Sprintf("id%d", i)}
		whole := "/p1/NAME \n/p1/NAME/data data of NAME\n/p1/NAME/id ID\n" +
			"/p2/NAME \n/p2/NAME/data data of NAME\n/p2/NAME/id ID\n/p2/NAME.flag ID\n" +
			"/p3/NAME \n/p3/NAME/data data of NAME\n/p3/NAME/id ID\nrecord {Name:NAME ID:ID Flag:p2 Sizes:21} <nil>\n"
		if got := w.text(s, p); got != "" && got != whole {
			rt.Errorf("%s is neither there nor gone:\n%s", p.Name, got)
		}
		if pool.Engine("p1").LockHeld("thing/" + p.Name) {
			rt.Errorf("%s is locked", p.Name)
		}
	}
}
