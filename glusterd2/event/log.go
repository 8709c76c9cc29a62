package event

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
)

// Log is this peer's reading of the history of events. Its methods may be called from any goroutine.
type Log struct {
	store  *store.Store
	follow *store.Follower[Record]

	mu   sync.Mutex
	held []held // in order
	ids  map[string]struct{}
}

// held is one event in memory.
type held struct {
	record string
	at     Position
	origin string
	time   time.Time
	entry  Entry
}

// NewLog returns the history as the store's copy has it, now and later. Close ends it.
func NewLog(s *store.Store) *Log {
	return &Log{store: s, follow: records.Follow(s), ids: map[string]struct{}{}}
}

// Close lets go of the store's copy.
func (l *Log) Close() { l.follow.Stop() }

// Page is a part of the history.
type Page struct {
	Events []api.Event
	// Next is where to go on: after the last event that was looked at, whether it was picked or not.
	Next Position
}

// Read returns the events after a place, oldest first, that the filter picks, but not more than limit. If some of them
// are no longer there the first event says so, as api.EventsLost.
func (l *Log) Read(since Since, f Filter, limit int) Page {
	pool := l.Pool()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	page := Page{Next: since.After}
	if lost := l.lost(since, pool); lost != nil {
		page.Next = Position{Revision: lost.Revision, Index: lost.Index}
		page.Events = append(page.Events, *lost)
	}
	from, _ := slices.BinarySearchFunc(l.held, page.Next, func(h held, p Position) int {
		if p.Before(h.at) {
			return 1
		}
		return -1
	})
	for i := from; i < len(l.held) && len(page.Events) < limit; i++ {
		h := &l.held[i]
		page.Next = h.at
		if !since.Time.IsZero() && h.time.Before(since.Time) {
			continue
		}
		if e := h.event(pool); f.Match(&e) {
			page.Events = append(page.Events, e)
		}
	}
	return page
}

// Last returns the newest events that the filter picks, oldest first, but not more than limit.
func (l *Log) Last(f Filter, limit int) []api.Event {
	pool := l.Pool()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	var out []api.Event
	for i := len(l.held) - 1; i >= 0 && len(out) < limit; i-- {
		if e := l.held[i].event(pool); f.Match(&e) {
			out = append(out, e)
		}
	}
	slices.Reverse(out)
	return out
}

// End is the place after everything that this peer's copy has.
func (l *Log) End() Position { return AfterRevision(l.store.Revision()) }

// Count tells how many events after a place the filter picks.
func (l *Log) Count(after Position, f Filter) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	n := 0
	for i := range l.held {
		if h := &l.held[i]; after.Before(h.at) && f.Match(&api.Event{Name: h.entry.Name, Data: h.entry.Data}) {
			n++
		}
	}
	return n
}

// Wait returns once something may have been added after a place, or with the error of ctx.
func (l *Log) Wait(ctx context.Context, after Position) error {
	signal, stop := l.store.Subscribe(Prefix)
	defer stop()
	for !l.beyond(after) {
		select {
		case <-signal:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (l *Log) beyond(p Position) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refresh()
	return len(l.held) > 0 && p.Before(l.held[len(l.held)-1].at)
}

// Pool returns the id of the pool whose history this is; empty if it is not known.
func (l *Log) Pool() string {
	rec, _, err := peer.PoolRecord.Get(l.store, "")
	if err != nil {
		return ""
	}
	return rec.Value.ID
}

// refresh takes in what the copy has got since the last call.
func (l *Log) refresh() {
	gone := map[string]struct{}{}
	for _, c := range l.follow.Take() {
		if _, ok := l.ids[c.Record.ID]; ok {
			gone[c.Record.ID] = struct{}{}
			delete(l.ids, c.Record.ID)
		}
		if !c.Removed && c.Err == nil { // what cannot be read is for a newer version of gd2
			l.remove(gone)
			l.add(c.Record)
		}
	}
	l.remove(gone)
}

func (l *Log) remove(records map[string]struct{}) {
	if len(records) == 0 {
		return
	}
	l.held = slices.DeleteFunc(l.held, func(h held) bool { _, ok := records[h.record]; return ok })
	clear(records)
}

// add takes in one record. They come in order, but for the first reading and one of another pool.
func (l *Log) add(r store.Record[Record]) {
	l.ids[r.ID] = struct{}{}
	for i, e := range r.Value.Events {
		h := held{record: r.ID, at: Position{Revision: r.Revision, Index: i}, origin: r.Value.Origin, time: r.Value.Time, entry: e}
		at, _ := slices.BinarySearchFunc(l.held, h, func(a, b held) int {
			return cmp.Or(cmp.Compare(a.at.Revision, b.at.Revision), cmp.Compare(a.at.Index, b.at.Index))
		})
		l.held = slices.Insert(l.held, at, h)
	}
}

func (h *held) event(pool string) api.Event {
	return api.Event{
		ID: ID(h.at, pool), Name: h.entry.Name, Data: h.entry.Data, Origin: h.origin,
		Timestamp: h.time.Format(time.RFC3339Nano), Revision: h.at.Revision, Index: h.at.Index,
	}
}

// lost is the event that tells a reader that the history does not go back to where it left off, or nil.
func (l *Log) lost(since Since, pool string) *api.Event {
	cut, _, _ := pruned.Get(l.store, "") // one that cannot be read cut off nothing that this version knows of
	floor := cut.Value.Revision
	var reason string
	switch {
	case !since.Time.IsZero() || since.After == Position{}:
		return nil
	case since.Foreign:
		reason = "the event is of another pool's history"
	case since.After.Revision < floor:
		reason = "the history does not go back so far"
	case since.After.Revision > l.store.Revision():
		reason = "the event is not in the history: the pool was brought back from an older state"
	default:
		return nil
	}
	at := AfterRevision(floor)
	h := held{at: at, time: time.Now().UTC(), entry: Entry{Name: api.EventsLost, Data: map[string]string{api.DataReason: reason}}}
	e := h.event(pool)
	return &e
}
