package transaction

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// never is how long the recovery loop sleeps when it waits for nothing but a signal.
const never = time.Hour

// stall is a transaction of ours that waits for another attempt.
type stall struct {
	attempts int // all of them, for the backoff
	hard     int // those that failed for a reason that will not pass by itself
	due      time.Time
	boots    map[string]string // of the peers that failed: their boot at that time, "" for none
}

// Run brings to their end what was left behind: transactions of this peer's earlier runs at once, those of other peers
// when their sign of life has been missing for the grace time, and stalled ones of its own with backoff or when a peer
// that they wait for is back. It returns when ctx or the engine ends.
func (e *Engine) Run(ctx context.Context) error {
	b := newBacklog(e.cfg.Store)
	defer b.close()
	select {
	case <-e.cfg.Store.Ready():
	case <-ctx.Done():
		return nil
	case <-e.ctx.Done():
		return nil
	}
	b.list()
	timer := time.NewTimer(never)
	defer timer.Stop()
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for {
		timer.Reset(time.Until(e.scan(b, time.Now())))
		select {
		case <-ctx.Done():
			return nil
		case <-e.ctx.Done():
			return nil
		case <-b.changes.Signal():
		case <-e.kick:
		case <-timer.C:
		case now := <-tidy.C:
			e.tidy(now)
		}
		b.update()
	}
}

// scan starts work on every unfinished transaction that is ours to end now, and returns when to look again.
func (e *Engine) scan(b *backlog, now time.Time) time.Time {
	e.forget(b)
	next := now.Add(never)
	for _, r := range b.open {
		if r.Value.State == Stuck {
			continue
		}
		due, ours := e.due(r, b.boots, now)
		switch {
		case !ours:
		case due.After(now):
			if due.Before(next) {
				next = due
			}
		default:
			e.recover(r)
		}
	}
	return next
}

// boots returns the boot of every peer that is alive.
func (e *Engine) boots() map[string]string {
	recs, _ := AliveKind.List(e.cfg.Store) // one that cannot be read is of a newer version
	boots := make(map[string]string, len(recs))
	for _, r := range recs {
		boots[r.ID] = r.Value.Boot
	}
	return boots
}

// due says when this engine should take up a transaction that it does not drive at the moment, if ever.
func (e *Engine) due(r store.Record[Record], boots map[string]string, now time.Time) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active[r.ID] != nil {
		return now, false
	}
	due := now
	if s := e.stalls[r.ID]; s != nil && !s.changed(boots) {
		due = s.due
	}
	if r.Value.Owner.Peer == e.cfg.PeerID {
		return due, true
	}
	if _, alive := boots[r.Value.Owner.Peer]; alive {
		return now, false
	}
	since, seen := e.absent[r.Value.Owner.Peer]
	if !seen {
		since = now
		e.absent[r.Value.Owner.Peer] = now
	}
	if grace := since.Add(e.cfg.Grace); grace.After(due) {
		due = grace
	}
	return due, true
}

// changed reports whether a peer that failed has come back in another run.
func (s *stall) changed(boots map[string]string) bool {
	for peer, boot := range s.boots {
		if now := boots[peer]; now != "" && now != boot {
			return true
		}
	}
	return false
}

// forget drops what is remembered of transactions that have finished and of peers that are alive.
func (e *Engine) forget(b *backlog) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.stalls, func(id string, _ *stall) bool { return !b.has(id) && e.active[id] == nil })
	maps.DeleteFunc(e.quiet, func(id string, _ struct{}) bool { return !b.has(id) })
	maps.DeleteFunc(e.gates, func(id string, g *gate) bool { return !b.has(id) && g.idle() })
	maps.DeleteFunc(e.meters, func(id string, _ *meter) bool { return !b.has(id) && e.gates[id] == nil })
	maps.DeleteFunc(e.absent, func(peer string, _ time.Time) bool { return b.boots[peer] != "" })
}

// stalled notes an attempt that did not end a transaction, and returns how many failed for good.
func (e *Engine) stalled(id string, failures map[string]*api.Error) (hard int) {
	boots := e.boots()
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stalls[id]
	if s == nil {
		s = &stall{}
		e.stalls[id] = s
	}
	s.boots = map[string]string{}
	counts := false
	for peer, err := range failures {
		s.boots[peer] = boots[peer]
		counts = counts || !transient(err)
	}
	if counts {
		s.hard++
	}
	pause := e.cfg.MaxBackoff
	if s.attempts < 20 {
		pause = min(pause, e.cfg.Backoff<<s.attempts)
	}
	s.attempts++
	s.due = time.Now().Add(pause)
	return s.hard
}

// recover takes a transaction up, in a goroutine of its own.
func (e *Engine) recover(r store.Record[Record]) {
	d := e.adopter(r)
	if d == nil || d.def.course != nil && d.def.course.avoid(r.Value.Params) == e.cfg.PeerID || !e.claim(d) {
		return
	}
	go func() {
		defer e.release(d)
		if d.rec.Owner != e.owner || d.rec.State == Running {
			var guards []store.Guard
			if owner := r.Value.Owner.Peer; owner != e.cfg.PeerID {
				guards = append(guards, AliveKind.MustBeAbsent(owner))
			}
			if !d.adopt(guards...) {
				// Someone was faster, or the owner is alive after all. The copy must know before it is judged again.
				_ = e.cfg.Store.Sync(e.ctx)
				return
			}
		}
		if _, err := d.proceed(); err != nil && !d.rec.State.Finished() {
			d.log().WithError(err).Info("transaction has not ended yet")
		}
		d.settle()
	}()
}

// adopter returns a drive for a record of the store, or nil if this daemon does not know the operation.
func (e *Engine) adopter(r store.Record[Record]) *drive {
	def := e.definition(operationKey(r.Value.Operation, r.Value.Version))
	if def != nil {
		if op, err := def.bind(r.Value.Params); err == nil {
			return &drive{e: e, id: r.ID, def: def, op: op, rec: r.Value.clone(), rev: r.Revision}
		}
	}
	e.mu.Lock()
	_, said := e.quiet[r.ID]
	e.quiet[r.ID] = struct{}{}
	e.mu.Unlock()
	if !said {
		e.log.WithField("transaction", r.ID).WithField("operation", operationKey(r.Value.Operation, r.Value.Version)).
			Warn("transaction left to other peers: this daemon does not know its operation")
	}
	return nil
}

// adopt makes this engine the owner. Only the guarded write decides who is. It reports success.
func (d *drive) adopt(guards ...store.Guard) bool {
	rec, from := d.rec, d.rec.Owner
	rec.Owner, rec.PeerErrors = d.e.owner, nil
	switch {
	case rec.Pivoted:
		rec.State = Forward
	case d.def.course != nil && rec.State == Running:
	case rec.State == Running:
		rec.Left = len(d.def.steps)
		rec.Error = api.Errorf(api.Unavailable, "the daemon of peer %s, which coordinated the transaction, stopped; peer %s unwound it",
			from.Peer, d.e.owner.Peer).With(api.FieldTransaction, d.id)
		fallthrough
	default:
		rec.State = Unwinding
	}
	if err := d.write(rec, guards...); err != nil {
		if !api.IsKind(err, api.Conflict) {
			d.e.stalled(d.id, nil)
			d.log().WithError(err).Warn("transaction could not be adopted")
		}
		return false
	}
	d.log().WithField("owner", from.Peer).WithField("state", rec.State).Info("transaction adopted")
	return d.event(Event{Kind: Adopted}) == nil
}

// proceed brings an adopted transaction to its end.
func (d *drive) proceed() (json.RawMessage, error) {
	switch {
	case d.rec.Pivoted:
		return d.forward(d.def.pivot)
	case d.def.course != nil && d.rec.State == Running:
		return d.conduct(true)
	}
	return d.unwind()
}
