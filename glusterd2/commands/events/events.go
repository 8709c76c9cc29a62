// Package events answers questions for the history of events, and looks after the webhooks.
package events

import (
	"context"
	"math"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/event"
	"gd2/glusterd2/webhook"
	"gd2/pkg/api"
	"gd2/store"
)

// pageSize bounds the events that a stream takes at once.
const pageSize = 100

// Config is what Commands are made of.
type Config struct {
	Store   *store.Store
	History *event.Log
	// Sender makes the attempts of tests.
	Sender *webhook.Sender
	PeerID string
	Log    *logrus.Entry
}

// Commands is what a person can ask about events.
type Commands struct{ cfg Config }

// New returns the commands.
func New(c Config) *Commands { return &Commands{c} }

// List returns the events of the history, oldest first: those after q.Since, or without it the newest. If the history
// does not go back so far the first event is an api.EventsLost. Errors: Invalid, Unavailable.
func (c *Commands) List(ctx context.Context, q api.EventQuery) ([]api.Event, error) {
	filter, err := filterOf(q)
	if err != nil {
		return nil, err
	}
	if err := c.cfg.Store.Sync(ctx); err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = math.MaxInt
	}
	if q.Since == "" {
		return c.cfg.History.Last(filter, limit), nil
	}
	since, err := event.ParseSince(q.Since, c.cfg.History.Pool())
	if err != nil {
		return nil, err
	}
	return c.cfg.History.Read(since, filter, limit).Events, nil
}

// Tail returns the place where it begins, and a function that waits for the next events and returns them, the same ones
// and in the same order on every peer: those after q.Since, or without it those after the call. The function's error is
// that of its context, with the place that it has come to, or says that this peer is in another pool now. Errors of
// Tail: Invalid, Unavailable.
func (c *Commands) Tail(ctx context.Context, q api.EventQuery) (string, func(context.Context) (api.EventPage, error), error) {
	filter, err := filterOf(q)
	if err != nil {
		return "", nil, err
	}
	if err := c.cfg.Store.Sync(ctx); err != nil {
		return "", nil, err
	}
	t := &tail{history: c.cfg.History, pool: c.cfg.History.Pool(), filter: filter, since: event.Since{After: c.cfg.History.End()}}
	if q.Since != "" {
		if t.since, err = event.ParseSince(q.Since, t.pool); err != nil {
			return "", nil, err
		}
	}
	return t.place(), t.next, nil
}

// tail is one reader of the history.
type tail struct {
	history *event.Log
	pool    string
	filter  event.Filter
	since   event.Since
}

// place is where the reader is; empty if it has asked for a place in another history.
func (t *tail) place() string {
	if t.since.Foreign {
		return ""
	}
	return event.ID(t.since.After, t.pool)
}

func (t *tail) next(ctx context.Context) (api.EventPage, error) {
	for {
		page := t.history.Read(t.since, t.filter, pageSize)
		if t.history.Pool() != t.pool {
			return api.EventPage{}, api.Errorf(api.Unavailable, "this peer has left pool %s, whose events these were", t.pool)
		}
		if (page.Next != event.Position{}) {
			t.since = event.Since{After: page.Next, Time: t.since.Time}
		}
		if len(page.Events) > 0 {
			return api.EventPage{Events: page.Events, Next: t.place()}, nil
		}
		if err := t.history.Wait(ctx, t.since.After); err != nil {
			return api.EventPage{Next: t.place()}, err
		}
	}
}

func filterOf(q api.EventQuery) (event.Filter, error) {
	f := event.Filter{Names: q.Names, Volume: q.Volume, Peer: q.Peer, Operation: q.Operation}
	if q.Limit < 0 {
		return f, api.FieldErrorf("limit", "limit is %d: it must be 1 or more", q.Limit)
	}
	return f, f.Check("name")
}
