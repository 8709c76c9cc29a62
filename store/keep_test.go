package store_test

import (
	"context"
	"testing"
	"time"

	"gd2/store"
	"gd2/store/storetest"
)

// What is kept is looked at once, after each change of its records, when it is said, and after a pause that was asked for.
func TestKeep(t *testing.T) {
	s := storetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	also, calls, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	pause := time.Duration(0)
	go func() {
		defer close(ended)
		s.Keep(ctx, also, func(context.Context) time.Duration {
			again := pause
			calls <- struct{}{}
			return again
		}, store.PrefixVolumes)
	}()
	called := func(why string) {
		t.Helper()
		select {
		case <-calls:
		case <-time.After(30 * time.Second):
			t.Fatalf("not called: %s", why)
		}
	}
	called("at the start")
	commit(t, s, volumes.Create("gv0", volume{Name: "gv0"}))
	called("a record of its own")
	pause = time.Millisecond
	also <- struct{}{}
	called("it was said")
	called("the pause is over")
	cancel()
	for {
		select {
		case <-calls: // the last one may be under way
		case <-ended:
			return
		case <-time.After(30 * time.Second):
			t.Fatal("it does not end")
		}
	}
}
