package webhook

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/event"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

const (
	// assignEvery is how often it is looked who should deliver, besides when something changes.
	assignEvery = 2 * time.Second
	// othersFirst is how long a webhook without an owner is left to the peer that should have it.
	othersFirst = 4 * time.Second
)

// Config is what a Deliverer is made of.
type Config struct {
	Store   *store.Store
	History *event.Log
	Sender  *Sender
	// Self is this run of the daemon.
	Self transaction.Owner
	// Backoff is the pause after the first failure (1 s); it doubles up to MaxBackoff (1 min).
	Backoff, MaxBackoff time.Duration
	Log                 *logrus.Entry
}

// Deliverer delivers to the webhooks that this peer owns, and takes over those whose owner is gone.
type Deliverer struct {
	cfg     Config
	workers map[string]context.CancelFunc
	ended   chan string
	vacant  map[string]time.Time // since when a webhook has no owner
}

// NewDeliverer returns a Deliverer that does nothing before Run.
func NewDeliverer(c Config) *Deliverer {
	if c.Backoff == 0 {
		c.Backoff = time.Second
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = time.Minute
	}
	return &Deliverer{cfg: c, workers: map[string]context.CancelFunc{}, ended: make(chan string), vacant: map[string]time.Time{}}
}

// Run delivers until ctx ends.
func (d *Deliverer) Run(ctx context.Context) error {
	changed, stop := d.cfg.Store.Subscribe(store.PrefixWebhooks, store.PrefixDeliveries, store.PrefixAlive)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(assignEvery)
	defer tick.Stop()
	for {
		if !d.cfg.Store.Stale() && d.cfg.Store.Waiting() == "" {
			d.assign(ctx, &wg, time.Now())
		}
		select {
		case <-changed:
		case <-tick.C:
		case id := <-d.ended:
			delete(d.workers, id)
		case <-ctx.Done():
			go func() { wg.Wait(); close(d.ended) }()
			for id := range d.ended {
				delete(d.workers, id)
			}
			return nil
		}
	}
}

// assign starts a worker for each webhook that is this peer's, ends the others', and claims those without an owner.
func (d *Deliverer) assign(ctx context.Context, wg *sync.WaitGroup, now time.Time) {
	hooks, _ := Records.List(d.cfg.Store) // one that cannot be read is left to a newer version of gd2
	ours := map[string]bool{}
	for _, w := range hooks {
		del, ok, err := Deliveries.Get(d.cfg.Store, w.ID)
		if err != nil || !ok {
			continue
		}
		switch {
		case del.Value.Owner == d.cfg.Self:
			ours[w.ID] = true
			if d.workers[w.ID] == nil {
				d.start(ctx, wg, w, del)
			}
		case d.ownerless(del.Value.Owner) && d.mayClaim(w.ID, now):
			d.claim(ctx, del)
		}
	}
	for id, cancel := range d.workers {
		if !ours[id] {
			cancel()
		}
	}
}

func (d *Deliverer) start(ctx context.Context, wg *sync.WaitGroup, w store.Record[Webhook], del store.Record[Delivery]) {
	ctx, cancel := context.WithCancel(ctx)
	d.workers[w.ID] = cancel
	delete(d.vacant, w.ID)
	wk := &worker{Config: &d.cfg, hook: w, rev: del.Revision, state: del.Value}
	wg.Go(func() {
		defer cancel()
		wk.run(ctx)
		d.ended <- w.ID
	})
}

// ownerless reports whether the run of a daemon that owned a webhook is over.
func (d *Deliverer) ownerless(o transaction.Owner) bool {
	alive, ok, err := transaction.AliveKind.Get(d.cfg.Store, o.Peer)
	return err == nil && (!ok || alive.Value.Boot != o.Boot)
}

// mayClaim leaves a webhook to the peer that should have it, for a while.
func (d *Deliverer) mayClaim(id string, now time.Time) bool {
	since, ok := d.vacant[id]
	if !ok {
		since = now
		d.vacant[id] = now
	}
	return now.Sub(since) >= othersFirst || d.preferred(id) == d.cfg.Self.Peer
}

// preferred is the peer that should deliver to a webhook: each peer draws a number for it, and the highest has it, so
// that webhooks spread over the peers and stay where they are.
func (d *Deliverer) preferred(id string) string {
	alive, _ := transaction.AliveKind.List(d.cfg.Store) // what is left out does not get it
	best, peer := uint64(0), ""
	for _, a := range alive {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id + a.ID)) // never fails
		if n := h.Sum64(); peer == "" || n > best {
			best, peer = n, a.ID
		}
	}
	return peer
}

// claim makes this peer the owner, unless another was faster or the owner is back.
func (d *Deliverer) claim(ctx context.Context, del store.Record[Delivery]) {
	next := del.Value
	next.Owner = d.cfg.Self
	guard := transaction.AliveKind.MustBeAbsent(del.Value.Owner.Peer)
	writes := []store.Write{Deliveries.Update(del.ID, next, del.Revision)}
	var err error
	if alive, ok, _ := transaction.AliveKind.Get(d.cfg.Store, del.Value.Owner.Peer); ok {
		guard = transaction.AliveKind.MustBe(alive.ID, alive.Revision)
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	if del.Value.Owner.Peer == "" {
		_, err = d.cfg.Store.Commit(ctx, writes)
	} else {
		_, err = d.cfg.Store.Commit(ctx, writes, guard)
	}
	if err != nil && ctx.Err() == nil && !api.IsKind(err, api.Conflict) {
		d.cfg.Log.WithError(err).Debug("a webhook cannot be taken over yet")
	}
}
