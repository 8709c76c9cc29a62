package transaction

import (
	"context"
	"testing"
	"time"

	"gd2/pkg/api"
)

func TestGateOrders(t *testing.T) {
	g := newGate()
	for _, f := range []fence{{5, 1}, {5, 3}, {7, 1}} {
		_, leave, err := g.enter(t.Context(), f)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		leave()
	}
	for _, f := range []fence{{5, 9}, {7, 1}, {7, 0}} {
		if _, _, err := g.enter(t.Context(), f); !api.IsKind(err, api.Conflict) {
			t.Errorf("%v came in after a newer one: %v", f, err)
		}
	}
	if !g.idle() {
		t.Error("an empty gate is not idle")
	}
}

func TestGateCancelsAndWaits(t *testing.T) {
	g := newGate()
	first, leaveFirst, err := g.enter(t.Context(), fence{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	in := make(chan func())
	go func() {
		_, leave, err := g.enter(context.Background(), fence{1, 2})
		if err != nil {
			t.Error(err)
		}
		in <- leave
	}()
	<-first.Done()
	select {
	case <-in:
		t.Fatal("the second request came in before the first had left")
	case <-time.After(20 * time.Millisecond):
	}
	leaveFirst()
	(<-in)()
}

// One that gave up waiting must not let the next one in beside the first.
func TestGateAfterOneGaveUp(t *testing.T) {
	g := newGate()
	_, leaveFirst, err := g.enter(t.Context(), fence{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := g.enter(gone, fence{1, 2}); !api.IsKind(err, api.Unavailable) {
		t.Fatalf("error is %v", err)
	}
	if g.idle() {
		t.Error("the gate is idle while the first is inside")
	}
	if _, _, err := g.enter(gone, fence{1, 3}); !api.IsKind(err, api.Unavailable) {
		t.Fatalf("error is %v", err)
	}
	leaveFirst()
	_, leave, err := g.enter(t.Context(), fence{1, 4})
	if err != nil {
		t.Fatal(err)
	}
	leave()
}
