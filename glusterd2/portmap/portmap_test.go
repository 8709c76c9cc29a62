package portmap_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gd2/glusterd2/portmap"
	"gd2/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSignInAndOut(t *testing.T) {
	m := portmap.New()
	a, b := m.NewConn(), m.NewConn()
	if a == b {
		t.Fatal("two connections have one id")
	}
	m.SignIn(a, "/b1", 49152, 11)
	m.SignIn(a, "/b2", 49153, 11)
	expect(t, m, "/b1", portmap.Entry{Port: 49152, PID: 11})
	if port, ok := m.Port("/b2"); port != 49153 || !ok {
		t.Errorf("port of /b2 is %d, %v", port, ok)
	}

	// The brick was started again: the old connection neither signs it out nor takes it with it.
	m.SignIn(b, "/b1", 49160, 12)
	m.SignOut(a, "/b1")
	m.Drop(a)
	expect(t, m, "/b1", portmap.Entry{Port: 49160, PID: 12})
	expect(t, m, "/b2", portmap.Entry{})

	m.SignOut(b, "/b1")
	m.SignOut(b, "/b1")
	expect(t, m, "/b1", portmap.Entry{})
}

func expect(t *testing.T, m *portmap.Map, brick string, want portmap.Entry) {
	t.Helper()
	got, ok := m.Entry(brick)
	if got != want || ok != (want != portmap.Entry{}) {
		t.Errorf("%s: %+v, %v; want %+v", brick, got, ok, want)
	}
}

func TestWait(t *testing.T) {
	m := portmap.New()
	got := make(chan portmap.Entry, 1)
	waiting, cancel := m.Subscribe()
	defer cancel()
	go func() {
		e, err := m.Wait(t.Context(), "/b")
		if err != nil {
			t.Error(err)
		}
		got <- e
	}()
	conn := m.NewConn()
	m.SignIn(conn, "/other", 1, 1)
	m.SignIn(conn, "/b", 49152, 7)
	<-waiting
	if e := <-got; e != (portmap.Entry{Port: 49152, PID: 7}) {
		t.Errorf("waited for %+v", e)
	}

	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := m.Wait(ctx, "/none"); !api.IsKind(err, api.Timeout) {
		t.Errorf("error %v, want Timeout", err)
	}
}

func TestSubscribe(t *testing.T) {
	m := portmap.New()
	changes, cancel := m.Subscribe()
	conn := m.NewConn()
	told := func() bool {
		select {
		case <-changes:
			return true
		default:
			return false
		}
	}
	m.Drop(conn)
	m.SignOut(conn, "/b")
	if told() {
		t.Error("told of a change where nothing changed")
	}
	m.SignIn(conn, "/b", 1, 1)
	m.SignIn(conn, "/c", 2, 1)
	if !told() || told() {
		t.Error("two changes were not told as one")
	}
	m.Drop(conn)
	if !told() {
		t.Error("a lost connection was not told")
	}
	cancel()
	m.SignIn(conn, "/b", 1, 1)
	if told() {
		t.Error("told after the subscription ended")
	}
}

// TestAttached: a brick that comes into a process belongs to the connection of those that were there before.
func TestAttached(t *testing.T) {
	m := portmap.New()
	conn := m.NewConn()
	if _, ok := m.Attached("/b2", 7); ok {
		t.Error("attached to a process that is not connected")
	}
	m.SignIn(conn, "/b1", 49152, 7)
	if id, ok := m.Attached("/b2", 7); !ok || id != conn {
		t.Errorf("attached over connection %d, %v", id, ok)
	}
	expect(t, m, "/b2", portmap.Entry{Port: 49152, PID: 7})
	m.Detached("/b2", 8) // a process that has it no more
	expect(t, m, "/b2", portmap.Entry{Port: 49152, PID: 7})
	m.Detached("/b2", 7)
	expect(t, m, "/b2", portmap.Entry{})
	m.Attached("/b3", 7)
	m.Drop(conn)
	expect(t, m, "/b1", portmap.Entry{})
	expect(t, m, "/b3", portmap.Entry{})
}

// TestFound: a brick that was found serves until its process ends, or tells of it itself.
func TestFound(t *testing.T) {
	m := portmap.New()
	conn := m.NewConn()
	m.SignIn(conn, "/b1", 49152, 7)
	m.Found("/b1", 49153, 8)
	expect(t, m, "/b1", portmap.Entry{Port: 49152, PID: 7})
	for _, brick := range []string{"/b2", "/b3"} {
		m.Found(brick, 49153, 8)
		expect(t, m, brick, portmap.Entry{Port: 49153, PID: 8})
	}
	if _, ok := m.Attached("/b4", 8); ok {
		t.Error("attached to a process that is not connected")
	}
	m.Lost(9)
	m.Drop(conn)
	m.SignIn(conn, "/b3", 49153, 8)
	expect(t, m, "/b1", portmap.Entry{})
	expect(t, m, "/b2", portmap.Entry{Port: 49153, PID: 8})
	m.Lost(8)
	expect(t, m, "/b2", portmap.Entry{})
	expect(t, m, "/b3", portmap.Entry{Port: 49153, PID: 8})
	m.Drop(conn)
	expect(t, m, "/b3", portmap.Entry{})
}
