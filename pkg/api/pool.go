package api

// Pool answers GET /v1/pool (an addition): how the pool keeps its records, as the peer that answers sees it. It is
// answered without a quorum too, from what was known last.
type Pool struct {
	ClusterID string `json:"cluster-id"`
	// Healthy is false where somebody should look after the pool. Health puts it in words; Warnings say what is wrong.
	Healthy  bool     `json:"healthy"`
	Health   string   `json:"health"`
	Warnings []string `json:"warnings"`
	// Waiting says what the peer waits for before it knows the present state; empty if it knows it.
	Waiting string `json:"waiting"`
	// Peers and PeersOnline count the peers of the pool.
	Peers       int `json:"peers"`
	PeersOnline int `json:"peers-online"`
	// VotersWanted and LearnersWanted are how many the pool should have; where there are fewer it is working on it, or has
	// no peer at work for it.
	VotersWanted   int `json:"voters-wanted"`
	LearnersWanted int `json:"learners-wanted"`
	// Members are the peers that hold a copy of the records.
	Members []PoolMember `json:"members"`
	Store   StoreStatus  `json:"store"`
}

// PoolSnapshot is one of the snapshots of the pool's records that a peer makes for itself, in GET /v1/pool/snapshots (an
// addition). It has what a backup has, and glusterd2 recover --from takes it.
type PoolSnapshot struct {
	// File is its path on the peer that keeps it.
	File      string `json:"file"`
	CreatedAt string `json:"created-at"`
	// Revision is that of the records: of two snapshots the one with the higher has more.
	Revision int64 `json:"revision"`
	Bytes    int64 `json:"bytes"`
}

// PoolMember is a peer that holds a copy of the pool's records.
type PoolMember struct {
	StoreMember
	// Name, Host and Zone are those of the peer; Online says that its daemon is at work.
	Name   string `json:"name"`
	Host   string `json:"host"`
	Zone   string `json:"zone"`
	Online bool   `json:"online"`
	// HoldsKey says that the peer can sign certificates: it has the key of the pool's authority.
	HoldsKey bool `json:"holds-authority-key"`
}
