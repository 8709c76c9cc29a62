package process

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
)

// Watch keeps one daemon of this host as it should be: round after round, whenever something else is wanted, a round has
// failed, or the daemon has ended by itself. All fields but NoteEnd must be set.
type Watch struct {
	// Name is what the log calls the daemon.
	Name string
	// Backoff gives the pauses, after rounds that failed and after ends that nobody wanted, each counted for itself.
	Backoff Backoff
	// Round makes the daemon as it should be.
	Round func(ctx context.Context) error
	// Held is the daemon.
	Held *Held
	// NoteEnd, if set, hears of every end that nobody wanted.
	NoteEnd func()
	// Changed says that something else is wanted.
	Changed <-chan struct{}
	Log     *logrus.Entry
}

// Run goes on until ctx ends. The daemon itself lives on after that.
func (w Watch) Run(ctx context.Context) {
	crashes, failures := w.Backoff, w.Backoff
	for {
		var retry <-chan time.Time
		if err := w.Round(ctx); err == nil {
			failures = w.Backoff
		} else if ctx.Err() == nil {
			wait := failures.Next(0)
			w.Log.WithError(err).WithField("retry", wait).Warn(w.Name)
			retry = time.After(wait)
		}
		ended, since := w.Held.Ended()
		select {
		case <-ended:
			if w.NoteEnd != nil {
				w.NoteEnd()
			}
			wait := crashes.Next(time.Since(since))
			w.Log.WithField("retry", wait).Warn(w.Name + " ended unexpectedly: it will be started again")
			retry = time.After(wait)
		case <-w.Changed:
			continue
		case <-retry:
			continue
		case <-ctx.Done():
			return
		}
		select {
		case <-retry:
		case <-w.Changed:
		case <-ctx.Done():
			return
		}
	}
}
