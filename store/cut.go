package store

import "gd2/pkg/api"

// Cut ends this peer's part in its pool without forgetting anything, because the pool has taken the peer out: the
// embedded server stops, and the members are asked no more. What needs them fails with kind State and the reason; the
// copy in memory stays as it was. Fresh and Join end it. It is not recorded: a peer that starts again is cut again.
func (s *Store) Cut(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.cut.Load() != nil {
		return
	}
	s.cut.Store(api.Errorf(api.State, "%s", reason))
	s.stopFeed()
	s.setWaiting(reason)
	if sess := s.session.Load(); sess != nil {
		sess.close() // wakes whoever waits for the pool
	}
	if sv := s.server.Swap(nil); sv != nil {
		sv.stop()
	}
}

// cutOff returns the error of who asks for the members of a pool from which this peer was cut.
func (s *Store) cutOff() error {
	if e := s.cut.Load(); e != nil {
		return e
	}
	return nil
}
