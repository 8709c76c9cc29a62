package gfrpc

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"gd2/pkg/api"
)

// Dialer connects clients. The zero Dialer is ready.
type Dialer struct {
	// MaxRecord is the largest reply accepted, in bytes; 0 means DefaultMaxRecord.
	MaxRecord int
	// Net makes the connection; a net.Dialer by default, a tls.Dialer for TLS.
	Net interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}
}

// Client is one connection to a SunRPC server. Its methods may be used concurrently.
type Client struct {
	conn      net.Conn
	maxRecord int
	cred      Auth
	callbacks chan Call
	done      chan struct{} // closed when the reader has ended

	writing sync.Mutex // keeps records whole
	mu      sync.Mutex // guards the rest
	xid     uint32
	pending map[uint32]chan []byte
	err     error
}

// maxCallbacks is how many callbacks wait to be taken before further ones are dropped.
const maxCallbacks = 64

// Dial connects to a server: network "unix" or "tcp". A server that cannot be reached is an *api.Error of kind
// Unavailable.
func Dial(ctx context.Context, network, address string) (*Client, error) {
	return Dialer{}.Dial(ctx, network, address)
}

// Dial connects to a server, as the function Dial does.
func (d Dialer) Dial(ctx context.Context, network, address string) (*Client, error) {
	if d.Net == nil {
		d.Net = &net.Dialer{}
	}
	conn, err := d.Net.DialContext(ctx, network, address)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "connect to %s %s: %v", network, address, err)
	}
	c := &Client{
		conn: conn, maxRecord: d.MaxRecord, cred: PIDAuth(os.Getpid()),
		callbacks: make(chan Call, maxCallbacks), done: make(chan struct{}), pending: map[uint32]chan []byte{},
	}
	go c.read()
	return c, nil
}

// Callbacks delivers the calls that the server makes on this connection, and is closed when the connection ends.
// Callbacks beyond 64 that nobody took are dropped.
func (c *Client) Callbacks() <-chan Call { return c.callbacks }

// Close ends the connection and waits until its reader has ended. Pending calls fail.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Call calls a procedure and returns the encoded result. Errors are *api.Error: Unavailable when the connection is
// lost, Timeout when ctx ends first, Denied, NotSupported and Invalid as the server answers.
func (c *Client) Call(ctx context.Context, p Program, procedure uint32, args []byte) ([]byte, error) {
	xid, answer, err := c.register()
	if err != nil {
		return nil, err
	}
	defer c.forget(xid)
	call := Call{XID: xid, Program: p.Number, Version: p.Version, Procedure: procedure, Cred: c.cred, Args: args}
	if err := c.write(ctx, call.Marshal()); err != nil {
		return nil, err
	}
	select {
	case msg, ok := <-answer:
		if !ok {
			return nil, c.failure()
		}
		return result(p, procedure, msg)
	case <-ctx.Done():
		return nil, api.Errorf(api.Timeout, "no answer from %s to procedure %d of %s: %v",
			c.conn.RemoteAddr(), procedure, p.Name, ctx.Err())
	}
}

func result(p Program, procedure uint32, msg []byte) ([]byte, error) {
	reply, err := ParseReply(msg)
	if err != nil {
		return nil, err
	}
	kind := api.NotSupported
	switch reply.Stat {
	case Success:
		return reply.Result, nil
	case GarbageArguments:
		kind = api.Invalid
	case SystemError:
		kind = api.Internal
	}
	return nil, api.Errorf(kind, "procedure %d of %s (%d) version %d: %s", procedure, p.Name, p.Number, p.Version, reply.Stat)
}

func (c *Client) register() (uint32, <-chan []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	c.xid++
	answer := make(chan []byte, 1)
	c.pending[c.xid] = answer
	return c.xid, answer, nil
}

func (c *Client) forget(xid uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, xid)
}

func (c *Client) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// write sends one record. A record that was cut short leaves the stream useless, so any failure closes the connection.
func (c *Client) write(ctx context.Context, msg []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.conn.SetWriteDeadline(time.Time{}); err != nil {
		return c.lost(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := WriteRecord(c.conn, msg); err != nil {
		_ = c.conn.Close()
		if ctx.Err() != nil {
			return api.Errorf(api.Timeout, "send to %s: %v", c.conn.RemoteAddr(), ctx.Err())
		}
		return c.lost(err)
	}
	return nil
}

func (c *Client) lost(err error) *api.Error {
	return api.Errorf(api.Unavailable, "connection to %s lost: %v", c.conn.RemoteAddr(), err)
}

// read hands out replies and callbacks until the connection ends.
func (c *Client) read() {
	defer close(c.done)
	defer close(c.callbacks)
	for {
		msg, err := ReadRecord(c.conn, c.maxRecord)
		if err != nil {
			c.end(err)
			return
		}
		if IsReply(msg) {
			c.deliver(msg)
			continue
		}
		call, err := ParseCall(msg)
		if err != nil {
			c.end(err)
			return
		}
		select {
		case c.callbacks <- call:
		default: // nobody takes them; a callback only says "look again"
		}
	}
}

func (c *Client) deliver(msg []byte) {
	xid := NewReader(msg).Uint32()
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := c.pending[xid]; ok {
		answer <- msg
		delete(c.pending, xid)
	}
}

func (c *Client) end(err error) {
	_ = c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = c.lost(err)
	for xid, answer := range c.pending {
		close(answer)
		delete(c.pending, xid)
	}
}
