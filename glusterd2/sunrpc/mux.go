package sunrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// MuxConfig is what a Mux needs.
type MuxConfig struct {
	// RPC serves a SunRPC connection until it ends, and closes it: Server.ServeConn.
	RPC func(ctx context.Context, nc net.Conn, origin Origin)
	// TLS returns the configuration for the next TLS connection. Nil, or a nil result, refuses TLS. It must not offer
	// HTTP/2: the HTTP side takes the connections as plain ones.
	TLS func() *tls.Config
	// AllowPlain tells whether an address may speak HTTP without TLS. By default loopback addresses may. It is not
	// asked for unix sockets.
	AllowPlain func(net.Addr) bool
	// PeekTimeout bounds the time until a new connection has shown what it speaks, a TLS handshake included (30 s).
	PeekTimeout time.Duration
	// MaxPending is the number of connections that have not shown it yet (1024), MaxPendingPerAddr that of one
	// address (128). What exceeds them is closed at once.
	MaxPending, MaxPendingPerAddr int
	Log                           *logrus.Entry
}

// Mux shares one listener between SunRPC, HTTP and TLS with either inside. The first byte tells them apart: a SunRPC
// record of less than 16 MiB begins with 0x80 or 0x00, TLS with 0x16, HTTP with a letter.
type Mux struct {
	cfg      MuxConfig
	listener net.Listener
	web      *webListener
	sorting  sync.WaitGroup

	mu      sync.Mutex
	pending int
	perAddr map[netip.Addr]int
}

// NewMux returns a Mux over a TCP or unix listener. It accepts nothing until Serve runs.
func NewMux(l net.Listener, cfg MuxConfig) *Mux {
	if cfg.PeekTimeout <= 0 {
		cfg.PeekTimeout = 30 * time.Second
	}
	if cfg.MaxPending <= 0 {
		cfg.MaxPending = 1024
	}
	if cfg.MaxPendingPerAddr <= 0 {
		cfg.MaxPendingPerAddr = 128
	}
	if cfg.AllowPlain == nil {
		cfg.AllowPlain = func(a net.Addr) bool { return addrPort(a).Addr().IsLoopback() }
	}
	return &Mux{
		cfg: cfg, listener: l, perAddr: map[netip.Addr]int{},
		web: &webListener{conns: make(chan net.Conn), done: make(chan struct{}), addr: l.Addr()},
	}
}

// HTTP returns the listener from which one http.Server takes its connections. Its Accept ends with net.ErrClosed when
// Serve has ended or the listener is closed; SunRPC goes on in the latter case, and HTTP connections are closed.
func (m *Mux) HTTP() net.Listener { return m.web }

// Serve accepts connections until ctx ends, which is no error, or the listener fails. It closes the listener and waits
// until every SunRPC connection has ended. Connections that the HTTP side took are the business of its http.Server.
func (m *Mux) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer m.sorting.Wait()
	defer func() { _ = m.web.Close() }()
	defer cancel()
	defer func() { _ = m.listener.Close() }()
	defer context.AfterFunc(ctx, func() { _ = m.listener.Close() })()
	for {
		nc, err := m.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return nil
		case err != nil && errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			m.cfg.Log.WithError(err).Warn("accept failed")
			pause(ctx)
		case !m.admit(nc):
			m.cfg.Log.WithField("remote", nc.RemoteAddr().String()).Warn("too many connections that say nothing")
			_ = nc.Close()
		default:
			m.sorting.Go(func() { m.sort(ctx, nc) })
		}
	}
}

// pause waits until the host may have file descriptors again.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

func (m *Mux) admit(nc net.Conn) bool {
	addr := addrPort(nc.RemoteAddr()).Addr()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending >= m.cfg.MaxPending || m.perAddr[addr] >= m.cfg.MaxPendingPerAddr {
		return false
	}
	m.pending++
	m.perAddr[addr]++
	return true
}

func (m *Mux) settled(nc net.Conn) {
	addr := addrPort(nc.RemoteAddr()).Addr()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending--
	if m.perAddr[addr]--; m.perAddr[addr] <= 0 {
		delete(m.perAddr, addr)
	}
}

// webListener is the HTTP side of a Mux.
type webListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	addr  net.Addr
}

// Accept returns the next HTTP connection.
func (l *webListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. The port stays open for SunRPC.
func (l *webListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns the address of the shared listener.
func (l *webListener) Addr() net.Addr { return l.addr }

// hand gives a connection to Accept, or closes it when the HTTP side has ended.
func (l *webListener) hand(nc net.Conn) {
	select {
	case l.conns <- nc:
	case <-l.done:
		_ = nc.Close()
	}
}
