package xlator

import (
	"maps"
	"slices"
	"strconv"

	"gd2/pkg/api"
)

// Levels of options, as glusterd2 names them.
const (
	// Basic options are those that glusterd documents.
	Basic = "Basic"
	// Advanced options are those that glusterd has but does not tell of.
	Advanced = "Advanced"
)

// Level returns the level of an option, given by its full name.
func (t *Table) Level(key string) string {
	if r, ok := t.row(key); ok && (r.Doc == "hidden" || r.Doc == "global-hidden") {
		return Advanced
	}
	return Basic
}

// Default returns what an option is when nobody set it, on a volume of the given shape; "" if it then has no value.
func (t *Table) Default(key string, s Shape) string {
	const enough = 3 // from three replicas on, AFR wants a majority unless told otherwise
	if key == "cluster.quorum-type" && s.Type == api.SubvolReplicate && s.Replica >= enough {
		return "auto"
	}
	r, ok := t.row(key)
	switch {
	case !ok:
		return ""
	case key == keyOpVersion || key == keyMaxOpVersion:
		return strconv.Itoa(MaxOpVersion)
	case key == "cluster.localtime-logging":
		return "disable" // the table lacks it
	case r.Written != nil:
		return *r.Written
	case r.Default != nil:
		return *r.Default
	}
	return ""
}

// Option returns an option, given by its full name, as a volume has it that set these options.
func (t *Table) Option(key string, set map[string]string, s Shape) api.VolumeOption {
	value, modified := set[key]
	def := t.Default(key, s)
	if !modified {
		value = def
	}
	return api.VolumeOption{
		Name: key, Value: value, Modified: modified, DefaultValue: def, OptionLevel: t.Level(key),
	}
}

// Written reports whether volfiles carry the option even if nobody has set it: glusterd does not call such a value a default.
func (t *Table) Written(key string) bool {
	for _, i := range t.byKey[key] {
		if t.rows[i].Written != nil {
			return true
		}
	}
	return false
}

// Options returns all options as a volume has them that set these, sorted by name.
func (t *Table) Options(set map[string]string, s Shape) []api.VolumeOption {
	keys := t.Keys()
	for k := range set {
		if _, known := t.byKey[k]; !known {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	out := make([]api.VolumeOption, 0, len(keys))
	for _, k := range keys {
		out = append(out, t.Option(k, set, s))
	}
	return out
}

// Resolve turns the options of a request, under any of their names, into valid ones under their full names. All that is
// wrong is told in one Invalid error.
func (t *Table) Resolve(request map[string]string, s Shape) (map[string]string, error) {
	out := map[string]string{}
	var wrong []*api.Error
	for _, name := range slices.Sorted(maps.Keys(request)) {
		key, err := t.Complete(name)
		if err == nil {
			err = t.ValidateFor(key, request[name], s)
		}
		if err == nil {
			if other, twice := out[key]; twice && other != request[name] {
				err = api.FieldErrorf("options", "option %s is given twice, as %s and as %s", key, other, request[name])
			}
		}
		if err != nil {
			wrong = append(wrong, api.AsError(err))
			continue
		}
		out[key] = request[name]
	}
	return out, join(wrong)
}

// ResolvePool does for the options of the whole pool what Resolve does for those of a volume.
func (t *Table) ResolvePool(request map[string]string) (map[string]string, error) {
	out := map[string]string{}
	var wrong []*api.Error
	for _, name := range slices.Sorted(maps.Keys(request)) {
		key, err := t.Complete(name)
		if err == nil && !poolOnly[key] {
			err = api.FieldErrorf("options", "option %s belongs to a volume: it cannot be set for all of them", key)
		}
		if err == nil {
			err = t.Validate(key, request[name])
		}
		if err == nil {
			err = noEffect(key, request[name])
		}
		if err == nil && (key == keyOpVersion || key == keyMaxOpVersion) {
			err = api.FieldErrorf("options", "option %s=%.20s: the pool works at op-version %d, the highest of GlusterFS 10, from its start; "+
				"it is not raised or lowered", key, request[name], MaxOpVersion)
		}
		if err != nil {
			wrong = append(wrong, api.AsError(err))
			continue
		}
		out[key] = request[name]
	}
	return out, join(wrong)
}

// The options that tell at which op-version the pool works.
const (
	keyOpVersion    = "cluster.op-version"
	keyMaxOpVersion = "cluster.max-op-version"
)

// PoolKeys returns the full names of the options that can be set for all volumes, sorted.
func (t *Table) PoolKeys() []string {
	return slices.DeleteFunc(t.Keys(), func(k string) bool { return !poolOnly[k] })
}

// Reset returns which of the options that a volume set go back to their defaults: those named, or all. Options that are
// protected go only by force: named without it they are an Invalid error, among all they stay. Those that glusterd never
// resets, because a feature holds data by them, stay even by force.
func (t *Table) Reset(set map[string]string, names []string, all, force bool) ([]string, error) {
	var out []string
	if all {
		for _, key := range slices.Sorted(maps.Keys(set)) {
			if t.flagged(key, "never-reset") || managed[key] == featureQuota && !force {
				continue
			}
			if force || !t.flagged(key, "force") {
				out = append(out, key)
			}
		}
		return out, nil
	}
	var wrong []*api.Error
	for _, name := range names {
		key, err := t.Complete(name)
		if err == nil && t.flagged(key, "never-reset") {
			err = api.FieldErrorf("options", "option %s belongs to %s and cannot be reset by itself", key, managed[key])
		}
		if err == nil && !force && t.flagged(key, "force") {
			err = api.FieldErrorf("options", "option %s is protected: it is reset by force only", key)
		}
		if err != nil {
			wrong = append(wrong, api.AsError(err))
			continue
		}
		if _, isSet := set[key]; isSet && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out, join(wrong)
}

// flagged reports whether any row of an option has a flag.
func (t *Table) flagged(key, flag string) bool {
	return slices.ContainsFunc(t.byKey[key], func(i int) bool { return t.rows[i].has(flag) })
}

// join makes one error of several; nil of none.
func join(errs []*api.Error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	e := api.FieldErrorf("options", "%d options are wrong", len(errs))
	e.Causes = errs
	return e
}

// CreateOptions returns the options that glusterd sets on every new volume of a type: they are not the translators'
// defaults, for the sake of volumes that are older than they are.
func CreateOptions(subvolType string) map[string]string {
	out := map[string]string{
		"storage.fips-mode-rchecksum": "on", "transport.address-family": "inet", "nfs.disable": "on",
	}
	if subvolType == api.SubvolReplicate {
		out["cluster.granular-entry-heal"] = "on"
		out["performance.client-io-threads"] = "off"
	}
	return out
}
