package store

// OwnMember returns the number of this peer's member among the members of the store, if it runs one.
func (s *Store) OwnMember() (id uint64, ok bool) {
	sv := s.server.Load()
	if sv == nil {
		return 0, false
	}
	return sv.id(), true
}
