package cmd

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/client"
)

// listFlags pick a part of a list: by metadata, a page of it, and some fields.
type listFlags struct {
	client.Filter
	fields []string
}

func (f *listFlags) add(c *cobra.Command, things string) {
	fs := c.Flags()
	fs.StringVar(&f.Key, "key", "", "only "+things+" with this metadata key")
	fs.StringVar(&f.Value, "value", "", "only "+things+" with this metadata value")
	fs.StringVar(&f.Selector, "selector", "", "only "+things+" whose metadata fits all terms: 'key=value,key!=value,key,!key'")
	fs.IntVar(&f.Limit, "limit", 0, "show so many at most, and how to go on")
	fs.StringVar(&f.Cursor, "cursor", "", "go on where a list with --limit ended")
	fs.StringSliceVar(&f.fields, "fields", nil, "show these fields, by their names in JSON, such as name,metadata.rack")
}

// check says what is wrong with the flags.
func (f *listFlags) check() error {
	if f.Limit < 0 {
		return usagef("--limit is %d; it must be 1 or more", f.Limit)
	}
	return nil
}

// more says how to go on with a list that did not end.
func (a *app) more(next string) {
	if next != "" {
		a.note("There are more: --cursor '%s'", next)
	}
}

// objects writes things of which some fields were asked for: a column for each.
func (a *app) objects(page client.Page[client.Object], fields []string) error {
	defer a.more(page.Next)
	return a.emit(oneOrAll(page.Items, nil), func(w io.Writer) {
		headers := make([]string, 0, len(fields))
		for _, f := range fields {
			headers = append(headers, strings.ToUpper(f))
		}
		rows := make([][]string, 0, len(page.Items))
		for _, o := range page.Items {
			row := make([]string, 0, len(fields))
			for _, f := range fields {
				row = append(row, orDash(cell(o, f)))
			}
			rows = append(rows, row)
		}
		a.table(w, headers, rows)
	})
}

// cell is the text of a field: what is below a list is joined.
func cell(o client.Object, path string) string {
	name, rest, _ := strings.Cut(path, ".")
	return strings.Join(texts(o[name], rest), ",")
}

func texts(raw json.RawMessage, path string) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		var out []string
		for _, e := range list {
			out = append(out, texts(e, path)...)
		}
		return out
	}
	if path != "" {
		var o client.Object
		if json.Unmarshal(raw, &o) != nil {
			return nil
		}
		name, rest, _ := strings.Cut(path, ".")
		return texts(o[name], rest)
	}
	var s string
	switch {
	case len(raw) == 0:
		return nil
	case json.Unmarshal(raw, &s) == nil:
		return []string{s}
	}
	return []string{string(raw)}
}
