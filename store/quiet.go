package store

import (
	"sync"
	"time"
)

// Refused connections are logged once a minute for each address, so that nobody can fill the log by knocking.
const (
	quietFor       = time.Minute
	quietAddresses = 1024
	// deafAfter is how many connections of an address are refused in a minute before the rest of that minute is not even
	// heard: a handshake costs more than a knock. Our own clients, who try again for ever, come once a second.
	deafAfter = 240
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

// deaf reports whether an address has been refused so often lately that it is not heard.
func (q *quiet) deaf(address string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	t, known := q.last[address]
	return known && t.missed >= deafAfter && now.Sub(t.at) < quietFor
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
