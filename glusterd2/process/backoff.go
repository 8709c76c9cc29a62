package process

import "time"

// Backoff says how long to wait before the next start of a daemon that keeps ending. The zero value is ready for use:
// the first restart is immediate, then 250 ms doubling up to a minute.
type Backoff struct {
	// Min and Max bound the wait after the first restart; 0 means 250 ms and one minute.
	Min, Max time.Duration
	// Steady is how long a daemon must have run for its past to be forgotten; 0 means a minute.
	Steady time.Duration

	failures int
}

// Next returns the wait before the next start of a daemon that has run for ran: 0 for one that did not start at all.
func (b *Backoff) Next(ran time.Duration) time.Duration {
	if ran >= orDefault(b.Steady, time.Minute) {
		b.failures = 0
	}
	b.failures++
	if b.failures == 1 {
		return 0
	}
	wait, limit := orDefault(b.Min, 250*time.Millisecond), orDefault(b.Max, time.Minute)
	for range b.failures - 2 {
		if wait *= 2; wait >= limit {
			return limit
		}
	}
	return min(wait, limit)
}

// Failures returns how often Next was asked since the daemon last ran steadily.
func (b *Backoff) Failures() int { return b.failures }

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
