package brick_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"gd2/glusterd2/brick"
	"gd2/pkg/api"
)

func TestLocks(t *testing.T) {
	var l brick.Locks
	over, cancel := context.WithCancel(t.Context())
	cancel()
	share := func(ctx context.Context) func() {
		t.Helper()
		unlock, err := l.Share(ctx, "gv0")
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}
	a, b := share(over), share(over)
	if _, err := l.Lock(over, "gv0"); !api.IsKind(err, api.Timeout) {
		t.Errorf("locked beside two shares: %v", err)
	}
	other, err := l.Lock(over, "gv1")
	if err != nil {
		t.Errorf("another volume: %v", err)
	}
	other()
	got := make(chan func())
	go func() {
		unlock, err := l.Lock(t.Context(), "gv0")
		if err != nil {
			t.Error(err)
		}
		got <- unlock
	}()
	a()
	a() // twice does nothing
	select {
	case <-got:
		t.Fatal("locked beside a share")
	case <-time.After(20 * time.Millisecond):
	}
	b()
	unlock := <-got
	if _, err := l.Share(over, "gv0"); !api.IsKind(err, api.Timeout) {
		t.Errorf("shared beside a lock: %v", err)
	}
	unlock()
	share(over)()
}

func TestPorts(t *testing.T) {
	l, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, text, _ := net.SplitHostPort(l.Addr().String())
	busy, _ := strconv.Atoi(text)
	p := brick.NewPorts(busy, busy+50)
	a, release, err := p.Take(t.Context(), 0)
	if err != nil || a <= busy {
		t.Fatalf("port %d, %v; %d is taken", a, err, busy)
	}
	b, _, err := p.Take(t.Context(), 0)
	if err != nil || b <= a {
		t.Errorf("port %d, %v; %d is handed out", b, err, a)
	}
	release()
	if c, _, err := p.Take(t.Context(), 0); err != nil || c != a {
		t.Errorf("port %d, %v; %d was given back", c, err, a)
	}
	if _, _, err := p.Take(t.Context(), busy+51); !api.IsKind(err, api.Unavailable) {
		t.Errorf("beyond the last: %v", err)
	}
}
