package transaction

import "gd2/store"

// backlog is what the recovery loop knows of the store: the transactions that have not ended, and who is alive. It is kept
// from change to change. Every peer hears of every transaction of the pool; those that take no part in one must not look
// through the whole history for it.
type backlog struct {
	store   *store.Store
	changes *store.Changes
	open    map[string]store.Record[Record]
	// boots are the boots of the peers that are alive.
	boots map[string]string
}

// newBacklog begins to collect changes; list and update read them.
func newBacklog(s *store.Store) *backlog {
	return &backlog{
		store: s, changes: s.Changes(recordKind.Prefix(), AliveKind.Prefix()),
		open: map[string]store.Record[Record]{}, boots: map[string]string{},
	}
}

func (b *backlog) close() { b.changes.Close() }

func (b *backlog) has(id string) bool {
	_, open := b.open[id]
	return open
}

// list reads everything, once.
func (b *backlog) list() {
	recs, _ := recordKind.List(b.store) // one that cannot be read is for a newer version of gd2
	for _, r := range recs {
		b.note(r)
	}
	peers, _ := AliveKind.List(b.store) // the same
	for _, p := range peers {
		b.boots[p.ID] = p.Value.Boot
	}
}

// update reads what has changed since.
func (b *backlog) update() {
	for _, key := range b.changes.Take() {
		if id, ok := AliveKind.ID(key); ok {
			b.noteAlive(id)
		} else if id, ok := recordKind.ID(key); ok {
			b.noteTransaction(id)
		}
	}
}

func (b *backlog) noteTransaction(id string) {
	rec, there, err := recordKind.Get(b.store, id)
	if err != nil || !there {
		delete(b.open, id)
		return
	}
	b.note(rec)
}

func (b *backlog) note(rec store.Record[Record]) {
	if rec.Value.State.Finished() {
		delete(b.open, rec.ID)
		return
	}
	b.open[rec.ID] = rec
}

func (b *backlog) noteAlive(id string) {
	rec, there, err := AliveKind.Get(b.store, id)
	if err != nil || !there {
		delete(b.boots, id)
		return
	}
	b.boots[id] = rec.Value.Boot
}
