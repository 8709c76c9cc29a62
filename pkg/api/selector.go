package api

import "strings"

// maxTerms bounds a selector.
const maxTerms = 32

// Selector picks what has metadata: each term must hold. The zero value picks everything.
type Selector struct{ terms []term }

// term is one condition on a key of the metadata.
type term struct {
	key, value string
	equal      bool // the value is compared; otherwise only the key counts
	not        bool
}

// ParseSelector reads terms separated by commas: key=value, key!=value, key (it is there), !key (it is not). A key that is
// not there differs from every value. The error is Invalid with the field selector.
func ParseSelector(text string) (Selector, error) {
	var s Selector
	for part := range strings.SplitSeq(text, ",") {
		t, ok := parseTerm(strings.TrimSpace(part))
		if !ok {
			return Selector{}, FieldErrorf("selector", "selector %.80q: its terms must be key=value, key!=value, key or !key", text)
		}
		s.terms = append(s.terms, t)
	}
	if len(s.terms) > maxTerms {
		return Selector{}, FieldErrorf("selector", "the selector has %d terms: at most %d", len(s.terms), maxTerms)
	}
	return s, nil
}

func parseTerm(text string) (t term, ok bool) {
	t.key, t.value, t.equal = strings.Cut(text, "=")
	switch {
	case t.equal && strings.HasSuffix(t.key, "!"):
		t.key, t.not = strings.TrimSuffix(t.key, "!"), true
	case !t.equal && strings.HasPrefix(t.key, "!"):
		t.key, t.not = t.key[1:], true
	}
	t.key = strings.TrimSpace(t.key)
	t.value = strings.TrimSpace(t.value)
	return t, t.key != "" && !strings.ContainsAny(t.key, "!") && len(text) <= MaxMetadata
}

// Match reports whether metadata is picked.
func (s Selector) Match(metadata map[string]string) bool {
	for _, t := range s.terms {
		value, there := metadata[t.key]
		if holds := there && (!t.equal || value == t.value); holds == t.not {
			return false
		}
	}
	return true
}
