package store

import (
	"context"
	"time"
)

// Keep calls do once the records are known, and again after each change below the prefixes, after each word of also, which may be
// nil, and after the time that do has returned, if that is not 0. It returns when ctx ends. do is never called twice at once.
func (s *Store) Keep(ctx context.Context, also <-chan struct{}, do func(ctx context.Context) (again time.Duration), prefixes ...string) {
	changed, stop := s.Subscribe(prefixes...)
	defer stop()
	select {
	case <-s.Ready():
	case <-ctx.Done():
		return
	}
	for {
		var retry <-chan time.Time
		if again := do(ctx); again > 0 {
			retry = time.After(again)
		}
		select {
		case <-changed:
		case <-also:
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}
