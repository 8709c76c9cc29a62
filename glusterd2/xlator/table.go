// Package xlator knows the options of GlusterFS 10.3: which exist, what they are called, which values they take, which
// translator gets them, and what they do to old clients. The knowledge is data, made from the installed package.
package xlator

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// rowsJSON is the table of "volume set" of GlusterFS 10.3, joined with the options that each translator exports.
//
// It is made from two tables of the installed package glusterfs-server 10.3-5 (Debian): the array of 64-byte records
// {key, voltype, option, value, doc, flags, op-version, description, validator} in xlator/mgmt/glusterd.so, and the
// volume_option_t array behind the symbol xlator_api of each other xlator/*/*.so. Both are read from the ELF files
// without running them. To remake it for another version: read the two tables, match each record's voltype and option
// with the translator's own option, and write one JSON object a line, in the order of the array, with the field names
// of Row. A range of 0..0 is left out, as is an upper bound that is infinite or below the lower one.
//
//go:embed options.json
var rowsJSON []byte

// Row is one record of the table: how one key reaches one kind of translator. A key has several rows when it reaches
// several kinds.
type Row struct {
	// Key is the option's full name, such as performance.cache-size.
	Key string `json:"key"`
	// Xlator is the type of the translators that get the option, such as performance/io-cache.
	Xlator string `json:"xlator"`
	// Option is what the translator calls it; empty if Special is set.
	Option string `json:"option"`
	// Special names a rule of the volfile generator, such as "perf": the option shapes the graph.
	Special string `json:"special"`
	// Written is the value that volfiles carry even if nobody set the option; nil if they then leave it out.
	Written *string `json:"written"`
	// Default is what the option is when nobody set it; nil if it then has no value.
	Default *string `json:"default"`
	// Type is the type of the value as the translators name it: BOOL, INT, SIZET, …; empty if none is known.
	Type string `json:"type"`
	// Min and Max bound numbers; nil means no bound.
	Min *int64 `json:"min"`
	Max *int64 `json:"max"`
	// Values are all values that the option takes, if it takes only some.
	Values []string `json:"values"`
	// Doc says who sees the option: "" everybody, "hidden", "global" (for all volumes), "global-hidden".
	Doc string `json:"doc"`
	// Flags are "client" (clients must know it), "xlator" (it adds a translator), "force" and "never-reset".
	Flags []string `json:"flags"`
	// OpVersion is the first version of GlusterFS that knows the option, 10203 meaning 1.2.3.
	OpVersion int `json:"op-version"`
	// Checked is set where glusterd has a check of its own beyond the type.
	Checked bool `json:"checked"`
}

// Table is the option table.
type Table struct {
	rows   []Row
	byKey  map[string][]int
	suffix map[string][]string // the part after the first dot → the full keys
}

// Load reads the table that is built in. It fails only if the build is broken.
func Load() (*Table, error) {
	t := &Table{byKey: map[string][]int{}, suffix: map[string][]string{}}
	d := json.NewDecoder(bytes.NewReader(rowsJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&t.rows); err != nil {
		return nil, fmt.Errorf("xlator: option table: %w", err)
	}
	for i := range t.rows {
		key := t.rows[i].Key
		if _, seen := t.byKey[key]; !seen {
			_, rest, _ := strings.Cut(key, ".")
			t.suffix[rest] = append(t.suffix[rest], key)
		}
		t.byKey[key] = append(t.byKey[key], i)
	}
	return t, nil
}

// Rows returns all rows in glusterd's order. They must not be modified.
func (t *Table) Rows() []Row { return t.rows }

// Keys returns the full names of all options, sorted.
func (t *Table) Keys() []string {
	keys := make([]string, 0, len(t.byKey))
	for k := range t.byKey {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// row returns the row that describes an option: the first one that knows a type, else the first.
func (t *Table) row(key string) (*Row, bool) {
	idx := t.byKey[key]
	if len(idx) == 0 {
		return nil, false
	}
	for _, i := range idx {
		if t.rows[i].Type != "" {
			return &t.rows[i], true
		}
	}
	return &t.rows[idx[0]], true
}

// MaxOpVersion is the highest op-version of GlusterFS 10, at which every pool works from the start.
const MaxOpVersion = 100000

// OpVersions returns the op-version that a set of options needs, and the one that it needs of clients. Booleans that are
// switched off need nothing. Both are at least 1.
func (t *Table) OpVersions(options map[string]string) (all, client int) {
	all, client = 1, 1
	for key, value := range options {
		for _, i := range t.byKey[key] {
			r := &t.rows[i]
			if on, isBool := ParseBool(value); isBool && !on && (r.Type == "BOOL" || r.has("xlator")) {
				continue
			}
			all = max(all, r.OpVersion)
			if r.has("client") {
				client = max(client, r.OpVersion)
			}
		}
	}
	return all, client
}

func (r *Row) has(flag string) bool { return slices.Contains(r.Flags, flag) }
