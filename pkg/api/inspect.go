package api

// What the processes of a volume can be asked for, as it stands in URLs (GET /v1/volumes/{volname}/status/{what}).
const (
	StatusClients  = "clients"
	StatusMemory   = "mem"
	StatusInodes   = "inode"
	StatusFiles    = "fd"
	StatusCallpool = "callpool"
)

// Kinds of processes.
const (
	ProcessBrick    = "brick"
	ProcessSelfHeal = "self-heal"
	ProcessQuota    = "quota"
	// ProcessClient is a program that uses libgfapi, of which only the statedump can be had.
	ProcessClient = "client"
)

// ProcessState is the inner state of a brick or daemon: the part that was asked for (an addition).
type ProcessState struct {
	// Name is HOST:PATH of a brick, or what the daemon is called.
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	PeerID string `json:"peer-id"`
	Host   string `json:"host"`
	Pid    int    `json:"pid"`
	// Error says why it could not be asked.
	Error   string             `json:"error,omitempty"`
	Memory  *ProcessMemory     `json:"memory,omitempty"`
	Clients []ClientConnection `json:"clients,omitempty"`
	Inodes  []InodeTable       `json:"inodes,omitempty"`
	Files   []OpenFile         `json:"files,omitempty"`
	Calls   []PendingCall      `json:"calls,omitempty"`
}

// ProcessMemory is how a process uses its memory: the numbers of mallinfo(3), in bytes but for the counts of blocks, and its
// own pools.
type ProcessMemory struct {
	Arena    int64     `json:"arena"`
	Ordblks  int64     `json:"ordblks"`
	Smblks   int64     `json:"smblks"`
	Hblks    int64     `json:"hblks"`
	Hblkhd   int64     `json:"hblkhd"`
	Usmblks  int64     `json:"usmblks"`
	Fsmblks  int64     `json:"fsmblks"`
	Uordblks int64     `json:"uordblks"`
	Fordblks int64     `json:"fordblks"`
	Keepcost int64     `json:"keepcost"`
	Pools    []MemPool `json:"pools,omitempty"`
}

// MemPool is a pool of objects of one size, in bytes; Active counts those in use.
type MemPool struct {
	Name       string `json:"name"`
	Active     uint64 `json:"active"`
	Size       uint64 `json:"size"`
	PaddedSize uint64 `json:"padded-size"`
}

// ClientConnection is a client of a brick: where it connects from, what it read and wrote in bytes, and the name of its
// process.
type ClientConnection struct {
	Address      string `json:"address"`
	Name         string `json:"name"`
	BytesRead    uint64 `json:"bytes-read"`
	BytesWritten uint64 `json:"bytes-written"`
	OpVersion    uint64 `json:"op-version"`
}

// ClientCount counts the client processes of one name, such as fuse or glustershd.
type ClientCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// InodeTable counts the inodes that a brick keeps in memory for one of its connections: those in use, those kept in case,
// those about to go.
type InodeTable struct {
	Connection int    `json:"connection"`
	LRULimit   uint64 `json:"lru-limit"`
	ActiveSize uint64 `json:"active-size"`
	LRUSize    uint64 `json:"lru-size"`
	PurgeSize  uint64 `json:"purge-size"`
}

// OpenFile is a file of a brick that the brick's process has open. Path is below the brick, Mode r, w or rw.
type OpenFile struct {
	FD   int    `json:"fd"`
	Path string `json:"path"`
	Mode string `json:"mode"`
}

// PendingCall is a call that a process has not answered yet, and the translators that it has come through.
type PendingCall struct {
	Operation string      `json:"operation"`
	Unique    uint64      `json:"unique"`
	UID       int64       `json:"uid"`
	GID       int64       `json:"gid"`
	PID       int64       `json:"pid"`
	Frames    []CallFrame `json:"frames,omitempty"`
}

// CallFrame is one translator's part of a call.
type CallFrame struct {
	Translator string `json:"translator"`
	Complete   bool   `json:"complete"`
	Parent     string `json:"parent,omitempty"`
	WindFrom   string `json:"wind-from,omitempty"`
	WindTo     string `json:"wind-to,omitempty"`
	UnwindFrom string `json:"unwind-from,omitempty"`
	UnwindTo   string `json:"unwind-to,omitempty"`
	Timings    string `json:"timings,omitempty"`
}

// VolumeTask is something that goes on in a volume for longer: a change of it that has not ended.
type VolumeTask struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	State string `json:"state"`
	// StartedAt is in RFC 3339.
	StartedAt string `json:"started-at"`
	Error     string `json:"error,omitempty"`
	// Bricks are those that leave, HOST:/PATH.
	Bricks []string `json:"bricks,omitempty"`
}
