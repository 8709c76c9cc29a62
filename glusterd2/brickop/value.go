package brickop

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"gd2/pkg/gfrpc"
)

// text returns a value as text that JSON can carry.
func text(d gfrpc.Dict, key string) string {
	return strings.ToValidUTF8(d.String(key), string(utf8.RuneError))
}

// count returns a number that cannot be negative; 0 for anything else.
func count(d gfrpc.Dict, key string) uint64 {
	n, err := strconv.ParseUint(d.String(key), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// signed returns a whole number; 0 for anything else.
func signed(d gfrpc.Dict, key string) int64 {
	n, _ := d.Int(key)
	return n
}

// number returns a finite number; 0 for anything else.
func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// bounded returns a count of things that an answer describes, each in pairs of its own: not more than it has.
func bounded(d gfrpc.Dict, key string) int {
	return int(min(count(d, key), uint64(len(d)))) // fits: a dictionary is in memory
}
