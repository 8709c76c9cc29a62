package store

import (
	"strings"
	"sync"
)

// Followed is one change of a record: written, or removed.
type Followed[T any] struct {
	// Record has only its ID if it was removed.
	Record  Record[T]
	Removed bool
	// Err says why the record cannot be read; Record has its ID and Revision then.
	Err error
}

// Follower hands out all records of a kind, then every change of them, each once and in the order of the store.
type Follower[T any] struct {
	kind Kind[T]
	mem  *memory
	f    *following
}

// following collects the changes below a prefix.
type following struct {
	prefix string
	limit  int // of what is pending; 0 is none

	mu      sync.Mutex
	pending []change
	over    bool // there were more than the limit, and none is kept
}

// Follow begins with all the records that there are. The caller takes the changes now and then, or they pile up, and
// ends with Stop.
func (k Kind[T]) Follow(s *Store) *Follower[T] {
	f := &following{prefix: k.prefix}
	m := s.mem
	m.mu.Lock()
	defer m.mu.Unlock()
	f.take(entriesOf(m.below(k.prefix)))
	m.followers[f] = struct{}{}
	return &Follower[T]{kind: k, mem: m, f: f}
}

// Stop ends it.
func (f *Follower[T]) Stop() {
	f.mem.mu.Lock()
	defer f.mem.mu.Unlock()
	delete(f.mem.followers, f.f)
}

// Take returns what has changed since the last call, without waiting. What the copy had before the call is in it.
func (f *Follower[T]) Take() []Followed[T] {
	f.f.mu.Lock()
	changes := f.f.pending
	f.f.pending = nil
	f.f.mu.Unlock()
	out := make([]Followed[T], 0, len(changes))
	for _, c := range changes {
		if c.entry == nil {
			id := strings.TrimPrefix(c.key, f.kind.prefix)
			out = append(out, Followed[T]{Record: Record[T]{ID: id}, Removed: true})
			continue
		}
		rec, err := f.kind.record(c.entry)
		if err != nil {
			rec = Record[T]{ID: strings.TrimPrefix(c.key, f.kind.prefix), Revision: c.entry.rev}
		}
		out = append(out, Followed[T]{Record: rec, Err: err})
	}
	return out
}

func (f *following) take(changes []change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		if !f.over && strings.HasPrefix(c.key, f.prefix) {
			f.pending = append(f.pending, c)
		}
		if f.limit > 0 && len(f.pending) > f.limit {
			f.pending, f.over = nil, true
		}
	}
}
