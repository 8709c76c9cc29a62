package clirpc

import "gd2/pkg/gfrpc"

// refused are the commands that gd2 has nothing for, each with the reason.
func refused() map[uint32]string {
	return map[uint32]string{
		gfrpc.ProcCLISnapshot:  "snapshots are not possible with gd2 yet",
		gfrpc.ProcCLIBitrot:    "bitrot detection is not possible with gd2 yet",
		gfrpc.ProcCLIGeoRep:    "geo-replication is not possible with gd2 yet",
		gfrpc.ProcCLICopyFile:  "gd2 does not copy files from peer to peer: it keeps its records in its own store",
		gfrpc.ProcCLISysExec:   "gd2 does not run commands for gluster: run them on each peer by other means",
		gfrpc.ProcCLIUUIDReset: "the id of a gd2 peer cannot be changed: reset the peer with 'glustercli peer reset', which gives it a pool of its own",
	}
}
