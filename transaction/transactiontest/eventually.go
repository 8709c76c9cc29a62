package transactiontest

import (
	"context"
	"testing"
	"time"
)

// Eventually looks every 10 ms until check is true, and fails the test if it is not within 30 s. what is what there should be.
func Eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no %s", what)
		}
	}
}
