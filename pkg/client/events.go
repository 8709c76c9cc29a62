package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gd2/pkg/api"
)

// Pauses between attempts to go on with a stream, and how long one may be silent: servers send something every 15
// seconds.
const (
	streamPauseFirst = 100 * time.Millisecond
	streamPauseLast  = 3 * time.Second
	streamSilence    = 45 * time.Second
)

func eventQuery(q api.EventQuery) url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"since": q.Since, "name": strings.Join(q.Names, ","), "volume": q.Volume, "peer": q.Peer, "operation": q.Operation,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Events lists events of the history, the oldest first: those after q.Since, or without it the newest. If the history
// does not go back so far, the first one is an api.EventsLost. Errors: Invalid.
func (c *Client) Events(ctx context.Context, q api.EventQuery) ([]api.Event, error) {
	return ask[[]api.Event](ctx, c, request{method: http.MethodGet, path: []string{"v1", "events"}, query: eventQuery(q)})
}

// FollowEvents calls f for each event after q.Since, or without it for those from now on, once and in order. When a peer
// is lost it goes on at another endpoint where it left off. It ends with the error of f, of ctx, or one that another
// attempt would not mend. q.Limit has no meaning.
func (c *Client) FollowEvents(ctx context.Context, q api.EventQuery, f func(api.Event) error) error {
	q.Limit = 0
	s := &subscription{client: c, query: q, f: f}
	pause := streamPauseFirst
	for {
		for _, i := range c.order() {
			moved, err := s.read(ctx, c.endpoints[i])
			if moved {
				pause = streamPauseFirst
			}
			if err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, streamPauseLast)
	}
}

// subscription is one reader of the events, over all its connections.
type subscription struct {
	client *Client
	query  api.EventQuery
	f      func(api.Event) error
	last   string // id of the last event
}

// read reads one stream to its end. moved tells whether anything came; an error ends the subscription.
func (s *subscription) read(ctx context.Context, e *endpoint) (moved bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	resp, err := s.open(ctx, e)
	if err != nil || resp == nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	in := newSSE(resp.Body)
	for {
		m, err := in.next()
		if err != nil {
			return moved, nil // the stream broke: the next one goes on
		}
		moved = true
		silence.Reset(streamSilence)
		if err := s.take(m); err != nil {
			return moved, err
		}
	}
}

// take hands an event on, unless it was handed on before. A message without data tells only the place.
func (s *subscription) take(m message) error {
	if m.id != "" {
		s.query.Since = m.id
	}
	if m.data == "" {
		return nil
	}
	var ev api.Event
	if err := json.Unmarshal([]byte(m.data), &ev); err != nil {
		return api.Errorf(api.Internal, "the server's stream of events is not what was expected: %v: %.200q", err, m.data)
	}
	if ev.Name != api.EventsLost && ev.ID <= s.last {
		return nil // ids sort as the events happened
	}
	s.last = ev.ID
	return s.f(ev)
}

// open asks one endpoint for the stream. Without a response and an error the endpoint cannot serve at the moment.
func (s *subscription) open(ctx context.Context, e *endpoint) (*http.Response, error) {
	u, err := pathOf(request{path: []string{"v1", "events", "stream"}, query: eventQuery(s.query)})
	if err != nil {
		return nil, err
	}
	req, err := s.client.request(ctx, e, exchange{method: http.MethodGet, path: u})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := e.transport.RoundTrip(req)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // another endpoint, or another time
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	a, err := s.client.read(resp)
	_ = resp.Body.Close() // it was read to its end
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // as above
	}
	if err := a.err(); !api.IsKind(err, api.Unavailable, api.Timeout, api.TooMany, api.Internal) {
		return nil, err
	}
	return nil, nil //nolint:nilnil // as above
}

// webhookPath is the path of the webhooks.
func webhookPath(more ...string) []string {
	return append([]string{"v1", "events", "webhook"}, more...)
}

// Webhooks lists the URLs of the webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]string, error) {
	return ask[[]string](ctx, c, request{method: http.MethodGet, path: webhookPath()})
}

// WebhookStatus tells how the delivery to each webhook goes.
func (c *Client) WebhookStatus(ctx context.Context) ([]api.WebhookStatus, error) {
	return ask[[]api.WebhookStatus](ctx, c, request{method: http.MethodGet, path: webhookPath("status")})
}

// WebhookAdd has the events from now on sent to a webhook. Errors: Invalid, Exists.
func (c *Client) WebhookAdd(ctx context.Context, w api.Webhook) error {
	return c.call(ctx, request{method: http.MethodPost, path: webhookPath(), body: w}, nil)
}

// WebhookDelete has no more events sent to a webhook. Errors: NotFound.
func (c *Client) WebhookDelete(ctx context.Context, url string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: webhookPath(), body: api.WebhookDeleteReq{URL: url}}, nil)
}

// WebhookTest has the peer that answers send one event to a webhook. Errors: Invalid; Unavailable if it was not taken.
func (c *Client) WebhookTest(ctx context.Context, w api.Webhook) error {
	return c.call(ctx, request{method: http.MethodPost, path: webhookPath("test"), body: w}, nil)
}
