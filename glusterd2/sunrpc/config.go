package sunrpc

import (
	"context"
	"net/netip"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/portmap"
	"gd2/pkg/gfrpc"
)

// Requester says who asks, as far as the socket proves it.
type Requester struct {
	// Local is true for root on this host: over the unix socket, or over TCP from a socket that root owns.
	Local bool
	// Addr is where the request came from; the zero Addr for the unix socket. Volfiles must not depend on it: it is
	// there to be logged.
	Addr netip.Addr
	// Peer is true for an address of a peer of the pool. An address is no proof of more than that.
	Peer bool
}

// Spec is a volfile and what goes beside it.
type Spec struct {
	Text string
	// Servers are other daemons that serve the same volfiles, as host:port.
	Servers []string
	// PidFile is told to a self-heal daemon for keys shd/VOL.
	PidFile string
	// MinClientOpVersion is the op-version that a client must understand; 0 for any.
	MinClientOpVersion int
}

// Volfiles makes volfiles. Spec returns an *api.Error: NotFound for an unknown key, Denied or Forbidden for a requester
// who must not have it, Unavailable while the answer is not known yet. The text depends on nothing but the key,
// Requester.Local, Requester.Peer and the state of the pool.
type Volfiles interface {
	Spec(key string, who Requester) (Spec, error)
}

// Volumes finds volumes. VolumeID returns the UUID text of a volume, or an *api.Error of kind NotFound.
type Volumes interface {
	VolumeID(name string) (string, error)
}

// SocketOwner returns the user that owns the socket on this host whose own address is local and whose other end is
// remote, and whether there is one. KernelSocketOwner is the real one.
type SocketOwner func(local, remote netip.AddrPort) (uid uint32, ok bool)

// Limits bound what callers can take. A zero field takes its default.
type Limits struct {
	// MaxRecord is the largest call accepted, in bytes (1 MiB).
	MaxRecord int
	// RecordTimeout bounds the time from the first byte of a call to its last (30 s). Between calls a connection may
	// be silent for ever, as those of idle bricks and mounts are.
	RecordTimeout time.Duration
	// WriteTimeout bounds the sending of one answer or callback (30 s).
	WriteTimeout time.Duration
	// Conns is the number of connections in all (16384), ConnsPerAddr that from one other host (1024).
	Conns, ConnsPerAddr int
	// Calls is the number of calls that are worked on at once (64), Commands that of calls of each program that others Offer (64): they may
	// take minutes, and wait for bricks whose calls are among the former. Those of one connection are worked on in turn.
	Calls, Commands int
	// KeysPerConn is the number of volfiles that one connection may watch (4096), BricksPerConn the number of bricks
	// that may sign in over it (4096).
	KeysPerConn, BricksPerConn int
}

func (l Limits) withDefaults() Limits {
	number := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	duration := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	number(&l.MaxRecord, gfrpc.DefaultMaxRecord)
	duration(&l.RecordTimeout, 30*time.Second)
	duration(&l.WriteTimeout, 30*time.Second)
	number(&l.Conns, 16384)
	number(&l.ConnsPerAddr, 1024)
	number(&l.Calls, 64)
	number(&l.Commands, 64)
	number(&l.KeysPerConn, 4096)
	number(&l.BricksPerConn, 4096)
	return l
}

// Config is what a Server needs.
type Config struct {
	Volfiles Volfiles
	Portmap  *portmap.Map
	Volumes  Volumes
	// Events takes what processes report with EVENT_NOTIFY; op 0 is a rebalance that finished. Only local processes
	// are heard. Nil drops the reports.
	Events func(ctx context.Context, op int32, report gfrpc.Dict)
	// IsPeer tells whether an address belongs to a peer of the pool. Nil means no address does.
	IsPeer func(netip.Addr) bool
	// SocketOwner finds the owner of a TCP socket on this host; KernelSocketOwner by default.
	SocketOwner SocketOwner
	Log         *logrus.Entry
	Limits      Limits
}
