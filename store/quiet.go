package store

import (
	"sync"
	"time"
)

// Refused connections are logged once a minute for each address, so that nobody can fill the log by knocking.
const (
	quietFor       = time.Minute
	quietAddresses = 1024
)

// quiet remembers of whom the log was told. The zero value is ready.
type quiet struct {
	mu   sync.Mutex
	last map[string]told
}

type told struct {
	at     time.Time
	missed int
}

// tell reports whether the log should hear of the address now, and how often it did not since the last time.
func (q *quiet) tell(address string, now time.Time) (missed int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t, known := q.last[address]
	if known && now.Sub(t.at) < quietFor {
		t.missed++
		q.last[address] = t
		return 0, false
	}
	if q.last == nil || len(q.last) >= quietAddresses {
		q.last = map[string]told{}
	}
	q.last[address] = told{at: now}
	return t.missed, true
}
