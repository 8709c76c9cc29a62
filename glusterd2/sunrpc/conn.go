package sunrpc

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/portmap"
	"gd2/pkg/gfrpc"
)

// readBuffer is the size in bytes of a connection's read buffer: a call of GlusterFS fits, and thousands of idle
// connections stay cheap.
const readBuffer = 1024

// conn is one connection with all that is remembered of it.
type conn struct {
	srv      *Server
	nc       net.Conn
	origin   Origin
	id       portmap.ConnID
	remote   netip.AddrPort // zero for unix sockets
	sameHost bool           // the other end is a socket of this host
	log      *logrus.Entry

	localOnce sync.Once
	isLocal   bool
	bricks    map[string]bool // signed in; only the serving goroutine uses it

	writing sync.Mutex // keeps records whole
	xid     uint32     // of the last callback; guarded by writing
	pushes  sync.WaitGroup

	mu    sync.Mutex // guards the rest
	keys  map[string]served
	ended bool
}

func newConn(s *Server, nc net.Conn, origin Origin) *conn {
	c := &conn{
		srv: s, nc: nc, origin: origin, id: s.cfg.Portmap.NewConn(),
		remote: addrPort(nc.RemoteAddr()), keys: map[string]served{}, bricks: map[string]bool{},
	}
	c.sameHost = origin.Unix || sameHost(addrPort(nc.LocalAddr()), c.remote)
	c.log = s.cfg.Log.WithField("remote", nc.RemoteAddr().String())
	return c
}

// serve works on one call after the other; the caller cannot have more than one worked on, and waits when it does not
// read its answers.
func (c *conn) serve(ctx context.Context) error {
	r := bufio.NewReaderSize(c.nc, readBuffer)
	for {
		msg, err := c.next(r)
		if err != nil {
			return unlessHungUp(err)
		}
		if gfrpc.IsReply(msg) {
			continue // callbacks have no reply; one that comes all the same says nothing
		}
		answer, err := c.answer(ctx, msg)
		if err != nil {
			return err
		}
		if err := c.send(answer); err != nil {
			return unlessHungUp(err)
		}
	}
}

// unlessHungUp drops the errors of a process that ended; they are everyday business.
func unlessHungUp(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// next waits for a call as long as it takes to begin, but not for ever until it is whole.
func (c *conn) next(r *bufio.Reader) ([]byte, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	if err := c.nc.SetReadDeadline(time.Now().Add(c.srv.cfg.Limits.RecordTimeout)); err != nil {
		return nil, err
	}
	msg, err := gfrpc.ReadRecord(r, c.srv.cfg.Limits.MaxRecord)
	if err != nil {
		return nil, err
	}
	return msg, c.nc.SetReadDeadline(time.Time{})
}

// answer returns the message that answers msg; an error means to close the connection without one.
func (c *conn) answer(ctx context.Context, msg []byte) ([]byte, error) {
	call, err := gfrpc.ParseCall(msg)
	var denial *gfrpc.Denial
	if errors.As(err, &denial) {
		return denial.Marshal(), nil
	}
	if err != nil {
		return nil, err
	}
	reply, err := c.srv.answer(ctx, c, call)
	if err != nil {
		return nil, err
	}
	return reply.Marshal(), nil
}

func (c *conn) send(msg []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.sendLocked(msg)
}

func (c *conn) sendLocked(msg []byte) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.srv.cfg.Limits.WriteTimeout)); err != nil {
		return err
	}
	return gfrpc.WriteRecord(c.nc, msg)
}

// callback calls a procedure of the client. A client that does not take it loses its connection: it would go on with
// an old volfile otherwise, and a new connection fetches the new one.
func (c *conn) callback(procedure uint32, args []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.xid++
	p := gfrpc.ProgramCallback
	call := gfrpc.Call{XID: c.xid, Program: p.Number, Version: p.Version, Procedure: procedure, Args: args}
	if err := c.sendLocked(call.Marshal()); err != nil {
		c.log.WithError(err).Info("SunRPC client did not take a callback")
		_ = c.nc.Close()
	}
}

// requester returns who is at the other end. The owner of the socket is looked up once, and only if the other end is
// on this host.
func (c *conn) requester() Requester {
	c.localOnce.Do(func() {
		switch {
		case c.origin.Unix:
			c.isLocal = c.origin.Local
		case c.sameHost:
			uid, ok := c.srv.cfg.SocketOwner(c.remote, addrPort(c.nc.LocalAddr()))
			c.isLocal = ok && uid == 0
		}
	})
	who := Requester{Local: c.isLocal, Addr: c.remote.Addr()}
	if isPeer := c.srv.cfg.IsPeer; isPeer != nil && who.Addr.IsValid() {
		who.Peer = isPeer(who.Addr)
	}
	return who
}
