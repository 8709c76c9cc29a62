package store

import "slices"

// followOwnMember takes the endpoints from this peer's own member, if it has a running one: it knows where the voters
// are without a quorum, and at once when they change. Without it a peer that has become a voter would know only those
// that it asked when it joined, and be lost when they die.
func (s *Store) followOwnMember() {
	sv := s.server.Load()
	if sv == nil || !sv.running() {
		return
	}
	var urls []string
	own := false
	es := sv.etcd.Server
	for _, m := range es.Cluster().Members() {
		if !m.IsLearner {
			urls = append(urls, m.ClientURLs...)
			own = own || m.ID == es.MemberID()
		}
	}
	if !own || len(urls) == 0 {
		return // a learner is told by the voters, and does not answer clients itself
	}
	slices.Sort(urls)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server.Load() != sv {
		return // another pool by now
	}
	if err := s.setEndpoints(urls); err != nil && !s.closed {
		s.log.WithError(err).Warn("the endpoints of the store's members cannot be kept")
	}
}
