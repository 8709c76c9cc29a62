package sunrpc

import (
	"crypto/sha256"
	"net/netip"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

type digest [sha256.Size]byte

// served is what a connection has of one volfile.
type served struct {
	// text is the digest of what was last served; zero while the first answer is being made.
	text digest
	// told is the digest of the text about which the client was last told. It is not told twice of the same, unless
	// it fetched in between.
	told digest
}

// watch notes that the connection wants the key, before its text is made: a change that comes in between is then told.
func (c *conn) watch(key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.keys[key]; ok {
		return nil
	}
	if len(c.keys) >= c.srv.cfg.Limits.KeysPerConn {
		return api.Errorf(api.TooMany, "%d volfiles were asked for over this connection already", len(c.keys))
	}
	c.keys[key] = served{}
	return nil
}

// unwatch forgets a key that was refused before it was ever served.
func (c *conn) unwatch(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys[key].text == (digest{}) {
		delete(c.keys, key)
	}
}

// forget ends the watch over a key.
func (c *conn) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, key)
}

func (c *conn) served(key, text string) {
	d := digest(sha256.Sum256([]byte(text)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys[key] = served{text: d, told: d}
}

// specClass is all that a volfile depends on besides the state of the pool.
type specClass struct {
	key         string
	local, peer bool
}

// NotifyChanged tells every connection of which a volfile is no longer what was served, and no other. Call it after
// the change can be seen through Volfiles. Each volfile is made once for all connections that have it. It does not
// wait until the clients have taken the news.
func (s *Server) NotifyChanged() { s.NotifyWhere(func(string) bool { return true }) }

// NotifyWhere is NotifyChanged for the keys that a change concerns only.
func (s *Server) NotifyWhere(concerned func(key string) bool) {
	now := map[specClass]digest{}
	for _, c := range s.snapshot() {
		if c.outdated(concerned, now) {
			c.push()
		}
	}
}

func (s *Server) snapshot() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	return all
}

// outdated reports whether the client has an old text of any key, and notes what it is going to be told.
func (c *conn) outdated(concerned func(key string) bool, now map[specClass]digest) bool {
	c.mu.Lock()
	var keys []string
	for k := range c.keys {
		if concerned(k) {
			keys = append(keys, k)
		}
	}
	c.mu.Unlock()
	tell := false
	for _, k := range keys {
		if d, ok := c.current(k, now); ok && c.differs(k, d) {
			tell = true
		}
	}
	return tell
}

// current returns the digest of a volfile as it is now. One that cannot be had now is left to the client as it is: its
// volume is being deleted, or the pool has no quorum.
func (c *conn) current(key string, now map[specClass]digest) (digest, bool) {
	who := c.requester()
	class := specClass{key, who.Local, who.Peer}
	d, ok := now[class]
	if !ok {
		if spec, err := c.srv.cfg.Volfiles.Spec(key, who); err == nil {
			d = sha256.Sum256([]byte(spec.Text))
		}
		now[class] = d
	}
	return d, d != digest{}
}

func (c *conn) differs(key string, now digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.keys[key]
	if !ok || k.text == now {
		if ok {
			k.told = now
			c.keys[key] = k
		}
		return false
	}
	if k.told == now {
		return false
	}
	k.told = now
	c.keys[key] = k
	return true
}

// push sends the news in the background: a client that is slow to take it must not keep the others waiting.
func (c *conn) push() {
	c.tell(gfrpc.ProcFetchSpec, nil)
}

// DumpClients has clients of a volume write their inner state to files, those at addresses that are meant and with the process id. It
// returns how many were told; which of them has the id only they know.
func (s *Server) DumpClients(volumeName string, meant func(netip.Addr) bool, pid uint32) (told int) {
	args := new(gfrpc.Writer).Uint32(pid).Bytes()
	for _, c := range s.snapshot() {
		if c.mounts(volumeName) && c.remote.IsValid() && meant(c.remote.Addr().Unmap()) && c.tell(gfrpc.ProcStatedump, args) {
			told++
		}
	}
	return told
}

// mounts reports whether the connection has fetched the volfile of a client of the volume, or of a directory of it.
func (c *conn) mounts(volumeName string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.keys {
		if first, _, _ := strings.Cut(strings.TrimPrefix(key, "/"), "/"); first == volumeName {
			return true
		}
	}
	return false
}

// tell calls the client in the background; false if the connection has ended.
func (c *conn) tell(procedure uint32, args []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.pushes.Go(func() { c.callback(procedure, args) })
	}
	return !c.ended
}

// end closes the connection and waits for what is still being sent on it.
func (c *conn) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	_ = c.nc.Close()
	c.pushes.Wait()
}
