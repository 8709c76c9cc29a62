package peerrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
)

// Client calls other peers. It keeps one connection to each and uses it for all calls.
type Client struct {
	cfg ClientConfig

	mu    sync.Mutex
	conns map[target]*grpc.ClientConn
}

// target is whom a connection is to.
type target struct{ peerID, addr string }

// ClientConfig says what a Client needs.
type ClientConfig struct {
	// TLS returns the configuration for dialling in force; it verifies that servers belong to the pool.
	TLS func() (*tls.Config, error)
	// Address gives host:port of a peer.
	Address func(peerID string) (string, error)
	// Refuse returns an error if the certificate with this serial number is no longer good.
	Refuse func(peerID, serial string) error
}

// NewClient makes a client.
func NewClient(cfg ClientConfig) *Client {
	return &Client{cfg: cfg, conns: map[target]*grpc.ClientConn{}}
}

// Call calls a method of a peer of the pool. The errors are those the method raised, or api.Unavailable and api.Timeout.
func Call[Rep, Req any](ctx context.Context, c *Client, peerID, method string, req Req) (Rep, error) {
	var rep Rep
	addr, err := c.cfg.Address(peerID)
	if err != nil {
		return rep, err
	}
	conn, err := c.conn(target{peerID, addr})
	if err != nil {
		return rep, err
	}
	err = conn.Invoke(ctx, "/"+service+"/"+method, req, &rep)
	return rep, fromStatus(err, addr)
}

// Reset closes all connections: the peer has changed pools, or an address has changed. Calls in progress fail.
func (c *Client) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for to, conn := range c.conns {
		_ = conn.Close()
		delete(c.conns, to)
	}
}

// Close closes all connections.
func (c *Client) Close() { c.Reset() }

func (c *Client) conn(to target) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn, ok := c.conns[to]; ok {
		return conn, nil
	}
	tlsConfig, err := c.cfg.TLS()
	if err != nil {
		return nil, err
	}
	tlsConfig = tlsConfig.Clone()
	tlsConfig.VerifyConnection = func(cs tls.ConnectionState) error { return c.verify(to.peerID, cs) }
	conn, err := dial(to.addr, tlsConfig)
	if err != nil {
		return nil, err
	}
	for old, oc := range c.conns { // the peer has moved
		if old.peerID == to.peerID {
			_ = oc.Close()
			delete(c.conns, old)
		}
	}
	c.conns[to] = conn
	return conn, nil
}

// verify checks that a server is the peer that is called, with a certificate that is still good.
func (c *Client) verify(peerID string, cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	cert := cs.PeerCertificates[0]
	if cert.Subject.CommonName != peerID {
		return fmt.Errorf("the server is peer %.40q, not %s", cert.Subject.CommonName, peerID)
	}
	if c.cfg.Refuse == nil {
		return nil
	}
	return c.cfg.Refuse(peerID, cert.SerialNumber.Text(16))
}

func dial(addr string, tlsConfig *tls.Config) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig)),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{}), grpc.MaxCallRecvMsgSize(MaxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 3 * time.Second,
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}}),
		// A peer whose host is gone answers nothing: notice within seconds.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second, PermitWithoutStream: true}),
	)
}

// Stranger is a connection to a peer that is not, or not yet, of the same pool.
type Stranger struct {
	addr string
	conn *grpc.ClientConn
}

// DialStranger prepares a connection to a peer outside the pool. tlsConfig says how far its certificate is verified.
func DialStranger(addr string, tlsConfig *tls.Config) (*Stranger, error) {
	conn, err := dial(addr, tlsConfig)
	if err != nil {
		return nil, err
	}
	return &Stranger{addr: addr, conn: conn}, nil
}

// Close closes the connection.
func (s *Stranger) Close() error { return s.conn.Close() }

// CallStranger calls an open method and returns the state of the TLS connection that carried the call.
func CallStranger[Rep, Req any](ctx context.Context, s *Stranger, method string, req Req) (Rep, tls.ConnectionState, error) {
	var rep Rep
	var p peer.Peer
	err := s.conn.Invoke(ctx, "/"+service+"/"+method, req, &rep, grpc.Peer(&p))
	info, _ := p.AuthInfo.(credentials.TLSInfo)
	return rep, info.State, fromStatus(err, s.addr)
}
