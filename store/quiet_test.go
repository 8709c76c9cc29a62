package store

import (
	"testing"
	"time"
)

// An address is told of once a minute, and not heard any more for that minute when it knocks too often.
func TestQuiet(t *testing.T) {
	var q quiet
	now := time.Unix(1000, 0)
	for i := range deafAfter + 1 {
		if q.deaf("a", now) {
			t.Fatalf("deaf after %d refusals", i)
		}
		if _, told := q.tell("a", now); told != (i == 0) {
			t.Fatalf("refusal %d: told is %v", i, told)
		}
	}
	if !q.deaf("a", now) || q.deaf("b", now) {
		t.Error("the address that knocks is heard, or another is not")
	}
	now = now.Add(quietFor)
	if q.deaf("a", now) {
		t.Error("deaf for longer than a minute")
	}
	if missed, told := q.tell("a", now); !told || missed != deafAfter {
		t.Errorf("after a minute: told %v, %d missed", told, missed)
	}
}
