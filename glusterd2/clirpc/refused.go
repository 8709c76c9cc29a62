package clirpc

import (
	"context"

	"gd2/pkg/gfrpc"
)

// refused are the commands that gd2 has nothing for, each with the reason.
func refused() map[uint32]string {
	return map[uint32]string{
		gfrpc.ProcCLISnapshot:  "snapshots are not possible with gd2 yet",
		gfrpc.ProcCLIBitrot:    "bitrot detection is not possible with gd2 yet",
		gfrpc.ProcCLIGeoRep:    "geo-replication is not possible with gd2 yet",
		gfrpc.ProcCLIUUIDReset: "the id of a gd2 peer cannot be changed: reset the peer with 'glustercli peer reset', which gives it a pool of its own",
	}
}

// notSupported is ENOTSUP of errno(3).
const notSupported = 95

// refuseMount answers system:: mount and umount, which geo-replication uses: with a number, for their results have no text.
// A mount names a path beside it.
func refuseMount(withPath bool) gfrpc.Procedure {
	return func(_ context.Context, args *gfrpc.Reader) ([]byte, error) {
		args.Opaque(maxRequest)
		w := new(gfrpc.Writer).Int32(-1).Int32(notSupported)
		if withPath {
			w.String("")
		}
		return w.Bytes(), nil
	}
}
