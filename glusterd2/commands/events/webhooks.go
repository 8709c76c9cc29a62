package events

import (
	"context"
	"slices"
	"time"

	"gd2/glusterd2/event"
	"gd2/glusterd2/webhook"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// maxWebhooks bounds the webhooks of a pool.
const maxWebhooks = 64

// Webhooks looks after the receivers of events.
type Webhooks struct{ *Commands }

// Add has the events from now on sent to a webhook. Errors: Invalid, Exists.
func (w Webhooks) Add(ctx context.Context, req api.Webhook) error {
	hook := webhook.Webhook{URL: req.URL, Token: req.Token, Secret: req.Secret, Events: req.Events}
	if err := hook.Check(); err != nil {
		return err
	}
	if err := w.cfg.Store.Sync(ctx); err != nil {
		return err
	}
	all, err := webhook.Records.List(w.cfg.Store)
	switch {
	case err != nil:
		return err
	case slices.ContainsFunc(all, func(r store.Record[webhook.Webhook]) bool { return r.Value.URL == req.URL }):
		return w.exists()
	case len(all) >= maxWebhooks:
		return api.Errorf(api.State, "the pool has %d webhooks, which is as many as may be: delete one first", len(all))
	}
	id := webhook.ID(req.URL)
	err = w.commit(ctx, webhook.Records.Create(id, hook), webhook.Deliveries.Create(id, webhook.Delivery{}))
	if api.IsKind(err, api.Conflict) {
		return w.exists()
	}
	return err
}

func (w Webhooks) exists() error {
	return api.Errorf(api.Exists, "a webhook with this URL was added already: delete it first to change it")
}

// Delete has no more events sent to the webhook. Errors: NotFound.
func (w Webhooks) Delete(ctx context.Context, url string) error {
	id := webhook.ID(url)
	for {
		if err := w.cfg.Store.Sync(ctx); err != nil {
			return err
		}
		rec, ok, err := webhook.Records.Get(w.cfg.Store, id)
		if err != nil {
			return err
		}
		if !ok {
			return api.Errorf(api.NotFound, "there is no webhook with the URL %.200q", url).With(api.FieldField, "url")
		}
		writes := []store.Write{webhook.Records.Delete(id, rec.Revision)}
		if del, ok, err := webhook.Deliveries.Get(w.cfg.Store, id); err == nil && ok {
			writes = append(writes, webhook.Deliveries.Delete(id, del.Revision))
		}
		// A delivery that goes on writes its place meanwhile: look again.
		if err := w.commit(ctx, writes...); !api.IsKind(err, api.Conflict) {
			return err
		}
	}
}

func (w Webhooks) commit(ctx context.Context, writes ...store.Write) error {
	rev, err := w.cfg.Store.Commit(ctx, writes)
	if err != nil {
		return err
	}
	return w.cfg.Store.WaitRevision(ctx, rev)
}

// List returns the URLs of the webhooks, sorted.
func (w Webhooks) List(ctx context.Context) ([]string, error) {
	all, err := w.all(ctx)
	urls := []string{}
	for _, r := range all {
		urls = append(urls, r.Value.URL)
	}
	slices.Sort(urls)
	return urls, err
}

func (w Webhooks) all(ctx context.Context) ([]store.Record[webhook.Webhook], error) {
	if err := w.cfg.Store.Sync(ctx); err != nil {
		return nil, err
	}
	return webhook.Records.List(w.cfg.Store)
}

// Status tells how the delivery to each webhook goes, sorted by URL. It shows no secrets.
func (w Webhooks) Status(ctx context.Context) ([]api.WebhookStatus, error) {
	all, err := w.all(ctx)
	out := []api.WebhookStatus{}
	pool := w.cfg.History.Pool()
	for _, r := range all {
		del, _, derr := webhook.Deliveries.Get(w.cfg.Store, r.ID)
		if derr != nil {
			return nil, derr
		}
		d := del.Value
		st := api.WebhookStatus{
			URL: r.Value.URL, Events: r.Value.Events, Token: r.Value.Token != "", Signed: r.Value.Secret != "",
			Pending: webhook.Pending(w.cfg.History, r, d), Failures: d.Failures, LastError: d.LastError,
		}
		if alive, ok, err := transaction.AliveKind.Get(w.cfg.Store, d.Owner.Peer); err == nil && ok && alive.Value.Boot == d.Owner.Boot {
			st.Owner = d.Owner.Peer
		}
		if d.After != (event.Position{}) {
			st.Delivered = event.ID(d.After, pool)
		}
		if !d.NextTry.IsZero() {
			st.NextTry = d.NextTry.Format(time.RFC3339)
		}
		out = append(out, st)
	}
	slices.SortFunc(out, func(a, b api.WebhookStatus) int {
		if a.URL < b.URL {
			return -1
		}
		return 1
	})
	return out, err
}

// Test sends one event to a webhook, from this peer. Errors: Invalid; Unavailable if it was not taken.
func (w Webhooks) Test(ctx context.Context, req api.Webhook) error {
	hook := webhook.Webhook{URL: req.URL, Token: req.Token, Secret: req.Secret, Events: req.Events}
	if err := hook.Check(); err != nil {
		return err
	}
	at := w.cfg.History.End()
	e := api.Event{
		ID: event.ID(at, w.cfg.History.Pool()), Name: api.EventTest, Data: map[string]string{}, Origin: w.cfg.PeerID,
		Timestamp: time.Now().UTC().Format(time.RFC3339Nano), Revision: at.Revision, Index: at.Index,
	}
	if err := w.cfg.Sender.Send(ctx, hook, &e); err != nil {
		return api.Errorf(api.Unavailable, "the event was not delivered from this peer: %v", err)
	}
	return nil
}
