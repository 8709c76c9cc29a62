package event

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// maxText bounds a text in an event, in bytes.
const maxText = 1000

// differing names the keys whose values differ, or that only one of the maps has, sorted and separated by commas.
func differing(a, b map[string]string) string {
	names := map[string]struct{}{}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			names[k] = struct{}{}
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			names[k] = struct{}{}
		}
	}
	return clip(strings.Join(slices.Sorted(maps.Keys(names)), ","))
}

// otherFields names the fields of two records that differ as JSON, but for some. Values are not told: some are secret.
func otherFields(a, b any, but ...string) []string {
	x, y := fieldsOf(a), fieldsOf(b)
	var out []string
	for name, v := range x {
		if w, ok := y[name]; (!ok || !bytes.Equal(v, w)) && !slices.Contains(but, name) {
			out = append(out, name)
		}
	}
	for name := range y {
		if _, ok := x[name]; !ok && !slices.Contains(but, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func fieldsOf(v any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	text, err := json.Marshal(v)
	if err == nil {
		_ = json.Unmarshal(text, &out) // a record is an object
	}
	return out
}

// clip shortens a text, between two characters.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
