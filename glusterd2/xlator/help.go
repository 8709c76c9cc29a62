package xlator

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gd2/pkg/api"
)

// Help is what the installed GlusterFS says of its options, in its own words.
type Help struct {
	keys    map[string]string // of "volume set"'s own table, by key
	xlators map[string]string // of the translators, by type and option: "performance/io-cache cache-size"
}

// How the tables of GlusterFS 10 lie in memory: a record of "volume set" is {key, voltype, option, value, type, flags,
// op-version, description, validator}; a translator exports xlator_api, at whose offset 32 the pointer to its options
// is; an option is {4 names, type, min, max, 64 values, default, description, …}.
const (
	recordSize, recordType, recordText = 64, 8, 48
	apiOptions                         = 32
	optionSize, optionText             = 1152, 576
	optionNames                        = 4
	maxRecords                         = 2000
)

// ReadHelp reads the descriptions of options out of the translators below dir, such as
// /usr/lib/x86_64-linux-gnu/glusterfs/10.3/xlator. Nothing of them is run.
func ReadHelp(dir string) (*Help, error) {
	h := &Help{keys: map[string]string{}, xlators: map[string]string{}}
	objects, err := filepath.Glob(filepath.Join(dir, "*", "*.so"))
	if err != nil || len(objects) == 0 {
		return nil, fmt.Errorf("xlator: no translators below %s", dir)
	}
	for _, path := range objects {
		im, err := openImage(path)
		if err != nil {
			return nil, fmt.Errorf("xlator: %w", err)
		}
		typ := filepath.Base(filepath.Dir(path)) + "/" + strings.TrimSuffix(filepath.Base(path), ".so")
		if typ == "mgmt/glusterd" {
			h.readKeys(im)
		}
		h.readOptions(im, typ)
	}
	return h, nil
}

// readKeys finds the table of "volume set", which is not exported, by its first record.
func (h *Help) readKeys(im *image) {
	first, ok := im.find("cluster.lookup-unhashed")
	if !ok {
		return
	}
	for at, to := range im.pointers {
		if to != first || im.text(at+recordType) != "cluster/distribute" {
			continue
		}
		for range maxRecords {
			key := im.text(at)
			if key == "" {
				return
			}
			if text := im.text(at + recordText); text != "" && h.keys[key] == "" {
				h.keys[key] = text
			}
			at += recordSize
		}
	}
}

func (h *Help) readOptions(im *image, typ string) {
	exported := im.symbols["xlator_api"]
	if exported == 0 {
		return
	}
	at := im.pointers[exported+apiOptions]
	for range maxRecords {
		if im.text(at) == "" {
			return
		}
		for i := range uint64(optionNames) {
			if name := im.text(at + 8*i); name != "" {
				h.xlators[typ+" "+name] = im.text(at + optionText)
			}
		}
		at += optionSize
	}
}

// text returns the description of a row.
func (h *Help) text(r *Row) string {
	if h == nil {
		return ownTexts[r.Key]
	}
	for _, text := range []string{h.keys[r.Key], h.xlators[r.Xlator+" "+r.Option], h.xlators[r.Xlator+" "+plainSpecial(r)]} {
		if text != "" {
			return text
		}
	}
	if strings.HasPrefix(r.Key, "nfs.") {
		return "For the NFS server of GlusterFS, which this version is built without."
	}
	return ownTexts[r.Key]
}

// ownTexts are for options of which GlusterFS says nothing.
var ownTexts = map[string]string{
	"auth.allow":                 "Who may connect: addresses, host names, networks (10.0.0.0/8) and patterns (10.0.*), separated by commas; for a directory of the volume, /DIR(ADDRESS|ADDRESS).",
	"auth.reject":                "Who may not connect, in the form of auth.allow, over which it wins.",
	"client.keepalive-count":     "How many keepalive probes of a client may be lost before its connection is closed.",
	"client.keepalive-interval":  "Seconds between the keepalive probes of a client.",
	"client.keepalive-time":      "Seconds that a client's connection may be silent before it is probed.",
	"client.tcp-user-timeout":    "Seconds that data sent by a client may stay unacknowledged before its connection is closed.",
	"cluster.heal-timeout":       "Seconds between two looks of the self-heal daemon at what needs healing.",
	"cluster.localtime-logging":  "Whether logs have the local time instead of UTC, which they always have here.",
	"cluster.max-op-version":     "The highest op-version that all peers can work at. It cannot be set.",
	"cluster.op-version":         "The op-version at which the pool works. It is that of GlusterFS 10 from the start.",
	"cluster.daemon-log-level":   "The level of the logs of self-heal daemons and the quota daemon.",
	"cluster.readdir-failover":   "Whether the reading of a directory goes on on another brick when its brick fails.",
	"config.brick-threads":       "How many threads of the global pool a brick has.",
	"config.client-threads":      "How many threads of the global pool a client has.",
	"config.memory-accounting":   "Whether processes count their memory by type.",
	"config.transport":           "How clients reach bricks: tcp.",
	"features.quota-deem-statfs": "Whether df on a directory with a quota shows the quota as its size.",
}

// Explain describes the options with these full names, or all of them, sorted by name. h may be nil.
func (t *Table) Explain(h *Help, keys ...string) []api.OptionHelp {
	if len(keys) == 0 {
		keys = slices.Sorted(maps.Keys(t.byKey))
	}
	out := make([]api.OptionHelp, 0, len(keys))
	for _, key := range keys {
		out = append(out, t.explain(h, key))
	}
	return out
}

func (t *Table) explain(h *Help, key string) api.OptionHelp {
	r, _ := t.row(key)
	o := api.OptionHelp{
		Name: key, DefaultValue: t.Default(key, Shape{}), OptionLevel: t.Level(key), Type: kind(r), Min: r.Min, Max: r.Max,
		Values: r.Values, OpVersion: r.OpVersion, Scope: api.ScopeVolume, ManagedBy: managed[key],
	}
	if poolOnly[key] {
		o.Scope = api.ScopeCluster
	}
	for _, i := range t.byKey[key] {
		o.Xlators = append(o.Xlators, t.rows[i].Xlator)
		o.OpVersion = max(o.OpVersion, t.rows[i].OpVersion)
		if o.Description == "" {
			o.Description = strings.Join(strings.Fields(h.text(&t.rows[i])), " ")
		}
	}
	return o
}
