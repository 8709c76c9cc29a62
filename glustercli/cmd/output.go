package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"sigs.k8s.io/yaml"

	"gd2/pkg/api"
)

// The forms of output.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatYAML  = "yaml"
)

// format returns the form of output that the flags ask for.
func (a *app) format() string {
	if a.json {
		return formatJSON
	}
	return a.output
}

// emit writes v as JSON or YAML, or calls text for people. JSON is the REST answer, indented.
func (a *app) emit(v any, text func(w io.Writer)) error {
	var buf bytes.Buffer
	switch a.format() {
	case formatJSON:
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return api.Errorf(api.Internal, "the answer cannot be written as JSON: %v", err)
		}
	case formatYAML:
		b, err := yaml.Marshal(v)
		if err != nil {
			return api.Errorf(api.Internal, "the answer cannot be written as YAML: %v", err)
		}
		buf.Write(b)
	default:
		text(&buf)
	}
	if _, err := a.Out.Write(buf.Bytes()); err != nil {
		return api.Errorf(api.Internal, "standard output: %v", err)
	}
	return nil
}

// done ends a command that changed something: the line that says so, or in JSON and YAML the answer, if there is one.
func (a *app) done(v any, format string, args ...any) error {
	if v == nil && a.format() != formatTable {
		return nil
	}
	return a.emit(v, func(w io.Writer) {
		if !a.quiet {
			say(w, format+"\n", args...)
		}
	})
}

// note writes a message for people to standard error.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		say(a.Err, format+"\n", args...)
	}
}

// table writes rows below headers, in columns.
func (a *app) table(w io.Writer, headers []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if !a.noHeaders {
		say(t, "%s\n", strings.Join(headers, "\t"))
	}
	for _, r := range rows {
		say(t, "%s\n", strings.Join(r, "\t"))
	}
	_ = t.Flush() // w is a buffer
}

// orDash returns s, or a dash for nothing, so that columns can be counted.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// size writes bytes in the largest binary unit that leaves a number of at least 1.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return fmt.Sprintf("%.1f%ciB", v, units[i])
}

func yesNo(b bool) string {
	if b {
		return "Y"
	}
	return "N"
}
