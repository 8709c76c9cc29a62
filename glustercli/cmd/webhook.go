package cmd

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

func (a *app) webhookCmd() *cobra.Command {
	return group("webhook", "Who is told of events", newWebhookAdd(a), newWebhookList(a), newWebhookDelete(a), newWebhookTest(a))
}

// oldWebhookCmds are the words of glusterd2's command, hidden.
func oldWebhookCmds(a *app) []*cobra.Command {
	add, del, list := newWebhookAdd(a), newWebhookDelete(a), newWebhookList(a)
	add.Use, del.Use, list.Use = "webhook-add URL", "webhook-del URL", "webhooks"
	add.Aliases, del.Aliases, list.Aliases = nil, []string{"webhook-delete"}, nil
	test := newWebhookTest(a)
	test.Use = "webhook-test URL"
	all := []*cobra.Command{add, del, list, test}
	for _, c := range all {
		c.Hidden = true
	}
	return all
}

// webhookFlags are what goes with a URL.
type webhookFlags struct {
	token, secret         string
	tokenFile, secretFile string
	events                []string
}

func (f *webhookFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVarP(&f.token, "token", "t", "", "bearer token that goes with each event; other users of this host may see it here")
	fs.StringVarP(&f.secret, "secret", "s", "", "secret that signs each event; other users of this host may see it here")
	fs.StringVar(&f.tokenFile, "token-file", "", "file that holds the token")
	fs.StringVar(&f.secretFile, "webhook-secret-file", "", "file that holds the secret")
}

// webhook makes the request.
func (f *webhookFlags) webhook(url string) (api.Webhook, error) {
	w := api.Webhook{URL: url, Token: f.token, Secret: f.secret, Events: f.events}
	for _, file := range []struct {
		flag, path string
		into       *string
	}{{"token", f.tokenFile, &w.Token}, {"secret", f.secretFile, &w.Secret}} {
		if file.path == "" {
			continue
		}
		if *file.into != "" {
			return w, usagef("give the %s itself or a file that holds it, not both", file.flag)
		}
		text, err := os.ReadFile(file.path)
		if err != nil {
			return w, api.FieldErrorf(file.flag, "the %s cannot be read: %v", file.flag, err)
		}
		*file.into = strings.TrimSpace(string(text))
	}
	return w, nil
}

func newWebhookAdd(a *app) *cobra.Command {
	var f webhookFlags
	c := &cobra.Command{
		Use: "add URL", Short: "Have the events from now on sent to a URL", Args: wants(1, 1),
		Example: "  glustercli events webhook add https://alerts.example.com/gluster --webhook-secret-file /etc/hook.secret --events 'brick.*,peer.*'",
	}
	f.add(c)
	c.Flags().StringSliceVar(&f.events, "events", nil, "only events of these names, or beginnings such as 'volume.*'")
	completeWords(c, "events", api.EventNames()...)
	c.RunE = a.do("events webhook add", func(ctx context.Context, args []string) error {
		w, err := f.webhook(args[0])
		if err != nil {
			return err
		}
		if err := a.client.WebhookAdd(ctx, w); err != nil {
			return err
		}
		return a.done(nil, "events webhook add: success")
	})
	return c
}

func newWebhookDelete(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "delete URL", Aliases: []string{"del", "remove"}, Short: "Have no more events sent to a URL", Args: wants(1, 1),
		ValidArgsFunction: a.complete(webhookURLs),
	}
	c.RunE = a.do("events webhook delete", func(ctx context.Context, args []string) error {
		if err := a.client.WebhookDelete(ctx, args[0]); err != nil {
			return err
		}
		return a.done(nil, "events webhook delete: success")
	})
	return c
}

func newWebhookTest(a *app) *cobra.Command {
	var f webhookFlags
	c := &cobra.Command{
		Use: "test URL", Short: "Send one event to a URL, which need not have been added", Args: wants(1, 1),
		ValidArgsFunction: a.complete(webhookURLs),
	}
	f.add(c)
	c.RunE = a.do("events webhook test", func(ctx context.Context, args []string) error {
		w, err := f.webhook(args[0])
		if err != nil {
			return err
		}
		if err := a.client.WebhookTest(ctx, w); err != nil {
			return err
		}
		return a.done(nil, "events webhook test: success")
	})
	return c
}

func newWebhookList(a *app) *cobra.Command {
	c := &cobra.Command{Use: "list", Aliases: []string{"ls", "status"}, Short: "List the webhooks and how their deliveries go", Args: wants(0, 0)}
	c.RunE = a.do("events webhook list", func(ctx context.Context, _ []string) error {
		list, err := a.client.WebhookStatus(ctx)
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(list, nil), func(w io.Writer) {
			rows := make([][]string, 0, len(list))
			for _, h := range list {
				rows = append(rows, []string{h.URL, orDash(strings.Join(h.Events, ",")), yesNo(h.Token), yesNo(h.Signed),
					strconv.Itoa(h.Pending), strconv.Itoa(h.Failures), orDash(h.LastError)})
			}
			a.table(w, []string{"URL", "EVENTS", "TOKEN", "SIGNED", "PENDING", "FAILURES", "LAST ERROR"}, rows)
		})
	})
	return c
}

func webhookURLs(ctx context.Context, c *client.Client, args []string) []string {
	if len(args) > 0 {
		return nil
	}
	urls, _ := c.Webhooks(ctx) // a pool that does not answer completes nothing
	return urls
}
