package api

// Options of RebalanceStartReq.
const (
	RebalanceFixLayout = "fix-layout"
	RebalanceForce     = "force"
)

// RebalanceStartReq starts a rebalance (POST /v1/volumes/{volname}/rebalance/start). Without an option files are moved unless
// that takes them to a brick with less room; with force all that are misplaced; with fix-layout none, but new files use
// the new bricks.
type RebalanceStartReq struct {
	Option string `json:"option,omitempty"`
}

// RebalanceStatus tells how a rebalance or the removal of bricks goes. State and Kind are additions.
type RebalanceStatus struct {
	Volume      string            `json:"volume"`
	RebalanceID string            `json:"rebalance-id"`
	State       string            `json:"state"`
	Kind        string            `json:"kind"`
	Nodes       []RebalNodeStatus `json:"nodes-status"`
}

// RebalNodeStatus is the part of one peer: counts and seconds as text, as glusterd2 had them. Host and Error are additions.
type RebalNodeStatus struct {
	PeerID            string `json:"peerid"`
	Host              string `json:"host"`
	Status            string `json:"status"`
	RebalancedFiles   string `json:"rebalanced-files"`
	RebalancedSize    string `json:"size"`
	LookedupFiles     string `json:"lookedup"`
	SkippedFiles      string `json:"skipped"`
	RebalanceFailures string `json:"failed"`
	ElapsedTime       string `json:"run-time"`
	TimeLeft          string `json:"time-left"`
	Error             string `json:"error,omitempty"`
}
