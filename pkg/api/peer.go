package api

// ZoneKey is the metadata key of a peer that names its failure domain; without it a peer is a zone of its own.
const ZoneKey = "_zone"

// Peer describes a member of the trusted storage pool.
type Peer struct {
	ID              string            `json:"id"`
	Name            string            `json:"name"`
	PeerAddresses   []string          `json:"peer-addresses"`
	ClientAddresses []string          `json:"client-addresses"`
	Online          bool              `json:"online"`
	PID             int               `json:"pid,omitempty"`
	Metadata        map[string]string `json:"metadata"`
	// StoreRole is the peer's part in the store: voter, learner or client (an addition).
	StoreRole string `json:"store-role,omitempty"`
	// Version is the version of the peer's daemon (an addition).
	Version string `json:"version,omitempty"`
}

// PeerAddReq asks to bring the peer at one of the addresses into the pool.
type PeerAddReq struct {
	Addresses []string          `json:"addresses"`
	Zone      string            `json:"zone,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	// Replaces is a peer, away for good, whose place the new one takes: its name and its address are free, and its zone and metadata go
	// over. Its bricks stay on record until others have taken their places (an addition).
	Replaces string `json:"replaces,omitempty"`
}

// PeerEditReq changes the zone, the metadata or the address of a peer.
type PeerEditReq struct {
	// Address is the host name or IP address, without a port, at which the peer is found from now on (an addition).
	Address  string            `json:"address,omitempty"`
	Zone     string            `json:"zone,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// PeerTokenReq asks for a join token. TTLSeconds is how long it is good for; 0 means an hour.
type PeerTokenReq struct {
	TTLSeconds int `json:"ttl-seconds,omitempty"`
}

// PeerToken is a join token: good for one peer, once, until it expires.
type PeerToken struct {
	Token string `json:"token"`
	// ExpiresAt is RFC 3339.
	ExpiresAt string `json:"expires-at"`
}

// PeerJoinReq makes the peer that gets it join the pool that issued the token.
type PeerJoinReq struct {
	Token string `json:"token"`
}

// PeerResetReq makes the peer that gets it forget its pool (an addition). Force is for a peer that was not detached: one
// that is alone, or whose pool is out of reach.
type PeerResetReq struct {
	Force bool `json:"force,omitempty"`
}
