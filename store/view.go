package store

import (
	"maps"
	"slices"
	"sync"
)

// View is what is worked out of all records of a kind, such as a sum or an index. A store keeps the state of each View that was read,
// so that a reading costs as much as has changed since the one before, however many records there are. It is a definition, to
// be made once, like a Kind; S refers to what Put and Drop change, such as a map.
type View[T, S any] struct {
	Kind Kind[T]
	// New makes the state of no records.
	New func() S
	// Put adds a record to the state; Drop takes away one that Put has added.
	Put, Drop func(s S, rec Record[T])
}

// Read calls f with the state, which f must neither change nor keep. Records that cannot be decoded are left out and named in
// the error.
func (w *View[T, S]) Read(r Reader, f func(S)) error {
	var v *viewed[T, S]
	if s, ok := r.(*Store); ok {
		v = w.of(s.mem)
	} else {
		v = w.begin() // of a reader that lasts for one question
		w.add(v, entriesOf(r.scan(w.Kind.prefix)))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	w.catchUp(v)
	f(v.state)
	return v.err()
}

// viewed is the state of a View of one store.
type viewed[T, S any] struct {
	mem    *memory // nil: it is not kept
	follow following

	mu    sync.Mutex
	state S
	has   map[string]Record[T] // by key
	bad   map[string]error     // of records that cannot be decoded, by key
}

// maxBehind bounds the changes that wait for somebody who reads the view. Beyond that it begins anew.
const maxBehind = 4096

func (w *View[T, S]) begin() *viewed[T, S] {
	v := &viewed[T, S]{follow: following{prefix: w.Kind.prefix, limit: maxBehind, over: true}}
	w.clear(v)
	return v
}

func (w *View[T, S]) clear(v *viewed[T, S]) {
	v.state, v.has, v.bad = w.New(), map[string]Record[T]{}, map[string]error{}
}

// of returns the state that is kept for a copy; from the first time on it follows the copy.
func (w *View[T, S]) of(m *memory) *viewed[T, S] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if kept, ok := m.views[w].(*viewed[T, S]); ok {
		return kept
	}
	v := w.begin()
	v.mem = m
	m.views[w] = v
	m.followers[&v.follow] = struct{}{}
	return v
}

// catchUp takes in what has changed.
func (w *View[T, S]) catchUp(v *viewed[T, S]) {
	if v.mem == nil {
		return
	}
	changes, over := v.follow.drain()
	if over {
		changes = v.mem.startOver(&v.follow)
		w.clear(v)
	}
	w.add(v, changes)
}

func (w *View[T, S]) add(v *viewed[T, S], changes []change) {
	for _, c := range changes {
		if old, ok := v.has[c.key]; ok {
			w.Drop(v.state, old)
			delete(v.has, c.key)
		}
		delete(v.bad, c.key)
		if c.entry == nil {
			continue
		}
		rec, err := w.Kind.record(c.entry)
		if err != nil {
			v.bad[c.key] = err
			continue
		}
		w.Put(v.state, rec)
		v.has[c.key] = rec
	}
}

func (v *viewed[T, S]) err() error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(v.bad)) {
		errs = append(errs, v.bad[key])
	}
	return unreadable(errs)
}

func entriesOf(entries []*entry) []change {
	changes := make([]change, len(entries))
	for i, e := range entries {
		changes[i] = change{key: e.key, entry: e}
	}
	return changes
}

// drain returns what waits, or that more has changed than could wait.
func (f *following) drain() (changes []change, over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changes, f.pending = f.pending, nil
	return changes, f.over
}

// startOver returns all records that there are; those that change from then on wait again.
func (m *memory) startOver(f *following) []change {
	m.mu.RLock() // changes are made, and made known, under the whole lock
	defer m.mu.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending, f.over = nil, false
	return entriesOf(m.below(f.prefix))
}
