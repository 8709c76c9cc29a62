package sunrpc

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// procedure answers one call: it reads its arguments and returns the encoded result. If an argument was wrong the
// Reader remembers, and the caller is told so. Any other error closes the connection without an answer.
type procedure func(ctx context.Context, c *conn, args *gfrpc.Reader) ([]byte, error)

type program struct {
	gfrpc.Program
	procs map[uint32]procedure
	isFor func(Origin) bool
	calls chan struct{} // holds one token for each call that is worked on
}

func everybody(Origin) bool { return true }

// programs lists what is served, in the order in which GF-DUMP tells it. Portmap must be in it: a client that does not
// find it here takes the daemon for a brick.
func programs(calls chan struct{}) []program {
	return []program{
		{gfrpc.ProgramDump, map[uint32]procedure{gfrpc.ProcDump: dump, gfrpc.ProcPing: ping}, everybody, calls},
		{gfrpc.ProgramPortmap, map[uint32]procedure{
			gfrpc.ProcPortByBrick: portByBrick, gfrpc.ProcSignIn: signIn, gfrpc.ProcSignOut: signOut,
		}, everybody, calls},
		{gfrpc.ProgramHandshake, map[uint32]procedure{
			gfrpc.ProcGetSpec: getSpec, gfrpc.ProcEventNotify: eventNotify,
			gfrpc.ProcGetVolumeInfo: getVolumeInfo, gfrpc.ProcGetSnapshotInfo: getSnapshotInfo,
		}, everybody, calls},
	}
}

// What a call may carry at most, in bytes.
const (
	maxKey   = 8192 // a volfile key holds a brick path
	maxBrick = 4096
	maxData  = 64 << 10
)

// status begins most results: zero and zero, or -1 and an errno.
func status(err error) *gfrpc.Writer {
	if err == nil {
		return new(gfrpc.Writer).Int32(0).Int32(0)
	}
	return new(gfrpc.Writer).Int32(-1).Uint32(errnoOf(err))
}

// errnoOf translates an error for GlusterFS.
func errnoOf(err error) uint32 {
	var e *api.Error
	if !errors.As(err, &e) {
		return uint32(unix.EIO)
	}
	switch e.Kind {
	case api.NotFound:
		return uint32(unix.ENOENT)
	case api.NotSupported:
		return uint32(unix.ENOTSUP)
	case api.Denied, api.Forbidden:
		return uint32(unix.EACCES)
	case api.Invalid, api.State:
		return uint32(unix.EINVAL)
	case api.TooMany, api.TooLarge:
		return uint32(unix.ENOBUFS)
	}
	return uint32(unix.EIO)
}

// dump lists the programs. The caller sends an id of its protocol; glusterd answers 0 there, and so it is here.
func dump(_ context.Context, c *conn, args *gfrpc.Reader) ([]byte, error) {
	args.Uint64()
	w := new(gfrpc.Writer).Uint64(0).Int32(0).Int32(0)
	for _, p := range c.srv.programs {
		if !p.isFor(c.origin) {
			continue
		}
		w.Uint32(1).String(p.Name).Uint64(uint64(p.Number)).Uint64(uint64(p.Version))
	}
	return w.Uint32(0).Bytes(), nil
}

func ping(context.Context, *conn, *gfrpc.Reader) ([]byte, error) {
	return status(nil).Opaque(nil).Bytes(), nil
}
