package sunrpc

import (
	"context"

	"golang.org/x/sys/unix"

	"gd2/glusterd2/portmap"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// portByBrick answers on which port a brick serves. A brick that is not signed in gets -1, upon which the client asks
// again after some seconds.
func portByBrick(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	brick := args.String(maxBrick)
	port, ok := c.srv.cfg.Portmap.Port(brick)
	if !ok {
		return new(gfrpc.Writer).Int32(-1).Uint32(uint32(unix.ENOENT)).Uint32(0).Uint32(0).Bytes(), nil
	}
	return status(nil).Uint32(0).Int32(int32(port)).Bytes(), nil // signIn checked it
}

// signIn notes the port of a brick. Only root of this host may: whoever answers for a brick is given the clients'
// files and the volume's password.
func signIn(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	brick, port, pid := args.String(maxBrick), args.Int32(), args.Int32()
	if args.Err() != nil {
		return nil, args.Err()
	}
	err := c.checkSignIn(brick, port, pid)
	log := c.log.WithField("brick", brick).WithField("port", port).WithField("pid", pid)
	if err != nil {
		log.WithError(err).Warn("sign-in of a brick refused")
		return status(err).Bytes(), nil
	}
	log.Debug("brick signed in")
	c.bricks[brick] = true
	c.srv.cfg.Portmap.SignIn(c.id, brick, int(port), int(pid))
	return status(nil).Bytes(), nil
}

func (c *conn) checkSignIn(brick string, port, pid int32) error {
	switch {
	case !c.requester().Local:
		return api.Errorf(api.Denied, "bricks sign in as root from this host only")
	case brick == "":
		return api.FieldErrorf("brick", "brick name is empty")
	case port < 1 || port > 65535:
		return api.FieldErrorf("port", "port %d is not between 1 and 65535", port)
	case pid < 1:
		return api.FieldErrorf("pid", "process id %d is not positive", pid)
	case !c.bricks[brick] && len(c.bricks) >= c.srv.cfg.Limits.BricksPerConn:
		return api.Errorf(api.TooMany, "%d bricks are signed in over this connection already", len(c.bricks))
	}
	return nil
}

// signOut forgets a brick, if this connection signed it in. The port and the RDMA port that come with the call tell
// nothing new.
func signOut(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	brick := args.String(maxBrick)
	args.Int32()
	args.Int32()
	if args.Err() != nil {
		return nil, args.Err()
	}
	delete(c.bricks, brick)
	c.srv.cfg.Portmap.SignOut(c.id, brick)
	return status(nil).Bytes(), nil
}

// Attached notes a brick that was put into a running process: it serves on the port of that process, and has the volfile
// that it was given. The process itself says nothing of it before it connects anew.
func (s *Server) Attached(brick, key, volfile string, pid int) {
	id, ok := s.cfg.Portmap.Attached(brick, pid)
	if !ok {
		return
	}
	if c := s.conn(id); c != nil && c.watch(key) == nil {
		c.served(key, volfile)
	}
}

// Detached forgets a brick that was taken out of a process, and its volfile, which nobody else has.
func (s *Server) Detached(brick, key string, pid int) {
	s.cfg.Portmap.Detached(brick, pid)
	for _, c := range s.snapshot() {
		c.forget(key)
	}
}

// conn returns a connection that is open; nil if it is not.
func (s *Server) conn(id portmap.ConnID) *conn {
	for _, c := range s.snapshot() {
		if c.id == id {
			return c
		}
	}
	return nil
}
