package peer

import (
	"math"
	"time"

	"gd2/store"
)

// absences remembers since when peers have been away, as far as this daemon has seen it. A daemon that starts, or sees a
// peer go for the first time, counts from then: it is patient rather than wrong.
type absences struct{ since map[string]time.Time }

// note takes in who is at work now.
func (a *absences) note(peers []store.Record[*Peer], online func(string) bool, now time.Time) {
	since := map[string]time.Time{}
	for _, p := range peers {
		if online(p.ID) {
			continue
		}
		since[p.ID] = now
		if t, ok := a.since[p.ID]; ok {
			since[p.ID] = t
		}
	}
	a.since = since
}

// of returns how long a peer has been away; 0 for one that is at work.
func (a *absences) of(id string, now time.Time) time.Duration {
	t, ok := a.since[id]
	if !ok {
		return 0
	}
	return now.Sub(t)
}

// next returns how long it takes until some peer will have been away for the limit.
func (a *absences) next(now time.Time, limit time.Duration) time.Duration {
	next := time.Duration(math.MaxInt64)
	for id := range a.since {
		if left := limit - a.of(id, now); left > 0 {
			next = min(next, left)
		}
	}
	return next
}
