package process_test

import (
	"slices"
	"testing"
	"time"

	"gd2/glusterd2/process"
)

func TestBackoff(t *testing.T) {
	var b process.Backoff
	var got []time.Duration
	for range 11 {
		got = append(got, b.Next(time.Second))
	}
	ms := time.Millisecond
	want := []time.Duration{0, 250 * ms, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 16000 * ms, 32000 * ms,
		time.Minute, time.Minute}
	if !slices.Equal(got, want) || b.Failures() != 11 {
		t.Errorf("waits %v, %d failures", got, b.Failures())
	}
	if w := b.Next(time.Minute); w != 0 {
		t.Errorf("after a steady run the wait is %v", w)
	}
}
