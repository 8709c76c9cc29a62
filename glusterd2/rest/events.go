package rest

import (
	"context"
	"net/http"
	"strings"

	"gd2/pkg/api"
)

// Events is the history of what happened in the pool, and its receivers.
type Events interface {
	// List returns the events that are wanted, the oldest first. If the history does not go back so far as is asked the
	// first one is an api.EventsLost.
	List(ctx context.Context, q api.EventQuery) ([]api.Event, error)
	// Tail returns the place where it begins, an id, and a function that waits for the next events that are wanted and
	// returns them. With the error of its context it still returns the place that it has come to.
	Tail(ctx context.Context, q api.EventQuery) (place string, next Next, err error)
}

// Webhooks is the receivers of events.
type Webhooks interface {
	// List returns the URLs.
	List(ctx context.Context) ([]string, error)
	// Status tells how the delivery to each goes.
	Status(ctx context.Context) ([]api.WebhookStatus, error)
	Add(ctx context.Context, w api.Webhook) error
	Delete(ctx context.Context, url string) error
	// Test sends one event to a webhook, which need not have been added.
	Test(ctx context.Context, w api.Webhook) error
}

// Next waits for more events.
type Next = func(context.Context) (api.EventPage, error)

func (a *API) eventRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/events", Name: "EventsList", Access: Read,
			Query: append(eventFilter(),
				Param{Name: paramLimit, Description: "the most events in the answer: the first ones after since, or without it the newest"},
				Param{Name: paramCursor, Description: "the " + HeaderNext + " of the page before; it takes the place of since"}),
			Description: "Lists events, the oldest first. If some after since are no longer there the first one says so: " + api.EventsLost + "."},
			a.eventList),
		serveRaw(Route{Method: http.MethodGet, Path: "/v1/events/stream", Name: "EventsStream", Access: Read, Query: eventFilter(),
			Description: "Streams events as they happen (server-sent events). " + HeaderLastEvent +
				" or since says where to go on; any peer can go on where another left off."},
			"text/event-stream", http.HandlerFunc(a.eventStream)),
		serve(Route{Method: http.MethodGet, Path: "/v1/events/webhook", Name: "EventsWebhookList", Access: Read,
			Description: "Lists the URLs of the webhooks."}, a.webhookList),
		serve(Route{Method: http.MethodPost, Path: "/v1/events/webhook", Name: "EventsWebhookAdd", Access: Admin, NoPlan: oneRecord, Requires: []string{"url"},
			Description: "Has the events from now on sent to a URL, with a token, or signed with a secret."}, a.webhookAdd),
		serve(Route{Method: http.MethodDelete, Path: "/v1/events/webhook", Name: "EventsWebhookDelete", Access: Admin, NoPlan: oneRecord, Requires: []string{"url"},
			Status: http.StatusNoContent, Description: "Has no more events sent to a URL."}, a.webhookDelete),
		serve(Route{Method: http.MethodGet, Path: "/v1/events/webhook/status", Name: "EventsWebhookStatus", Access: Read,
			Description: "Shows how the delivery to each webhook goes."}, a.webhookStatus),
		serve(Route{Method: http.MethodPost, Path: "/v1/events/webhook/test", Name: "EventsWebhookTest", Access: Admin, NoPlan: "it only sends one event to the URL", Requires: []string{"url"},
			Description: "Sends one event to a URL, which need not have been added, and tells whether it was taken."}, a.webhookTest),
	}
}

// oneRecord is why the changes of webhooks have no plan.
const oneRecord = "it changes nothing but the list of webhooks"

func (a *API) webhookList(ctx context.Context, _ *Request, _ None) ([]string, error) {
	return a.cfg.Webhooks.List(ctx)
}

func (a *API) webhookStatus(ctx context.Context, _ *Request, _ None) ([]api.WebhookStatus, error) {
	return a.cfg.Webhooks.Status(ctx)
}

func (a *API) webhookAdd(ctx context.Context, _ *Request, req api.Webhook) (None, error) {
	return None{}, a.cfg.Webhooks.Add(ctx, req)
}

func (a *API) webhookDelete(ctx context.Context, _ *Request, req api.WebhookDeleteReq) (None, error) {
	return None{}, a.cfg.Webhooks.Delete(ctx, req.URL)
}

func (a *API) webhookTest(ctx context.Context, _ *Request, req api.Webhook) (None, error) {
	return None{}, a.cfg.Webhooks.Test(ctx, req)
}

// eventFilter are the parameters that pick events.
func eventFilter() []Param {
	return []Param{
		{Name: "since", Description: "the id of the last event that was seen, a revision of the store, or a time (RFC 3339)"},
		{Name: "name", Description: "only events of these names, or beginnings such as volume.*, separated by commas"},
		{Name: "volume", Description: "only events about the volume with this name or id"},
		{Name: "peer", Description: "only events about the peer with this name or id"},
		{Name: "operation", Description: "only events about the transaction with this id"},
	}
}

func (a *API) eventList(ctx context.Context, r *Request, _ None) ([]api.Event, error) {
	q := eventQuery(r.Query.Get)
	if cursor := r.Query.Get(paramCursor); cursor != "" {
		q.Since = cursor
	}
	var wrong *api.Error
	if q.Limit, wrong = r.limit(0); wrong != nil {
		return nil, wrong
	}
	list, err := a.cfg.Events.List(ctx, q)
	if q.Since != "" && q.Limit > 0 && len(list) == q.Limit {
		r.more(list[len(list)-1].ID)
	}
	return list, err
}

func eventQuery(get func(string) string) api.EventQuery {
	q := api.EventQuery{Since: get("since"), Volume: get("volume"), Peer: get("peer"), Operation: get("operation")}
	for name := range strings.SplitSeq(get("name"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			q.Names = append(q.Names, name)
		}
	}
	return q
}
