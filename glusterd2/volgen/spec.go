package volgen

import "net/netip"

// Requester is who asks for a volfile, as the server that took the request knows it.
type Requester struct {
	// Local is a process of this host: it came over the unix socket, or from one of the host's own addresses.
	Local bool
	// Peer is a peer of the pool that proved it with its certificate.
	Peer bool
	// Addr is the address that the request came from; invalid for a unix socket.
	Addr netip.Addr
}

// Spec is the answer to a GETSPEC request.
type Spec struct {
	// Text is the volfile.
	Text string
	// Servers are the other volfile servers, "host:24007" each, for the process to turn to when this one is gone.
	Servers []string
	// PidFile is the pid file of the volume in the self-heal daemon; empty for other volfiles.
	PidFile string
	// ClientOpVersion is the lowest op-version that a process must have to understand the volfile.
	ClientOpVersion int
}
