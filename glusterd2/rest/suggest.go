package rest

import (
	"fmt"
	"strings"
)

// maxListed is how many known names an error lists when none of them is near the one given.
const maxListed = 12

// didYouMean returns the end of a message about an unknown name: the nearest known one, or the list when it is short.
func didYouMean(name string, known []string) string {
	best, least := "", 1+len(name)/3
	for _, k := range known {
		if d := distance(plain(name), plain(k)); d < least || d == least && best == "" {
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

// distance is the number of edits (insert, delete, change, swap of neighbours) between two short texts.
func distance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
