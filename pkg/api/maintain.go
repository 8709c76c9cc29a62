package api

// Parts of its state that a process writes to a dump. DumpAll stands for all of them.
const (
	DumpAll      = "all"
	DumpMemory   = "mem"
	DumpIOBufs   = "iobuf"
	DumpCallpool = "callpool"
	DumpPrivate  = "priv"
	DumpFiles    = "fd"
	DumpInodes   = "inode"
	DumpHistory  = "history"
)

// StatedumpReq has processes of a volume write their inner state to files on their hosts. Without any of Bricks, Quota and
// SelfHeal the bricks do.
type StatedumpReq struct {
	Bricks bool `json:"bricks,omitempty"`
	Quota  bool `json:"quotad,omitempty"`
	// SelfHeal and Options are additions. Options are the parts to write, such as DumpMemory; without any, all are.
	SelfHeal bool     `json:"self-heal,omitempty"`
	Options  []string `json:"options,omitempty"`
	// Client, HOST:PID, has a program that uses libgfapi write its state, and nothing else (an addition). Mounts do not listen.
	Client string `json:"client,omitempty"`
}

// Statedump is what one process wrote (an addition). Bricks that share a process share a dump.
type Statedump struct {
	// Name is HOST:PATH of a brick, or what the daemon is called; Kind is as in ProcessState.
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	PeerID string `json:"peer-id"`
	Host   string `json:"host"`
	Pid    int    `json:"pid,omitempty"`
	// File is the path of the dump on the host.
	File string `json:"file,omitempty"`
	// Error says why there is none.
	Error string `json:"error,omitempty"`
}

// LogRotateReq has bricks of a volume begin new logs (an addition): all, or the one named HOST:PATH.
type LogRotateReq struct {
	Brick string `json:"brick,omitempty"`
}

// RotatedLog is a brick's log (an addition). Bricks that share a process share a log.
type RotatedLog struct {
	// Name is HOST:PATH of the brick.
	Name   string `json:"name"`
	PeerID string `json:"peer-id"`
	Host   string `json:"host"`
	// Log is the path of the new log, Old what the one before it is called now: empty if there was none.
	Log string `json:"log,omitempty"`
	Old string `json:"old,omitempty"`
	// Error says why it was not rotated.
	Error string `json:"error,omitempty"`
}

// BarrierReq makes the bricks of a volume hold back, or let through, the answers to what makes changes last (an addition).
type BarrierReq struct {
	Enable bool `json:"enable"`
}

// BrickBarrier is one brick's part in a barrier (an addition).
type BrickBarrier struct {
	// Name is HOST:PATH of the brick.
	Name string `json:"name"`
	// Error says why it did not do as it was told.
	Error string `json:"error,omitempty"`
}

// What ClearLocksReq.Kind and ClearLocksReq.Type may be.
const (
	LocksBlocked = "blocked"
	LocksGranted = "granted"
	LocksAll     = "all"
	LockInode    = "inode"
	LockEntry    = "entry"
	LockPosix    = "posix"
)

// ClearLocksReq takes locks from clients, of one file or directory of a volume (an addition).
type ClearLocksReq struct {
	// Path is that of the file, from the root of the volume, with a slash before it.
	Path string `json:"path"`
	Kind string `json:"kind"`
	Type string `json:"type"`
	// Range, WHENCE,START-LENGTH, chooses inode and posix locks; Basename an entry lock. Empty means all.
	Range    string `json:"range,omitempty"`
	Basename string `json:"basename,omitempty"`
}

// ClearedLocks is what the bricks answered (an addition): a line of each brick that had locks.
type ClearedLocks struct {
	Summary []string `json:"summary"`
}
