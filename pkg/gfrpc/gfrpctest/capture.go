// Package gfrpctest gives tests what the processes of GlusterFS 10.3 really send and are sent.
package gfrpctest

import (
	_ "embed"
	"encoding/hex"
	"strings"
	"testing"
)

//go:embed capture.txt
var capture string

// Call returns the record of a call, such as "PMAP.SIGNIN", record mark included.
func Call(t testing.TB, name string) []byte { return record(t, "call "+name+" ") }

// Reply returns the record of glusterd's reply to the Call of the same name, record mark included.
func Reply(t testing.TB, name string) []byte { return record(t, "reply "+name+" ") }

// ReplyBegin returns the first bytes of a reply that was not kept as a whole.
func ReplyBegin(t testing.TB, name string) []byte { return record(t, "reply "+name+" begin ") }

// All returns every whole record: seeds for fuzzing.
func All(t testing.TB) [][]byte {
	var all [][]byte
	for line := range strings.Lines(capture) {
		if f := strings.Fields(line); len(f) == 3 && f[0] != "#" {
			all = append(all, decode(t, f[2]))
		}
	}
	return all
}

func record(t testing.TB, prefix string) []byte {
	t.Helper()
	for line := range strings.Lines(capture) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			return decode(t, strings.TrimSpace(rest))
		}
	}
	t.Fatalf("capture.txt has no %q", prefix)
	return nil
}

func decode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
