package rest

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Origin says where a connection comes from. The zero value is a connection over the network.
type Origin struct {
	// Unix is set for a connection over the unix socket of this peer; UID and PID are then those of the caller, as the
	// kernel vouches for them.
	Unix     bool
	UID, PID int
}

// Root tells whether the caller is root on this peer.
func (o Origin) Root() bool { return o.Unix && o.UID == 0 }

type originKey struct{}

// WithOrigin returns a context for the requests of a connection.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// originOf returns the origin in the context; without one the zero value.
func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// ConnContext is for http.Server.ConnContext: it notes where the connection comes from. It looks through connections
// that wrap another one and tell by a method NetConn.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = w.NetConn()
	}
	if u, ok := c.(*net.UnixConn); ok {
		if cred, err := credentials(u); err == nil {
			return WithOrigin(ctx, Origin{Unix: true, UID: int(cred.Uid), PID: int(cred.Pid)})
		}
	}
	return ctx
}

// credentials asks the kernel who is at the other end of a unix socket.
func credentials(c syscall.Conn) (cred *unix.Ucred, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	ctlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if ctlErr != nil {
		return nil, ctlErr
	}
	return cred, err
}
