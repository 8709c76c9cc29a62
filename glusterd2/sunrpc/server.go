package sunrpc

import (
	"context"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"

	"gd2/pkg/gfrpc"
)

// Server answers SunRPC on connections that others accepted. It keeps no state beyond its connections.
type Server struct {
	cfg      Config
	programs []program

	mu      sync.Mutex
	conns   map[*conn]bool
	perAddr map[netip.Addr]int
}

// New returns a Server. It starts nothing.
func New(cfg Config) *Server {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.SocketOwner == nil {
		cfg.SocketOwner = KernelSocketOwner
	}
	return &Server{
		cfg:      cfg,
		programs: programs(make(chan struct{}, cfg.Limits.Calls)),
		conns:    map[*conn]bool{},
		perAddr:  map[netip.Addr]int{},
	}
}

// ServeConn answers the calls on a connection until it ends, ctx ends, or the caller breaks the rules. It closes the
// connection, and forgets the bricks that signed in over it. A panic in a handler costs only this connection.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, origin Origin) {
	c := newConn(s, nc, origin)
	defer func() { _ = nc.Close() }()
	if why := s.add(c); why != "" {
		c.log.Warn(why)
		return
	}
	defer s.remove(c)
	defer context.AfterFunc(ctx, func() { _ = nc.Close() })()
	defer func() {
		if r := recover(); r != nil {
			c.log.WithField("panic", r).WithField("stack", string(debug.Stack())).Error("SunRPC handler failed")
		}
	}()
	if err := c.serve(ctx); err != nil && ctx.Err() == nil {
		c.log.WithError(err).Info("SunRPC connection closed")
	}
}

// add admits a connection, or says why not.
func (s *Server) add(c *conn) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.cfg.Limits.Conns {
		return "too many SunRPC connections"
	}
	if !c.sameHost && s.perAddr[c.remote.Addr()] >= s.cfg.Limits.ConnsPerAddr {
		return "too many SunRPC connections from this address"
	}
	s.conns[c] = true
	s.perAddr[c.remote.Addr()]++
	return ""
}

func (s *Server) remove(c *conn) {
	s.cfg.Portmap.Drop(c.id)
	c.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.perAddr[c.remote.Addr()]--; s.perAddr[c.remote.Addr()] <= 0 {
		delete(s.perAddr, c.remote.Addr())
	}
}

// Connections returns the number of connections that are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// answer finds the procedure and calls it.
func (s *Server) answer(ctx context.Context, c *conn, call gfrpc.Call) (gfrpc.Reply, error) {
	reply := gfrpc.Reply{XID: call.XID}
	prog, ok := s.find(c, call, &reply)
	if !ok {
		return reply, nil
	}
	handle, ok := prog.procs[call.Procedure]
	if !ok {
		reply.Stat = gfrpc.ProcedureUnavailable
		return reply, nil
	}
	select {
	case prog.calls <- struct{}{}:
		defer func() { <-prog.calls }()
	case <-ctx.Done():
		return reply, ctx.Err()
	}
	args := gfrpc.NewReader(call.Args)
	result, err := handle(ctx, c, args)
	if args.Err() != nil {
		reply.Stat = gfrpc.GarbageArguments
		return reply, nil
	}
	reply.Result = result
	return reply, err
}

// find returns the program of a call, or fills the reply that refuses it.
func (s *Server) find(c *conn, call gfrpc.Call, reply *gfrpc.Reply) (program, bool) {
	reply.Stat = gfrpc.ProgramUnavailable
	for _, p := range s.programs {
		if p.Number != call.Program || !p.isFor(c.origin) {
			continue
		}
		if p.Version == call.Version {
			reply.Stat = gfrpc.Success
			return p, true
		}
		reply.Stat, reply.Low, reply.High = gfrpc.ProgramMismatch, p.Version, p.Version
	}
	return program{}, false
}
