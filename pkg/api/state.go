package api

// PoolState answers GET /v1/state (an addition): all that is known of the pool and of what runs in it.
type PoolState struct {
	ClusterID string `json:"cluster-id"`
	// PeerID and Version are those of the peer that answers.
	PeerID  string `json:"peer-id"`
	Version string `json:"version"`
	Peers   []Peer `json:"peers"`
	// Options are those of the whole pool.
	Options []ClusterOption `json:"options"`
	Volumes []VolumeState   `json:"volumes"`
	// Operations are those that have not ended.
	Operations []Operation `json:"operations"`
	Store      StoreStatus `json:"store"`
}

// VolumeState is a volume in a PoolState: its status with bricks, daemons and tasks.
type VolumeState struct {
	VolumeStatus
	// Quota says that directories of the volume may have limits.
	Quota bool `json:"quota"`
}
