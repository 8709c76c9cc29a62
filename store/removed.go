package store

import (
	"context"
	"slices"
)

// StopRemoved gives up this peer's member if it has ended by itself and is none of members, a fresh answer of Members: it
// was removed while the peer was away. Its data is removed, since no cluster will ever accept it again, and the peer goes
// on as a client of the members.
func (s *Store) StopRemoved(_ context.Context, members []Member) (stopped bool, err error) {
	sv := s.server.Load()
	if sv == nil || sv.running() {
		return false, nil
	}
	id := uint64(sv.etcd.Server.MemberID())
	if slices.ContainsFunc(members, func(m Member) bool { return m.ID == id }) || len(VoterURLs(members)) == 0 {
		return false, nil // it ended for another reason, such as a full disk
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.server.Load() != sv {
		return false, nil // a new member was started meanwhile
	}
	return true, s.stopMember()
}
