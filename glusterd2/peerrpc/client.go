package peerrpc

import (
	"context"
	"crypto/tls"
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
	tls     func() (*tls.Config, error)
	address func(peerID string) (string, error)

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn // by address
}

// NewClient makes a client. tls returns the configuration for dialling in force; address gives host:port of a peer.
func NewClient(tls func() (*tls.Config, error), address func(peerID string) (string, error)) *Client {
	return &Client{tls: tls, address: address, conns: map[string]*grpc.ClientConn{}}
}

// Call calls a method of a peer of the pool. The errors are those the method raised, or api.Unavailable and api.Timeout.
func Call[Rep, Req any](ctx context.Context, c *Client, peerID, method string, req Req) (Rep, error) {
	var rep Rep
	addr, err := c.address(peerID)
	if err != nil {
		return rep, err
	}
	return CallAt[Rep](ctx, c, addr, method, req)
}

// CallAt is Call for a peer whose address the caller knows: one that has just left the pool.
func CallAt[Rep, Req any](ctx context.Context, c *Client, addr, method string, req Req) (Rep, error) {
	var rep Rep
	conn, err := c.conn(addr)
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
	for addr, conn := range c.conns {
		_ = conn.Close()
		delete(c.conns, addr)
	}
}

// Close closes all connections.
func (c *Client) Close() { c.Reset() }

func (c *Client) conn(addr string) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn, ok := c.conns[addr]; ok {
		return conn, nil
	}
	tlsConfig, err := c.tls()
	if err != nil {
		return nil, err
	}
	conn, err := dial(addr, tlsConfig)
	if err != nil {
		return nil, err
	}
	c.conns[addr] = conn
	return conn, nil
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
