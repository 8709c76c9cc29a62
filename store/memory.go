package store

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// entry is one record of the copy in memory. It is never changed after it was made: a new revision is a new entry,
// which is also what makes the memoised value right.
type entry struct {
	key     string
	value   []byte
	rev     int64 // revision of the last write
	decoded atomic.Pointer[any]

	look sync.Once // over whether it is history
	past bool
}

// change is one event: an entry that was written, or the key of one that was removed.
type change struct {
	key   string
	entry *entry // nil: removed
}

// memory is the copy of all records at one revision of the store.
type memory struct {
	mu      sync.RWMutex
	byKey   map[string]*entry
	sorted  []*entry // the same, by key: lists are long, and are read more often than changed
	bytes   int64    // of keys and values
	rev     int64
	waiters []waiter
	subs    map[*subscription]struct{}
	// followers are given every change below their prefix, in order.
	followers map[*following]struct{}
	// views are the states that are kept, by the View.
	views map[any]any
}

type waiter struct {
	rev  int64
	done chan struct{}
}

type subscription struct {
	prefixes []string
	signal   chan struct{}
	keys     map[string]struct{} // what has changed, if somebody collects it; the memory's mutex guards it
}

func newMemory() *memory {
	return &memory{byKey: map[string]*entry{}, subs: map[*subscription]struct{}{}, followers: map[*following]struct{}{}, views: map[any]any{}}
}

func (m *memory) lookup(key string) (*entry, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	e, ok := m.byKey[key]
	return e, ok
}

// scan returns the entries below a prefix in the order of their keys.
func (m *memory) scan(prefix string) []*entry {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.below(prefix))
}

// below is the part of sorted below a prefix. The caller has the lock.
func (m *memory) below(prefix string) []*entry {
	from, _ := m.place(prefix)
	rest := m.sorted[from:]
	to, _ := slices.BinarySearchFunc(rest, prefix, func(e *entry, prefix string) int {
		if strings.HasPrefix(e.key, prefix) {
			return -1
		}
		return 1
	})
	return rest[:to]
}

// place is where an entry is in sorted, or would be, and whether it is there.
func (m *memory) place(key string) (int, bool) {
	return slices.BinarySearchFunc(m.sorted, key, func(e *entry, key string) int { return strings.Compare(e.key, key) })
}

// snapshot returns all entries in the order of their keys, and the revision that they are of.
func (m *memory) snapshot() ([]*entry, int64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.sorted), m.rev
}

func (m *memory) revision() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.rev
}

// apply takes in the events of one or more whole revisions, up to rev.
func (m *memory) apply(changes []change, rev int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		m.set(c)
	}
	m.advance(rev)
	m.signal(changes)
}

// replace takes in a full reading of the store. It goes by difference, so that subscribers hear only of what really
// changed, and entries that did not change keep their decoded values. The revision may go back: that is another pool.
func (m *memory) replace(entries []*entry, rev int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var changes []change
	seen := make(map[string]struct{}, len(entries))
	for _, e := range entries {
		seen[e.key] = struct{}{}
		if old, ok := m.byKey[e.key]; ok && old.rev == e.rev && string(old.value) == string(e.value) {
			continue
		}
		changes = append(changes, change{key: e.key, entry: e})
	}
	for _, e := range m.sorted {
		if _, ok := seen[e.key]; !ok {
			changes = append(changes, change{key: e.key})
		}
	}
	if len(changes) > len(entries)/2 {
		m.rebuild(entries)
	} else {
		for _, c := range changes {
			m.set(c)
		}
	}
	m.rev = 0
	m.advance(rev)
	m.signal(changes)
}

// rebuild is cheaper than many single insertions into the sorted entries.
func (m *memory) rebuild(entries []*entry) {
	old := m.byKey
	m.byKey = make(map[string]*entry, len(entries))
	m.sorted, m.bytes = make([]*entry, 0, len(entries)), 0
	for _, e := range entries {
		if o, ok := old[e.key]; ok && o.rev == e.rev && string(o.value) == string(e.value) {
			e = o
		}
		m.byKey[e.key] = e
		m.sorted = append(m.sorted, e)
		m.bytes += e.size()
	}
	slices.SortFunc(m.sorted, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
}

func (e *entry) size() int64 { return int64(len(e.key) + len(e.value)) }

// size returns the number of entries, and what they take.
func (m *memory) size() (entries int, bytes int64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.sorted), m.bytes
}

func (m *memory) set(c change) {
	old, had := m.byKey[c.key]
	if had {
		m.bytes -= old.size()
	}
	if c.entry != nil {
		m.bytes += c.entry.size()
	}
	i, _ := m.place(c.key)
	switch {
	case c.entry == nil && had:
		delete(m.byKey, c.key)
		m.sorted = slices.Delete(m.sorted, i, i+1)
	case c.entry != nil:
		m.byKey[c.key] = c.entry
		if had {
			m.sorted[i] = c.entry
		} else {
			m.sorted = slices.Insert(m.sorted, i, c.entry)
		}
	}
}

// advance sets the revision and wakes those who waited for it.
func (m *memory) advance(rev int64) {
	if rev <= m.rev {
		return
	}
	m.rev = rev
	m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool {
		if w.rev <= rev {
			close(w.done)
			return true
		}
		return false
	})
}

// wait returns a channel that is closed once the copy has the revision, and a function that gives up waiting.
func (m *memory) wait(rev int64) (<-chan struct{}, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	done := make(chan struct{})
	if m.rev >= rev {
		close(done)
		return done, func() {}
	}
	m.waiters = append(m.waiters, waiter{rev: rev, done: done})
	return done, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.waiters = slices.DeleteFunc(m.waiters, func(w waiter) bool { return w.done == done })
	}
}

func (m *memory) signal(changes []change) {
	for f := range m.followers {
		f.take(changes)
	}
	for sub := range m.subs {
		if !sub.note(changes) {
			continue
		}
		select {
		case sub.signal <- struct{}{}:
		default: // one signal waits already; it stands for this change too
		}
	}
}

// note reports whether any of the changes is of those that were subscribed to, and collects their keys.
func (s *subscription) note(changes []change) (concerned bool) {
	for _, c := range changes {
		if !s.covers(c) {
			continue
		}
		if s.keys == nil {
			return true
		}
		s.keys[c.key], concerned = struct{}{}, true
	}
	return concerned
}

func (s *subscription) covers(c change) bool {
	return slices.ContainsFunc(s.prefixes, func(p string) bool { return strings.HasPrefix(c.key, p) })
}

func (m *memory) subscribe(prefixes []string) (<-chan struct{}, func()) {
	sub, end := m.subscription(prefixes, nil)
	return sub.signal, end
}

// subscription begins a subscription; keys, if it is not nil, collects what changes.
func (m *memory) subscription(prefixes []string, keys map[string]struct{}) (*subscription, func()) {
	sub := &subscription{prefixes: slices.Clone(prefixes), signal: make(chan struct{}, 1), keys: keys}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subs[sub] = struct{}{}
	return sub, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, sub)
	}
}
