package api

// Volume types as they stand in VolumeInfo.Type.
const (
	Distribute            = "Distribute"
	Replicate             = "Replicate"
	Disperse              = "Disperse"
	DistributedReplicate  = "Distributed-Replicate"
	DistributedDisperse   = "Distributed-Disperse"
	SubvolReplicate       = "replicate"
	SubvolDisperse        = "disperse"
	SubvolDistribute      = "distribute"
	BrickTypeBrick        = "Brick"
	BrickTypeArbiter      = "Arbiter"
	VolumeCreated         = "Created"
	VolumeStarted         = "Started"
	VolumeStopped         = "Stopped"
	TransportTCP          = "tcp"
	FlagReuseBricks       = "reuse-bricks"
	FlagAllowRootDir      = "allow-root-dir"
	FlagAllowMountAsBrick = "allow-mount-as-brick"
	FlagCreateBrickDir    = "create-brick-dir"
)

// OptionFlags lift the guard on options of unusual levels. glusterd2 clients send them; gd2 accepts them.
type OptionFlags struct {
	AllowAdvanced     bool `json:"allow-advanced-options,omitempty"`
	AllowExperimental bool `json:"allow-experimental-options,omitempty"`
	AllowDeprecated   bool `json:"allow-deprecated-options,omitempty"`
}

// BrickReq names one brick to be made: a peer, by id, name or address, and an absolute path on it.
type BrickReq struct {
	Type   string `json:"type,omitempty"`
	PeerID string `json:"peerid"`
	Path   string `json:"path"`
}

// SubvolReq is one subvolume of a volume to be created.
type SubvolReq struct {
	Type               string      `json:"type,omitempty"`
	Bricks             []BrickReq  `json:"bricks"`
	Subvols            []SubvolReq `json:"subvols,omitempty"`
	ReplicaCount       int         `json:"replica,omitempty"`
	ArbiterCount       int         `json:"arbiter,omitempty"`
	DisperseCount      int         `json:"disperse-count,omitempty"`
	DisperseData       int         `json:"disperse-data,omitempty"`
	DisperseRedundancy int         `json:"disperse-redundancy,omitempty"`
}

// VolumeCreateReq asks for a new volume (POST /v1/volumes).
// Force lifts the guards on bricks that have a flag of their own and on replicas that share a peer.
type VolumeCreateReq struct {
	Name      string            `json:"name"`
	Transport string            `json:"transport,omitempty"`
	Subvols   []SubvolReq       `json:"subvols"`
	Force     bool              `json:"force,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Flags     map[string]bool   `json:"flags,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
	OptionFlags
	SmartVolumeFields
}

// SmartVolumeFields are the fields of glusterd2's VolumeCreate that ask for automatic provisioning.
// They are accepted by the decoder so that a request that uses them is refused by name, not as misspelt.
type SmartVolumeFields struct {
	Size                  uint64   `json:"size,omitempty"`
	MaxBrickSize          uint64   `json:"max-brick-size,omitempty"`
	DistributeCount       int      `json:"distribute,omitempty"`
	ReplicaCount          int      `json:"replica,omitempty"`
	ArbiterCount          int      `json:"arbiter,omitempty"`
	AverageFileSize       uint64   `json:"average-file-size,omitempty"`
	DisperseCount         int      `json:"disperse,omitempty"`
	DisperseRedundancy    int      `json:"disperse-redundancy,omitempty"`
	DisperseData          int      `json:"disperse-data,omitempty"`
	SnapshotEnabled       bool     `json:"snapshot,omitempty"`
	SnapshotReserveFactor float64  `json:"snapshot-reserve-factor,omitempty"`
	LimitPeers            []string `json:"limit-peers,omitempty"`
	LimitZones            []string `json:"limit-zones,omitempty"`
	ExcludePeers          []string `json:"exclude-peers,omitempty"`
	ExcludeZones          []string `json:"exclude-zones,omitempty"`
	SubvolZonesOverlap    bool     `json:"subvolume-zones-overlap,omitempty"`
	SubvolType            string   `json:"subvolume-type,omitempty"`
	ProvisionerType       string   `json:"provisioner,omitempty"`
	// MatchTags admit devices by their tags: TAG=VALUE or TAG!=VALUE (an addition).
	MatchTags []string `json:"match-tags,omitempty"`
}

// Given returns the name of a field that is given, or nothing.
func (f SmartVolumeFields) Given() string {
	for _, c := range []struct {
		field string
		given bool
	}{
		{"max-brick-size", f.MaxBrickSize > 0}, {"distribute", f.DistributeCount != 0}, {"replica", f.ReplicaCount != 0},
		{"arbiter", f.ArbiterCount != 0}, {"average-file-size", f.AverageFileSize > 0}, {"disperse", f.DisperseCount != 0},
		{"disperse-redundancy", f.DisperseRedundancy != 0}, {"disperse-data", f.DisperseData != 0}, {"snapshot", f.SnapshotEnabled},
		{"snapshot-reserve-factor", f.SnapshotReserveFactor != 0}, {"limit-peers", len(f.LimitPeers) > 0}, {"limit-zones", len(f.LimitZones) > 0},
		{"exclude-peers", len(f.ExcludePeers) > 0}, {"exclude-zones", len(f.ExcludeZones) > 0}, {"subvolume-zones-overlap", f.SubvolZonesOverlap},
		{"provisioner", f.ProvisionerType != ""}, {"match-tags", len(f.MatchTags) > 0},
	} {
		if c.given {
			return c.field
		}
	}
	return ""
}

// VolumeInfo describes a volume.
type VolumeInfo struct {
	ID                      string            `json:"id"`
	Name                    string            `json:"name"`
	Type                    string            `json:"type"`
	Transport               string            `json:"transport"`
	DistributeCount         int               `json:"distribute-count"`
	ReplicaCount            int               `json:"replica-count"`
	ArbiterCount            int               `json:"arbiter-count"`
	DisperseCount           int               `json:"disperse-count"`
	DisperseDataCount       int               `json:"disperse-data-count"`
	DisperseRedundancyCount int               `json:"disperse-redundancy-count"`
	Options                 map[string]string `json:"options"`
	State                   string            `json:"state"`
	Subvols                 []SubvolInfo      `json:"subvols"`
	Metadata                map[string]string `json:"metadata"`
	SnapList                []string          `json:"snap-list"`
	Capacity                uint64            `json:"capacity"`
}

// SubvolInfo describes one subvolume of a volume.
type SubvolInfo struct {
	Name                    string       `json:"name"`
	Type                    string       `json:"type"`
	Bricks                  []BrickInfo  `json:"bricks"`
	Subvols                 []SubvolInfo `json:"subvols,omitempty"`
	ReplicaCount            int          `json:"replica-count"`
	ArbiterCount            int          `json:"arbiter-count"`
	DisperseCount           int          `json:"disperse-count"`
	DisperseDataCount       int          `json:"disperse-data-count"`
	DisperseRedundancyCount int          `json:"disperse-redundancy-count"`
}

// BrickInfo describes a brick: where it is and what it belongs to.
type BrickInfo struct {
	ID         string `json:"id"`
	Path       string `json:"path"`
	VolumeID   string `json:"volume-id"`
	VolumeName string `json:"volume-name"`
	PeerID     string `json:"peer-id"`
	Hostname   string `json:"host"`
	Type       string `json:"type"`
	// Device is the id of the device that gd2 has made the brick on, Size what the brick holds in bytes (additions).
	Device string `json:"device,omitempty"`
	Size   uint64 `json:"size,omitempty"`
}

// VolumeExpandReq adds bricks to a volume (POST /v1/volumes/{volname}/expand). With counts of copies that are higher than
// those of the volume the bricks are further copies, set by set; else they make further subvolumes. Arbiter is an
// addition. Force lifts the guards on bricks and the demand that all present copies are online. With a Size, in bytes, a volume that was made by its size gets so much
// larger: its bricks grow where they are, or there are further subvolumes, so that there are DistributeCount if that is given.
type VolumeExpandReq struct {
	ReplicaCount    int             `json:"replica,omitempty"`
	ArbiterCount    int             `json:"arbiter,omitempty"`
	Bricks          []BrickReq      `json:"bricks,omitempty"`
	Force           bool            `json:"force,omitempty"`
	Flags           map[string]bool `json:"flags,omitempty"`
	Size            uint64          `json:"size,omitempty"`
	DistributeCount int             `json:"distribute,omitempty"`
}

// VolumeExpandResp is the volume as it is after an expansion. Hint (an addition) says what is left to do.
type VolumeExpandResp struct {
	VolumeInfo
	Hint string `json:"hint,omitempty"`
}

// VolumeShrinkReq removes bricks from a volume (POST /v1/volumes/{volname}/shrink, and /start, /stop, /commit below it; an
// addition). Bricks are whole subvolumes, or with a ReplicaCount lower than that of the volume copies from each; for stop and
// commit they may be left out. Force, needed where no files are moved first, removes them with what is on them.
type VolumeShrinkReq struct {
	ReplicaCount int        `json:"replica,omitempty"`
	Bricks       []BrickReq `json:"bricks,omitempty"`
	Force        bool       `json:"force,omitempty"`
}

// SizeInfo counts bytes.
type SizeInfo struct {
	Capacity uint64 `json:"capacity"`
	Used     uint64 `json:"used"`
	Free     uint64 `json:"free"`
}

// InodeInfo counts inodes (an addition).
type InodeInfo struct {
	Total uint64 `json:"total"`
	Used  uint64 `json:"used"`
	Free  uint64 `json:"free"`
}

// BrickStatus says how a brick does. Error (an addition) says why it is offline or its figures are missing. BlockSize (an
// addition) is that of its filesystem, in bytes.
type BrickStatus struct {
	Info      BrickInfo `json:"info"`
	Online    bool      `json:"online"`
	Pid       int       `json:"pid"`
	Port      int       `json:"port"`
	FS        string    `json:"fs-type"`
	MountOpts string    `json:"mount-opts"`
	Device    string    `json:"device"`
	Size      SizeInfo  `json:"size"`
	Inodes    InodeInfo `json:"inodes"`
	BlockSize uint64    `json:"block-size,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// DaemonStatus says how a service of a volume, such as the self-heal daemon, does on one peer (an addition).
type DaemonStatus struct {
	Name     string `json:"name"`
	PeerID   string `json:"peer-id"`
	Hostname string `json:"host"`
	Online   bool   `json:"online"`
	Pid      int    `json:"pid"`
	Error    string `json:"error,omitempty"`
}

// VolumeStatus answers GET /v1/volumes/{volname}/status. Size is the room that clients see. Online is true when every
// subvolume can serve clients. Bricks and Daemons are additions.
type VolumeStatus struct {
	Info    VolumeInfo     `json:"info"`
	Online  bool           `json:"online"`
	Size    SizeInfo       `json:"size"`
	Bricks  []BrickStatus  `json:"bricks"`
	Daemons []DaemonStatus `json:"daemons"`
	// Tasks is the long work on the volume, such as a rebalance: what goes on, or how the last ended (an addition).
	Tasks []VolumeTask `json:"tasks"`
}

// VolumeStartReq starts a volume. Force starts the missing bricks of a volume that is started already, and lets a
// volume start when only some bricks do.
type VolumeStartReq struct {
	ForceStartBricks bool `json:"force-start-bricks,omitempty"`
}

// VolumeStopReq stops a volume (a body is optional; an addition).
type VolumeStopReq struct {
	Force bool `json:"force,omitempty"`
}

// VolumeOptionReq sets options of a volume.
type VolumeOptionReq struct {
	Options map[string]string `json:"options"`
	OptionFlags
}

// VolumeOptionResetReq puts options back to their defaults: those named, or with All every one.
// Force also resets options that are protected.
type VolumeOptionResetReq struct {
	Options []string `json:"options,omitempty"`
	Force   bool     `json:"force,omitempty"`
	All     bool     `json:"all,omitempty"`
}

// VolumeOption is one option as a volume has it.
type VolumeOption struct {
	Name         string `json:"name"`
	Value        string `json:"value"`
	Modified     bool   `json:"modified"`
	DefaultValue string `json:"default-value"`
	OptionLevel  string `json:"option-level"`
}

// Scopes of options: what they can be set for.
const (
	ScopeVolume  = "volume"
	ScopeCluster = "cluster"
)

// OptionHelp explains an option (an addition). Description is the text of the installed GlusterFS, empty if it has none.
// Min and Max bound numbers, sizes (bytes) and times (seconds). ManagedBy names the feature whose commands set it.
type OptionHelp struct {
	Name         string   `json:"name"`
	Description  string   `json:"description"`
	DefaultValue string   `json:"default-value"`
	OptionLevel  string   `json:"option-level"`
	Scope        string   `json:"scope"`
	Type         string   `json:"type,omitempty"`
	Min          *int64   `json:"min,omitempty"`
	Max          *int64   `json:"max,omitempty"`
	Values       []string `json:"values,omitempty"`
	OpVersion    int      `json:"op-version"`
	Xlators      []string `json:"xlators"`
	ManagedBy    string   `json:"managed-by,omitempty"`
}

// GroupOption is one option of an option group.
type GroupOption struct {
	Name    string `json:"name"`
	OnValue string `json:"onvalue"`
}

// OptionGroup is a named set of options that are set together.
type OptionGroup struct {
	Name        string        `json:"name"`
	Options     []GroupOption `json:"options"`
	Description string        `json:"description"`
}

// OptionGroupReq creates an option group.
type OptionGroupReq struct {
	OptionGroup
	OptionFlags
}

// VolumeRenameReq gives a volume another name (an addition).
type VolumeRenameReq struct {
	Name string `json:"name"`
}

// VolumeEditReq changes the metadata of a volume: sets the keys given, or deletes them.
type VolumeEditReq struct {
	Metadata       map[string]string `json:"metadata"`
	DeleteMetadata bool              `json:"delete-metadata,omitempty"`
}

// BrickHealInfo counts what is left to heal on one brick, as glfsheal reports it.
type BrickHealInfo struct {
	HostID                 *string  `json:"host-id"`
	Name                   *string  `json:"name"`
	Status                 *string  `json:"status"`
	TotalEntries           *int64   `json:"total-entries"`
	EntriesInHealPending   *int64   `json:"entries-in-heal-pending"`
	EntriesInSplitBrain    *int64   `json:"entries-in-split-brain"`
	EntriesPossiblyHealing *int64   `json:"entries-possibly-healing"`
	Entries                *int64   `json:"entries"`
	Files                  []string `json:"file-gfid"`
}
