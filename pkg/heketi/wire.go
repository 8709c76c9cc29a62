// Package heketi is the JSON of Heketi's REST API, as its clients send and read it. Sizes of volumes are GiB, those of devices
// and bricks KiB. Ids are 32 lower-case hex digits.
package heketi

// States of nodes and devices.
const (
	StateOnline  = "online"
	StateOffline = "offline"
	StateFailed  = "failed"
)

// Types of durability.
const (
	DurabilityNone     = "none"
	DurabilityReplica  = "replicate"
	DurabilityDisperse = "disperse"
)

// ClusterFlags say what a cluster may be used for.
type ClusterFlags struct {
	Block bool `json:"block"`
	File  bool `json:"file"`
}

// ClusterInfo is a cluster: a set of nodes, and the volumes on them.
type ClusterInfo struct {
	ID      string   `json:"id"`
	Nodes   []string `json:"nodes"`
	Volumes []string `json:"volumes"`
	ClusterFlags
	BlockVolumes []string `json:"blockvolumes"`
}

// ClusterList answers GET /clusters.
type ClusterList struct {
	Clusters []string `json:"clusters"`
}

// HostAddresses are the names of a node: those by which it is managed, and those that clients mount from.
type HostAddresses struct {
	Manage  []string `json:"manage"`
	Storage []string `json:"storage"`
}

// NodeAddRequest asks for a new node (POST /nodes).
type NodeAddRequest struct {
	Zone      int               `json:"zone"`
	Hostnames HostAddresses     `json:"hostnames"`
	ClusterID string            `json:"cluster"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// NodeInfo is a node with its devices.
type NodeInfo struct {
	NodeAddRequest
	ID      string       `json:"id"`
	State   string       `json:"state"`
	Devices []DeviceInfo `json:"devices"`
}

// Storage is the room of a device, in KiB.
type Storage struct {
	Total uint64 `json:"total"`
	Free  uint64 `json:"free"`
	Used  uint64 `json:"used"`
}

// DeviceAddRequest asks for a device of a node to be taken into use (POST /devices).
type DeviceAddRequest struct {
	Node        string            `json:"node"`
	Name        string            `json:"name"`
	DestroyData bool              `json:"destroydata,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// DeviceInfo is a device with its bricks.
type DeviceInfo struct {
	Name    string            `json:"name"`
	Tags    map[string]string `json:"tags,omitempty"`
	Storage Storage           `json:"storage"`
	ID      string            `json:"id"`
	Paths   []string          `json:"paths,omitempty"`
	PvUUID  string            `json:"pv_uuid,omitempty"`
	State   string            `json:"state"`
	Bricks  []BrickInfo       `json:"bricks"`
}

// BrickInfo is a brick; its size is in KiB.
type BrickInfo struct {
	ID       string `json:"id"`
	Path     string `json:"path"`
	DeviceID string `json:"device"`
	NodeID   string `json:"node"`
	VolumeID string `json:"volume"`
	Size     uint64 `json:"size"`
}

// Values of HealCheck, which is enable if it is empty. Disable leaves out the look for pending heals.
const (
	HealCheckEnable  = "enable"
	HealCheckDisable = "disable"
)

// StateRequest changes the state of a node or a device.
type StateRequest struct {
	State     string `json:"state"`
	HealCheck string `json:"healcheck,omitempty"`
}

// Kinds of TagsChangeRequest.
const (
	TagsSet    = "set"
	TagsUpdate = "update"
	TagsDelete = "delete"
)

// TagsChangeRequest changes the tags of a node or a device.
type TagsChangeRequest struct {
	Tags   map[string]string `json:"tags"`
	Change string            `json:"change_type"`
}

// Durability is how a volume keeps its files.
type Durability struct {
	Type      string             `json:"type,omitempty"`
	Replicate ReplicaDurability  `json:"replicate"`
	Disperse  DisperseDurability `json:"disperse"`
}

// ReplicaDurability is the number of copies.
type ReplicaDurability struct {
	Replica int `json:"replica,omitempty"`
}

// DisperseDurability are the bricks of a dispersed set.
type DisperseDurability struct {
	Data       int `json:"data,omitempty"`
	Redundancy int `json:"redundancy,omitempty"`
}

// Snapshot asks for room for snapshots.
type Snapshot struct {
	Enable bool    `json:"enable"`
	Factor float32 `json:"factor"`
}

// VolumeCreateRequest asks for a volume (POST /volumes). SizeMB, an addition, asks for MiB in place of Size.
type VolumeCreateRequest struct {
	Size                 int        `json:"size"`
	SizeMB               int        `json:"size_mb,omitempty"`
	Clusters             []string   `json:"clusters,omitempty"`
	Name                 string     `json:"name"`
	Durability           Durability `json:"durability"`
	Gid                  int64      `json:"gid,omitempty"`
	GlusterVolumeOptions []string   `json:"glustervolumeoptions,omitempty"`
	Block                bool       `json:"block,omitempty"`
	Snapshot             Snapshot   `json:"snapshot"`
}

// VolumeInfo is a volume.
type VolumeInfo struct {
	VolumeCreateRequest
	ID        string      `json:"id"`
	Cluster   string      `json:"cluster"`
	Mount     Mount       `json:"mount"`
	BlockInfo BlockInfo   `json:"blockinfo"`
	Bricks    []BrickInfo `json:"bricks"`
}

// Mount is what a client needs to mount a volume.
type Mount struct {
	GlusterFS GlusterFSMount `json:"glusterfs"`
}

// GlusterFSMount is that for the FUSE client: Device is HOST:VOLUME.
type GlusterFSMount struct {
	Hosts   []string          `json:"hosts"`
	Device  string            `json:"device"`
	Options map[string]string `json:"options"`
}

// BlockInfo is what a volume that hosts block volumes has of them.
type BlockInfo struct {
	FreeSize     int      `json:"freesize,omitempty"`
	ReservedSize int      `json:"reservedsize,omitempty"`
	BlockVolumes []string `json:"blockvolume,omitempty"`
	Restriction  string   `json:"restriction,omitempty"`
}

// VolumeList answers GET /volumes.
type VolumeList struct {
	Volumes []string `json:"volumes"`
}

// VolumeExpandRequest asks for so many GiB more; SizeMB, an addition, for MiB.
type VolumeExpandRequest struct {
	Size   int `json:"expand_size"`
	SizeMB int `json:"expand_size_mb,omitempty"`
}

// VolumeCloneRequest asks for a copy of a volume.
type VolumeCloneRequest struct {
	Name string `json:"name,omitempty"`
}

// BlockVolumeList answers GET /blockvolumes.
type BlockVolumeList struct {
	BlockVolumes []string `json:"blockvolumes"`
}

// LogLevelInfo is the level of each logger: there is "glusterfs" only.
type LogLevelInfo struct {
	LogLevel map[string]string `json:"loglevel"`
}

// AdminStatus is the mode that the server is in.
type AdminStatus struct {
	State string `json:"state"`
}

// Modes of AdminStatus.
const (
	AdminNormal   = "normal"
	AdminReadOnly = "read-only"
	AdminLocal    = "local-client"
)

// OperationsInfo counts operations.
type OperationsInfo struct {
	Total    int `json:"total"`
	InFlight int `json:"in_flight"`
	Stale    int `json:"stale"`
	Failed   int `json:"failed"`
	New      int `json:"new"`
}

// PendingOperation is an operation that has not ended.
type PendingOperation struct {
	ID        string `json:"id"`
	TypeName  string `json:"type_name"`
	Status    string `json:"status"`
	SubStatus string `json:"sub_status"`
}

// PendingOperationList answers GET /operations/pending.
type PendingOperationList struct {
	PendingOperations []PendingOperation `json:"pendingoperations"`
}

// PendingChange is one thing that an operation changes.
type PendingChange struct {
	ID          string `json:"id"`
	Description string `json:"description"`
}

// PendingOperationDetails answers GET /operations/pending/{id}.
type PendingOperationDetails struct {
	PendingOperation
	Changes []PendingChange `json:"changes"`
}

// PendingOperationsCleanRequest names operations to clean up; none means all that can be.
type PendingOperationsCleanRequest struct {
	Operations []string `json:"operations,omitempty"`
}
