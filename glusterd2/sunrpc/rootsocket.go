package sunrpc

import (
	"context"
	"errors"
	"net"
	"sync"
)

// ServeRoot answers SunRPC, and nothing else, on a unix listener, to root only: whoever else connects is hung up on. It ends
// as Mux.Serve does.
func (s *Server) ServeRoot(ctx context.Context, l net.Listener) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.cfg.Log.WithError(err).Warn("accept failed")
			pause(ctx)
		default:
			serving.Go(func() { s.serveRoot(ctx, nc) })
		}
	}
}

func (s *Server) serveRoot(ctx context.Context, nc net.Conn) {
	origin := OriginOf(nc)
	if !origin.Local {
		s.cfg.Log.WithField("uid", origin.UID).Warn("a user who is not root was turned away from the socket of the gluster command")
		_ = nc.Close()
		return
	}
	s.ServeConn(ctx, nc, origin)
}
