package heketi

import (
	"testing"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"
)

func TestQueueID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ulid.ULID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")).String()
		q := queueID(id)
		if len(q) != idLength || operationID(q) != id {
			t.Fatalf("%s as a job is %s, and back %s", id, q, operationID(q))
		}
	})
	for _, bad := range []string{"", "abc", "zz", "ffd6e057477a2b7606422b40b2a5f9", "ffd6e057477a2b7606422b40b2a5f9d8ff"} {
		if got := operationID(bad); got != "" {
			t.Errorf("%q is operation %s", bad, got)
		}
	}
}

func TestIDs(t *testing.T) {
	id := newID()
	full, ok := asUUID(id)
	if !ok || hexID(full) != id {
		t.Errorf("%s, %s, %v", id, full, ok)
	}
	for _, bad := range []string{"", "abc", full} {
		if _, ok := asUUID(bad); ok {
			t.Errorf("%q is an id of 32 hex digits", bad)
		}
	}
}
