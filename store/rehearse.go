package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rehearse does all of Commit but the writing: it returns the error that Commit would return now, if any.
func (s *Store) Rehearse(ctx context.Context, writes []Write, guards ...Guard) error {
	_, err := s.commit(ctx, writes, guards, true)
	return err
}

// Change is what a Write would do to a record.
type Change struct {
	// Name is the key without Root, such as "volumes/gv0".
	Name string
	// Created and Removed tell the two kinds of change that are not an update.
	Created, Removed bool
	// Bytes is the size of the record that is written.
	Bytes int
	// Fields tell what an update changes, such as "state Created → Started". Values are shown only of the fields that the
	// kind names with Kind.Shows.
	Fields []string
}

// Preview compares a write with the record as this peer's copy has it.
func (s *Store) Preview(w Write) Change {
	c := Change{Name: strings.TrimPrefix(w.key, Root), Created: w.rev == 0 && !w.remove, Removed: w.remove, Bytes: len(w.value)}
	old, ok := s.lookup(w.key)
	if w.remove || !ok || w.rev == 0 {
		return c
	}
	d := differ{shown: w.shown}
	d.compare("", document(old.value), document(w.value))
	c.Fields = d.found
	return c
}

// document is the content of a record as JSON knows it; nil if it cannot be read.
func document(value []byte) any {
	var env envelope
	var doc any
	text, err := unpack(value)
	if err != nil || json.Unmarshal(text, &env) != nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(env.Data))
	dec.UseNumber()
	if dec.Decode(&doc) != nil {
		return nil
	}
	return doc
}

// differ collects the differences of two documents.
type differ struct {
	shown []string
	found []string
}

func (d *differ) compare(path string, was, is any) {
	a, b := members(was), members(is)
	if a == nil || b == nil {
		d.leaf(path, was, is)
		return
	}
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, k := range slices.Sorted(maps.Keys(names)) {
		d.compare(strings.TrimPrefix(path+"."+k, "."), a[k], b[k])
	}
}

// members are those of an object; what is not there is an object without any. Anything else has none: nil.
func members(v any) map[string]any {
	if v == nil {
		return map[string]any{}
	}
	m, _ := v.(map[string]any)
	return m
}

// leaf notes a difference of what is not an object on both sides.
func (d *differ) leaf(path string, was, is any) {
	from, to := fmt.Sprint(was), fmt.Sprint(is)
	if from == to {
		return
	}
	top, _, _ := strings.Cut(path, ".")
	if !slices.Contains(d.shown, top) {
		d.found = append(d.found, path)
		return
	}
	d.found = append(d.found, fmt.Sprintf("%s %s → %s", path, shown(was), shown(is)))
}

// shown is a value in a few words.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "unset"
	case []any:
		text, _ := json.Marshal(v) // it was read from JSON
		return clipped(string(text))
	case string:
		if v == "" {
			return `""`
		}
	}
	return clipped(fmt.Sprint(v))
}

// maxShown bounds a value in a Change, in characters.
const maxShown = 120

func clipped(s string) string {
	if r := []rune(s); len(r) > maxShown {
		return string(r[:maxShown]) + "…"
	}
	return s
}
