package webhook

import (
	"context"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/event"
	"gd2/pkg/api"
	"gd2/store"
)

const (
	// saveEvery is how often the place of a delivery that goes well is written: what was delivered since is delivered
	// again if the peer dies.
	saveEvery = time.Second
	// skipEvery is the same for a place that has moved only over events that the webhook does not want.
	skipEvery = time.Minute
	// saveLimit bounds one write.
	saveLimit = 5 * time.Second
	// batch is how many events are taken from the history at once.
	batch = 50
)

// worker delivers to one webhook as long as this peer owns it.
type worker struct {
	*Config
	hook  store.Record[Webhook]
	rev   int64 // of the delivery's record, as this worker wrote it last
	state Delivery
	saved time.Time
	dirty bool // events were delivered that the record does not know of
	lost  bool // somebody else owns the webhook
}

func (w *worker) run(ctx context.Context) {
	at := event.Since{After: Start(w.hook, w.state)}
	w.saved = time.Now()
	for ctx.Err() == nil && !w.lost {
		page := w.History.Read(at, w.hook.Value.filter(), batch)
		for i := range page.Events {
			if !w.deliver(ctx, &page.Events[i]) {
				w.leave(ctx)
				return
			}
		}
		moved := at.After.Before(page.Next)
		at.After, w.state.After = page.Next, page.Next
		if age := time.Since(w.saved); w.dirty && age >= saveEvery || moved && age >= skipEvery {
			w.save(ctx)
		}
		w.wait(ctx, at.After)
	}
	w.leave(ctx)
}

// leave writes the place once more, so that the next owner need not repeat what was delivered.
func (w *worker) leave(ctx context.Context) {
	if w.dirty && !w.lost {
		w.save(context.WithoutCancel(ctx))
	}
}

// wait waits for more events; while something is to be saved not for long.
func (w *worker) wait(ctx context.Context, after event.Position) {
	if w.dirty {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, saveEvery)
		defer cancel()
	}
	_ = w.History.Wait(ctx, after) // whatever ended it is looked at next
}

// deliver tries until the receiver has taken the event. It returns false if the webhook is to be delivered to no more
// from here.
func (w *worker) deliver(ctx context.Context, e *api.Event) bool {
	pause := w.Backoff
	for ctx.Err() == nil && !w.lost {
		err := w.attempt(ctx, e)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			w.delivered(e)
			return true
		}
		next := pause/2 + rand.N(pause/2+1) // receivers are not asked by all peers and webhooks at once
		w.failed(ctx, err, next)
		pause = min(2*pause, w.MaxBackoff)
		select {
		case <-time.After(next):
		case <-ctx.Done():
		}
	}
	return false
}

// attempt sends the event, unless this peer may have lost the webhook to another without knowing.
func (w *worker) attempt(ctx context.Context, e *api.Event) error {
	if waiting := w.Store.Waiting(); waiting != "" {
		return api.Errorf(api.Unavailable, "nothing is sent without a quorum: %s", waiting)
	}
	return w.Sender.Send(ctx, w.hook.Value, e)
}

func (w *worker) delivered(e *api.Event) {
	if w.state.Failures > 0 {
		w.log().WithField("failures", w.state.Failures).Info("the webhook takes events again")
	}
	w.state.After = event.Position{Revision: e.Revision, Index: e.Index}
	w.state.Failures, w.state.LastError, w.state.NextTry = 0, "", time.Time{}
	w.dirty = true
}

func (w *worker) failed(ctx context.Context, err error, next time.Duration) {
	w.state.Failures++
	w.state.LastError, w.state.NextTry = err.Error(), time.Now().Add(next).UTC()
	if w.state.Failures == 1 {
		w.log().WithError(err).Warn("an event cannot be delivered to the webhook; it is tried again")
	}
	w.save(ctx)
}

// save writes the place, if this peer still owns the webhook.
func (w *worker) save(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	rev, err := w.Store.Commit(ctx, []store.Write{Deliveries.Update(w.hook.ID, w.state, w.rev)})
	switch {
	case err == nil:
		w.rev, w.saved, w.dirty = rev, time.Now(), false
	case api.IsKind(err, api.Conflict):
		w.lost = true
	}
}

// log names the webhook by its host: the rest of a URL may be secret.
func (w *worker) log() *logrus.Entry {
	host := ""
	if u, err := url.Parse(w.hook.Value.URL); err == nil {
		host = u.Host
	}
	return w.Log.WithField("webhook", w.hook.ID).WithField("host", host)
}
