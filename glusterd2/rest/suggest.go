package rest

import (
	"fmt"
	"strings"

	"gd2/pkg/similar"
)

// maxListed is how many known names an error lists when none of them is near the one given.
const maxListed = 12

// didYouMean returns the end of a message about an unknown name: the nearest known one, or the list when it is short.
func didYouMean(name string, known []string) string {
	best, least := "", 1+len(name)/3
	for _, k := range known {
		if d := similar.Distance(plain(name), plain(k)); d < least || d == least && best == "" {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) == 0:
		return ""
	case len(known) <= maxListed:
		return "; known are " + strings.Join(known, ", ")
	}
	return ""
}

// plain removes the differences that people make without noticing.
func plain(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(clip(s)))
}

// clip shortens a text of the caller's for a message.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
