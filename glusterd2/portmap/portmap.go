// Package portmap knows on which port each brick of this host serves. Bricks sign in themselves over SunRPC, or are found
// in processes that run, so the map is rebuilt after a restart of the daemon and never stored.
package portmap

import (
	"context"
	"maps"
	"sync"

	"gd2/pkg/api"
)

// ConnID is a connection over which bricks sign in.
type ConnID uint64

// Entry is a brick that serves.
type Entry struct {
	// Port is the TCP port of the brick.
	Port int
	// PID is the process id that the brick itself gave.
	PID int
}

// record is an entry and the connection over which it came; 0 for one that was found.
type record struct {
	Entry
	conn ConnID
}

// Map is the port map. Brick names are brick paths, or snapd-VOL and the like for daemons that serve as bricks do.
type Map struct {
	mu          sync.Mutex
	lastConn    ConnID
	bricks      map[string]record
	subscribers map[chan struct{}]bool
}

// New returns an empty map.
func New() *Map {
	return &Map{bricks: map[string]record{}, subscribers: map[chan struct{}]bool{}}
}

// NewConn returns an id for a connection that nobody had before.
func (m *Map) NewConn() ConnID {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastConn++
	return m.lastConn
}

// SignIn notes that the brick serves on port in process pid. The newest sign-in of a name counts: a brick that was
// started again may sign in before the connection of its predecessor is seen to close.
func (m *Map) SignIn(conn ConnID, brick string, port, pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bricks[brick] = record{Entry{Port: port, PID: pid}, conn}
	m.changed()
}

// Found notes a brick that serves already in a process of an earlier life of the daemon, which looks for us every three seconds only: until
// the process is here and signs the brick in, that it was found counts. Lost ends it.
func (m *Map) Found(brick string, port, pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.bricks[brick]; !ok {
		m.bricks[brick] = record{Entry: Entry{Port: port, PID: pid}}
		m.changed()
	}
}

// Lost forgets what was found of a process that has ended.
func (m *Map) Lost(pid int) { m.forget(func(r record) bool { return r.conn == 0 && r.PID == pid }) }

// SignOut forgets the brick if it signed in over this connection; what signed in over another one stays. GlusterFS
// may sign out twice, so an unknown brick is nothing special.
func (m *Map) SignOut(conn ConnID, brick string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.bricks[brick]; ok && r.conn == conn {
		delete(m.bricks, brick)
		m.changed()
	}
}

// Attached notes a brick that was attached to a running process, which does not sign it in itself until it connects
// anew: it serves on the port of the bricks that were inside before, and belongs to their connection, which is returned. A
// process that is not connected now will sign in all its bricks when it is.
func (m *Map) Attached(brick string, pid int) (ConnID, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.bricks {
		if r.PID == pid && r.conn != 0 {
			m.bricks[brick] = r
			m.changed()
			return r.conn, true
		}
	}
	return 0, false
}

// Detached forgets a brick that was taken out of a process.
func (m *Map) Detached(brick string, pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.bricks[brick]; ok && r.PID == pid {
		delete(m.bricks, brick)
		m.changed()
	}
}

// Drop forgets every brick that signed in over this connection, because it closed: the process is gone or about to
// come back with a new connection and sign in again.
func (m *Map) Drop(conn ConnID) { m.forget(func(r record) bool { return r.conn == conn }) }

func (m *Map) forget(which func(record) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	had := len(m.bricks)
	maps.DeleteFunc(m.bricks, func(_ string, r record) bool { return which(r) })
	if len(m.bricks) < had {
		m.changed()
	}
}

// Port returns the port of a brick, and whether it is signed in.
func (m *Map) Port(brick string) (int, bool) {
	e, ok := m.Entry(brick)
	return e.Port, ok
}

// Entry returns what is known of a brick, and whether it is signed in.
func (m *Map) Entry(brick string) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.bricks[brick]
	return r.Entry, ok
}

// Wait returns the entry of a brick as soon as it is signed in. When ctx ends first the error is an *api.Error of kind
// Timeout.
func (m *Map) Wait(ctx context.Context, brick string) (Entry, error) {
	changes, cancel := m.Subscribe()
	defer cancel()
	for {
		if e, ok := m.Entry(brick); ok {
			return e, nil
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return Entry{}, api.Errorf(api.Timeout, "brick %s did not sign in: %v", brick, ctx.Err())
		}
	}
}

// Subscribe returns a channel that receives after something changed, and a function that ends it. Several changes may
// be told as one; none is lost.
func (m *Map) Subscribe() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subscribers[ch] = true
	return ch, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subscribers, ch)
	}
}

// changed tells the subscribers; the caller holds the lock.
func (m *Map) changed() {
	for ch := range m.subscribers {
		select {
		case ch <- struct{}{}:
		default: // one signal already waits
		}
	}
}
