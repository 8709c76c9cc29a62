package api

// APIVersion is the version of the REST contract that glusterd2 clients look for.
const APIVersion = 1

// VersionResp answers GET /version.
type VersionResp struct {
	GlusterdVersion string `json:"glusterd-version"`
	APIVersion      int    `json:"api-version"`
}

// Endpoint describes one row of the route table, as GET /endpoints lists it.
type Endpoint struct {
	Name         string   `json:"name"`
	Description  string   `json:"description"`
	Methods      []string `json:"methods"`
	Path         string   `json:"path"`
	RequestType  string   `json:"request-type"`
	ResponseType string   `json:"response-type"`
}

// ClusterOption is one option of the whole pool.
type ClusterOption struct {
	Key          string `json:"key"`
	Value        string `json:"value"`
	DefaultValue string `json:"default"`
	Modified     bool   `json:"modified"`
}

// ClusterOptionReq sets options of the whole pool.
type ClusterOptionReq struct {
	Options map[string]string `json:"options"`
}

// Check is one line of a health report: what was looked at, whether it is well, and in words why not.
type Check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message,omitempty"`
}

// Health answers GET /livez and GET /readyz.
type Health struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// PoolStatus answers GET /v1/status (an addition): whether the pool is healthy, and what is not.
type PoolStatus struct {
	ClusterID string           `json:"cluster-id"`
	Healthy   bool             `json:"healthy"`
	Warnings  []string         `json:"warnings"`
	Peers     []Peer           `json:"peers"`
	Volumes   []VolumeSummary  `json:"volumes"`
	Store     StoreStatus      `json:"store"`
	Pending   []TransactionRef `json:"pending-transactions"`
}

// VolumeSummary is a volume in a PoolStatus.
type VolumeSummary struct {
	Name         string `json:"name"`
	State        string `json:"state"`
	Type         string `json:"type"`
	BricksOnline int    `json:"bricks-online"`
	BricksTotal  int    `json:"bricks-total"`
}

// StoreStatus is the state of the store as one peer sees it. All but the first five fields are additions.
type StoreStatus struct {
	Revision int64         `json:"revision"`
	Leader   string        `json:"leader"`
	Term     uint64        `json:"term"`
	DBBytes  int64         `json:"db-bytes"`
	Members  []StoreMember `json:"members"`
	// Health says in words how the store is and what its next loss would mean; Healthy is false where somebody should
	// look after it, and Warnings say why.
	Health   string   `json:"health"`
	Healthy  bool     `json:"healthy"`
	Warnings []string `json:"warnings"`
	// DBInUseBytes is what the database holds, DBBytes what it takes on disk, QuotaBytes what it may take: those of the
	// leader, or of the fullest member if there is no leader.
	DBInUseBytes int64 `json:"db-in-use-bytes"`
	QuotaBytes   int64 `json:"quota-bytes"`
	// Records is the number of records that this peer's copy has, and RecordBytes what they take; the rest of what the database holds is
	// history, which is dropped after some minutes, and etcd's own.
	Records     int   `json:"records"`
	RecordBytes int64 `json:"record-bytes"`
	// Alarms are etcd's own, such as "NOSPACE".
	Alarms []string `json:"alarms"`
	// Stale is set while this peer has seen no quorum since it started: it serves what it knew last.
	Stale bool `json:"stale,omitempty"`
	// LastSnapshot is the time of the newest snapshot on this peer's disk, in RFC 3339, and SnapshotAge its age in
	// seconds; both are absent if there is none.
	LastSnapshot string `json:"last-snapshot,omitempty"`
	SnapshotAge  int64  `json:"snapshot-age-seconds,omitempty"`
}

// StoreMember is a peer that holds a copy of the store. All but the first two fields are additions.
type StoreMember struct {
	PeerID string `json:"peer-id"`
	// Role is "voter" or "learner".
	Role      string `json:"role"`
	Reachable bool   `json:"reachable"`
	Leader    bool   `json:"leader"`
	// Index is the last entry of the raft log that the member has applied, Lag the number of those that the leader has
	// committed and the member has not applied.
	Index        uint64 `json:"index"`
	Lag          uint64 `json:"lag"`
	DBBytes      int64  `json:"db-bytes"`
	DBInUseBytes int64  `json:"db-in-use-bytes"`
	// Error says why a member is not reachable.
	Error string `json:"error,omitempty"`
}

// LogLevel is the level of the daemon's log, one of logrus' names: GET and POST /v1/loglevel (an addition).
type LogLevel struct {
	Level string `json:"level"`
}
