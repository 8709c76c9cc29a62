package sunrpc

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime/debug"
	"time"
)

// protocol is what a connection speaks.
type protocol int

const (
	protoUnknown protocol = iota
	protoRPC
	protoHTTP
	protoTLS
)

// detect tells the protocol by the first byte.
func detect(first byte) protocol {
	switch {
	case first == 0x80, first == 0x00:
		return protoRPC
	case first == 0x16:
		return protoTLS
	case first|0x20 >= 'a' && first|0x20 <= 'z':
		return protoHTTP
	}
	return protoUnknown
}

// muxConn is a connection of which the first byte was read already.
type muxConn struct {
	net.Conn
	first  []byte
	origin Origin
}

// Read returns the byte that was read already, then the rest.
func (c *muxConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// CloseWrite ends the sending direction, if the connection can. http.Server looks for it.
func (c *muxConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// ConnOrigin returns the origin of a connection that came through a Mux. It is meant for http.Server.ConnContext.
func ConnOrigin(nc net.Conn) (Origin, bool) {
	c, ok := nc.(*muxConn)
	if !ok {
		return Origin{}, false
	}
	return c.origin, true
}

// ConnTLS returns the TLS state of a connection that came through a Mux with TLS. http.Server does not see it.
func ConnTLS(nc net.Conn) (tls.ConnectionState, bool) {
	if c, ok := nc.(*muxConn); ok {
		if t, ok := c.Conn.(*tls.Conn); ok {
			return t.ConnectionState(), true
		}
	}
	return tls.ConnectionState{}, false
}

// sort finds out what a connection speaks and hands it on. Everything up to there has one deadline.
func (m *Mux) sort(ctx context.Context, nc net.Conn) {
	log := m.cfg.Log.WithField("remote", nc.RemoteAddr().String())
	defer func() {
		if r := recover(); r != nil {
			log.WithField("panic", r).WithField("stack", string(debug.Stack())).Error("sorting a connection failed")
			_ = nc.Close()
		}
	}()
	c, proto := m.peek(ctx, nc)
	if proto == protoRPC {
		m.settled(nc)
		m.cfg.RPC(ctx, c, c.origin)
		return
	}
	defer m.settled(nc)
	switch {
	case proto == protoHTTP && m.mayHTTP(c):
		m.web.hand(c) // until it is taken it counts as pending
	case proto == protoHTTP:
		refusePlain(c)
	default:
		log.Debug("connection closed: it speaks neither SunRPC nor HTTP nor TLS, or nothing at all")
		_ = nc.Close()
	}
}

// peek reads the first byte, goes through a TLS handshake if it is one, and reads the first byte inside.
func (m *Mux) peek(ctx context.Context, nc net.Conn) (*muxConn, protocol) {
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	_ = nc.SetDeadline(time.Now().Add(m.cfg.PeekTimeout))
	c, proto := readFirst(nc, OriginOf(nc))
	if proto == protoTLS {
		c, proto = m.unwrap(ctx, c)
	}
	_ = nc.SetDeadline(time.Time{})
	return c, proto
}

func readFirst(nc net.Conn, origin Origin) (*muxConn, protocol) {
	var first [1]byte
	if _, err := io.ReadFull(nc, first[:]); err != nil {
		return nil, protoUnknown
	}
	return &muxConn{Conn: nc, first: first[:], origin: origin}, detect(first[0])
}

func (m *Mux) unwrap(ctx context.Context, c *muxConn) (*muxConn, protocol) {
	if m.cfg.TLS == nil {
		return nil, protoUnknown
	}
	cfg := m.cfg.TLS()
	if cfg == nil {
		return nil, protoUnknown
	}
	t := tls.Server(c, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, protoUnknown
	}
	origin := c.origin
	origin.TLS = true
	inner, proto := readFirst(t, origin)
	if proto == protoTLS {
		return nil, protoUnknown // TLS inside TLS
	}
	return inner, proto
}

func (m *Mux) mayHTTP(c *muxConn) bool {
	return c.origin.TLS || c.origin.Unix || m.cfg.AllowPlain(c.RemoteAddr())
}
