package store

// Changes collects the keys that change below some prefixes, for those who keep something of their own of each record and
// would otherwise have to look at all records after each change of one.
type Changes struct {
	memory *memory
	sub    *subscription
	end    func()
}

// Changes begins to collect. What changes while the caller lists the records for the first time comes out of Take as well.
func (s *Store) Changes(prefixes ...string) *Changes {
	sub, end := s.mem.subscription(prefixes, map[string]struct{}{})
	return &Changes{memory: s.mem, sub: sub, end: end}
}

// Signal gets a signal when there is something to take, as with Subscribe.
func (c *Changes) Signal() <-chan struct{} { return c.sub.signal }

// Take returns the keys that were written or removed since the last call, each once and in no order.
func (c *Changes) Take() []string {
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	keys := make([]string, 0, len(c.sub.keys))
	for key := range c.sub.keys {
		keys = append(keys, key)
	}
	clear(c.sub.keys)
	return keys
}

// Close ends the collection.
func (c *Changes) Close() { c.end() }
