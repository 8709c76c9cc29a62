package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"gd2/pkg/api"
)

func (a *app) eventsCmd() *cobra.Command {
	c := group("events", "What happened in the pool, and who is told of it", newEventsTail(a), newEventsList(a), a.webhookCmd())
	c.AddCommand(oldWebhookCmds(a)...)
	c.Aliases = []string{"event"}
	return c
}

// eventFlags pick events.
type eventFlags struct {
	query api.EventQuery
	now   func() time.Time
}

func (f *eventFlags) add(a *app, c *cobra.Command, since string) {
	f.now = time.Now
	fs := c.Flags()
	fs.StringVar(&f.query.Since, "since", "", since)
	fs.StringSliceVar(&f.query.Names, "name", nil, "only events of these names, or beginnings such as 'volume.*'")
	fs.StringVar(&f.query.Volume, "volume", "", "only events about this volume")
	fs.StringVar(&f.query.Peer, "peer", "", "only events about this peer")
	fs.StringVar(&f.query.Operation, "operation", "", "only events about the transaction with this id")
	completeWords(c, "name", append(api.EventNames(), "volume.*", "brick.*", "peer.*", "operation.*")...)
	_ = c.RegisterFlagCompletionFunc("volume", a.complete(volumeNames())) // fails only for a flag that is not there
}

// asked returns the query. A time span such as 1h means so long ago.
func (f *eventFlags) asked() api.EventQuery {
	q := f.query
	if span, err := time.ParseDuration(q.Since); err == nil && span >= 0 {
		q.Since = f.now().Add(-span).UTC().Format(time.RFC3339Nano)
	}
	return q
}

const sinceForms = "a time span such as 1h, a time, the id of an event or a revision"

func newEventsList(a *app) *cobra.Command {
	var f eventFlags
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List what happened, the oldest first", Args: wants(0, 0),
		Example: "  glustercli events list --limit 20\n  glustercli events list --since 1h --name 'volume.*' --volume gv0",
	}
	f.add(a, c, "events after that: "+sinceForms)
	c.Flags().IntVar(&f.query.Limit, "limit", 0, "the most events to show: the newest, or with --since the first ones after it")
	c.RunE = a.do("events list", func(ctx context.Context, _ []string) error {
		if f.query.Limit < 0 {
			return usagef("--limit is %d; it must be 1 or more", f.query.Limit)
		}
		list, err := a.client.Events(ctx, f.asked())
		if err != nil {
			return err
		}
		return a.emit(oneOrAll(list, nil), func(w io.Writer) {
			rows := make([][]string, 0, len(list))
			for _, e := range list {
				rows = append(rows, []string{e.ID, e.Timestamp, e.Name, about(e)})
			}
			a.table(w, []string{"ID", "TIME", "EVENT", "ABOUT"}, rows)
		})
	})
	return c
}

func newEventsTail(a *app) *cobra.Command {
	var f eventFlags
	c := &cobra.Command{
		Use: "tail", Aliases: []string{"watch"}, Short: "Show what happens, as it happens", Args: wants(0, 0),
		Long: "Show what happens, as it happens, until Ctrl-C. When a peer is lost it goes on at the next of --endpoints; no event is\n" +
			"missed and none is shown twice. With -o json there is an event in each line.",
		Example: "  glustercli events tail\n  glustercli events tail --since 10m --name 'brick.*,peer.*' -o json",
	}
	f.add(a, c, "begin with events after that: "+sinceForms)
	c.RunE = a.do("events tail", func(ctx context.Context, _ []string) error {
		err := a.client.FollowEvents(ctx, f.asked(), a.showEvent)
		if errors.Is(err, context.Canceled) {
			return nil // Ctrl-C is how it ends
		}
		return err
	})
	return c
}

// showEvent writes an event in a line, or in YAML as a document, of its own.
func (a *app) showEvent(e api.Event) error {
	line := fmt.Sprintf("%s %s %s\n", e.Timestamp, e.Name, about(e))
	switch a.format() {
	case formatJSON:
		text, err := json.Marshal(e)
		if err != nil {
			return api.Errorf(api.Internal, "the event cannot be written as JSON: %v", err)
		}
		line = string(text) + "\n"
	case formatYAML:
		text, err := yaml.Marshal(e)
		if err != nil {
			return api.Errorf(api.Internal, "the event cannot be written as YAML: %v", err)
		}
		line = "---\n" + string(text)
	}
	if _, err := io.WriteString(a.Out, line); err != nil {
		return api.Errorf(api.Internal, "standard output: %v", err)
	}
	return nil
}

// about puts the data of an event in a line. Ids are left out where there is a name.
func about(e api.Event) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(e.Data)) {
		if k == api.DataVolumeID && e.Data[api.DataVolumeName] != "" || k == api.DataPeerID && e.Data[api.DataPeerName] != "" {
			continue
		}
		v := e.Data[k]
		if strings.ContainsAny(v, " \t\n\"") || v == "" {
			v = fmt.Sprintf("%q", v)
		}
		out = append(out, k+"="+v)
	}
	return orDash(strings.Join(out, " "))
}
