package server

import (
	"cmp"

	"gd2/glusterd2/clirpc"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/sunrpc"
)

// glusterCommand is what GlusterFS' own command gluster calls: all of it for root on this host, and over the network what
// changes nothing.
func (s *Server) glusterCommand() []sunrpc.Offer {
	edge := clirpc.New(clirpc.Config{
		Peers: s.peers, Volumes: s.volumes, Options: s.volumes, Cluster: volumes.Cluster{Commands: s.volumes}, Bricks: s.volumes,
		Shrink: s.volumes, Replacing: s.volumes, Rebalance: s.volumes, Healing: s.heal, Diagnosis: s.diagnose, Processes: s.diagnose,
		Quotas: s.quotas, State: system{s}, Files: glusterFiles{s.quota.mounter},
		Written: s.table.Written, Waiting: s.store.Waiting, Sync: s.store.Sync, Operations: s.engine, Tools: s.tools,
		PeerID: s.id.Peer().ID, WorkDir: cmp.Or(s.cfg.GlusterdDir, s.cfg.LocalStateDir),
		Refuse: s.peers.NotInPool, History: s.noteCommand, Log: s.log.Entry("clirpc"),
	})
	return []sunrpc.Offer{
		{Service: edge.Service(), For: func(o sunrpc.Origin) bool { return o.Unix && o.Local }},
		{Service: edge.ReadOnly(), For: func(o sunrpc.Origin) bool { return !o.Unix }},
	}
}
