package xlator

import (
	"fmt"
	"slices"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/similar"
)

// userPrefix starts the keys that are free for applications; GlusterFS stores them and asks no questions.
const userPrefix = "user."

// IsUser reports whether key is one that applications may choose freely.
func IsUser(key string) bool { return strings.HasPrefix(key, userPrefix) && len(key) > len(userPrefix) }

// graphNames are the graphs that glusterd2 lets a key begin with, with the word by which keys of glusterd tell the two
// sides apart.
var graphNames = map[string]string{
	"brick": "brick", "server": "brick", "fuse": "client", "client": "client", "gfapi": "client", "nfs": "client",
	"glustershd": "client", "shd": "client", "rebalance": "client",
}

// aliases are other names of translators.
var aliases = map[string]string{"afr": "replicate", "dht": "distribute", "ec": "disperse", "quota": "quota"}

// Complete returns the full name of the option that key means: a full name as it stands, a name without its domain if
// only one option ends so (glusterd's rule), or glusterd2's form [graph.][category/]translator.option. Any other key is
// an Invalid error that proposes names alike.
func (t *Table) Complete(key string) (string, error) {
	if err := plainText("option name", key); err != nil {
		return "", err
	}
	if _, known := t.byKey[key]; known || IsUser(key) {
		return key, nil
	}
	found := t.suffix[key]
	if len(found) == 0 {
		found = t.byTranslator(key)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", t.unknown(key)
	}
	return "", api.FieldErrorf("options", "option %q can mean several: use one of %s", key, strings.Join(found, ", "))
}

// byTranslator finds the keys that glusterd2's form of a name can mean.
func (t *Table) byTranslator(key string) []string {
	side := ""
	if head, rest, ok := strings.Cut(key, "."); ok && strings.Contains(rest, ".") && !strings.Contains(head, "/") {
		if s, isGraph := graphNames[head]; isGraph {
			side, key = s, rest
		}
	}
	name, option, ok := strings.Cut(key, ".")
	if !ok {
		return nil
	}
	found := t.ofTranslator(name, option)
	if len(found) > 1 && side != "" {
		ofSide := slices.DeleteFunc(slices.Clone(found), func(k string) bool {
			return !strings.Contains(k, "."+side+"-") && !strings.HasPrefix(k, side+".")
		})
		if len(ofSide) > 0 {
			return ofSide
		}
	}
	return found
}

// ofTranslator lists the keys, each once, that give a translator an option of that name.
func (t *Table) ofTranslator(name, option string) []string {
	category, base, ok := strings.Cut(name, "/")
	if !ok {
		category, base = "", name
	}
	if a, ok := aliases[base]; ok {
		base = a
	}
	var found []string
	for i := range t.rows {
		r := &t.rows[i]
		cat, typ, _ := strings.Cut(r.Xlator, "/")
		if typ != base || (category != "" && category != cat) {
			continue
		}
		_, short, _ := strings.Cut(r.Key, ".")
		if (option == r.Option || option == short || option == plainSpecial(r)) && !slices.Contains(found, r.Key) {
			found = append(found, r.Key)
		}
	}
	// One key may give the option its name, and another reach it by a name of its own: the first is meant.
	named := slices.DeleteFunc(slices.Clone(found), func(k string) bool { return !strings.HasSuffix(k, "."+option) })
	if len(named) == 1 {
		return named
	}
	return found
}

// plainSpecial is what the translator itself calls an option that the generator treats specially.
func plainSpecial(r *Row) string {
	switch r.Special {
	case "brick-log-level", "client-log-level":
		return "log-level"
	case "brick-threads", "client-threads":
		return "threads"
	case "perf", "shard":
		return "enable"
	}
	return r.Special
}

// FieldOption is the field of an error that names an option which does not exist.
const FieldOption = "option"

// unknown says that no option has this name and which names are alike.
func (t *Table) unknown(key string) error {
	alike := t.Alike(key)
	hint := " in GlusterFS 10"
	switch len(alike) {
	case 0:
	case 1:
		hint = fmt.Sprintf("; did you mean %s?", alike[0])
	default:
		hint = fmt.Sprintf("; did you mean one of %s?", strings.Join(alike, ", "))
	}
	return api.FieldErrorf("options", "option %q does not exist%s", key, hint).With(FieldOption, key)
}

// Alike returns up to three options whose names resemble key, the most alike first.
func (t *Table) Alike(key string) []string {
	type match struct {
		key  string
		dist int
	}
	const limit, longest = 3, 80
	if len(key) > longest {
		return nil
	}
	var found []match
	_, short, dotted := strings.Cut(key, ".")
	for _, k := range t.Keys() {
		_, kShort, _ := strings.Cut(k, ".")
		d := similar.Distance(key, k)
		if !dotted {
			d = min(d, similar.Distance(key, kShort))
		} else if short == kShort {
			d = min(d, 2) // right name, wrong domain
		}
		if d <= max(2, len(key)/6) {
			found = append(found, match{k, d})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return a.dist - b.dist })
	var out []string
	for _, m := range found[:min(limit, len(found))] {
		out = append(out, m.key)
	}
	return out
}

// plainText refuses text that a volfile cannot carry. Volfiles are lines of words, and text between backquotes in one
// is run as a command.
func plainText(what, text string) error {
	const longest = 4096
	switch {
	case text == "":
		return api.FieldErrorf("options", "the %s is empty", what)
	case len(text) > longest:
		return api.FieldErrorf("options", "the %s has %d bytes: at most %d are allowed", what, len(text), longest)
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f || c == '`' || c == '\uFFFD' {
			return api.FieldErrorf("options", "%s %.60q: control characters, backquotes and invalid UTF-8 are not allowed",
				what, text)
		}
	}
	return nil
}
