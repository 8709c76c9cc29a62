package store

import "context"

// Fresh leaves the present cluster and makes this peer the only member of a new one, with an empty copy: what a peer
// does that was taken out of its pool. The certificate files must be those of the new pool before the call. The data of
// the old member is removed. It may be repeated.
//
// It is recorded first: a peer that stops in between begins anew when it starts again.
func (s *Store) Fresh(_ context.Context) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	nextDir := s.state.NextDir
	if err := s.found(nextDir); err != nil {
		return err
	}
	s.known.Store(nil)
	old := s.session.Load()
	s.stopFeed()
	s.mem.replace(nil, 0)
	s.dropServer()
	s.setWaiting("waiting for the first reading of the new store")
	if err := s.startRecorded(); err != nil {
		return err
	}
	sess, err := dial(s.cfg, s.state.Endpoints)
	if err != nil {
		return err
	}
	s.expect(sess)
	s.cut.Store(nil)
	s.startFeed(sess, false)
	old.close() // wakes whoever waits for the old pool
	return nil
}
