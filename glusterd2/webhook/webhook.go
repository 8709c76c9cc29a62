// Package webhook sends events to those who asked for them: one POST for each event and receiver, in the order of the
// history, repeated until the receiver has taken it. One peer delivers to a webhook at a time; how far it has come is
// in the store, so that another peer goes on when it dies.
package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"gd2/glusterd2/event"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Webhook is the record of a receiver.
type Webhook struct {
	URL    string   `json:"url"`
	Token  string   `json:"token,omitempty"`
	Secret string   `json:"secret,omitempty"`
	Events []string `json:"events,omitempty"`
}

// Delivery is the record of how far the events were delivered to a webhook.
type Delivery struct {
	// Owner is the run of a daemon that delivers.
	Owner transaction.Owner `json:"owner,omitzero"`
	// After is the last event that was delivered, or that the webhook does not want. The zero value is the moment at which
	// the webhook was added.
	After event.Position `json:"after,omitzero"`
	// Failures counts the attempts that failed since the last that did not; the others tell of the last one.
	Failures  int       `json:"failures,omitempty"`
	LastError string    `json:"last-error,omitempty"`
	NextTry   time.Time `json:"next-try,omitzero"`
}

// The kinds of this package's records, both by ID. They are values and never change.
var (
	Records    = store.NewKind[Webhook](store.PrefixWebhooks, 1)
	Deliveries = store.NewKind[Delivery](store.PrefixDeliveries, 1)
)

// ID is the id of the webhook with a URL. URLs may be longer than keys.
func ID(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16])
}

// Limits of what a webhook says of itself, in bytes.
const (
	maxURL    = 2048
	maxSecret = 1024
	maxNames  = 64
)

// Check says what is wrong with a webhook. The error is Invalid with the field.
func (w Webhook) Check() error {
	if err := CheckURL(w.URL); err != nil {
		return err
	}
	if len(w.Token) > maxSecret || strings.ContainsFunc(w.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return api.FieldErrorf("token", "token: it must be at most %d printable characters without spaces, since it is sent in a header", maxSecret)
	}
	if len(w.Secret) > maxSecret {
		return api.FieldErrorf("secret", "secret: it must be at most %d bytes", maxSecret)
	}
	if len(w.Events) > maxNames {
		return api.FieldErrorf("events", "events has %d names: at most %d", len(w.Events), maxNames)
	}
	return w.filter().Check("events")
}

// CheckURL says what is wrong with the URL of a webhook.
func CheckURL(text string) error {
	if text == "" {
		return api.FieldErrorf("url", "url is empty: it must be where events are to be sent, such as https://host/path")
	}
	if len(text) > maxURL {
		return api.FieldErrorf("url", "url is %d bytes long: at most %d", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return api.FieldErrorf("url", "url %.80q is not a URL", text)
	case u.Scheme != "http" && u.Scheme != "https":
		return api.FieldErrorf("url", "url %.80q must begin with http:// or https://", text)
	case u.Hostname() == "":
		return api.FieldErrorf("url", "url %.80q has no host", text)
	case u.User != nil:
		return api.FieldErrorf("url", "url of %s has a user or a password in it, which lists would show: use the token", u.Host)
	case u.Fragment != "":
		return api.FieldErrorf("url", "url %.80q has a fragment (#), which is never sent", text)
	}
	return nil
}

func (w Webhook) filter() event.Filter { return event.Filter{Names: w.Events} }

// Start is the place after which a webhook wants events: where the delivery has come to, or where it was added.
func Start(w store.Record[Webhook], d Delivery) event.Position {
	if d.After == (event.Position{}) {
		return event.AfterRevision(w.Revision)
	}
	return d.After
}

// Pending counts the events that a webhook has yet to get.
func Pending(log *event.Log, w store.Record[Webhook], d Delivery) int {
	return log.Count(Start(w, d), w.Value.filter())
}
