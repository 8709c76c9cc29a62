package gfrpc

// A Program is a numbered set of procedures in one version.
type Program struct {
	Name            string // as GF-DUMP lists it
	Number, Version uint32
}

// The programs that gd2 serves or calls.
var (
	// ProgramDump tells which programs are served, and answers pings.
	ProgramDump = Program{"GF-DUMP", 123451501, 1}
	// ProgramPortmap maps bricks to their ports.
	ProgramPortmap = Program{"Gluster Portmap", 34123456, 1}
	// ProgramHandshake hands out volfiles.
	ProgramHandshake = Program{"Gluster Handshake", 14398633, 2}
	// ProgramCallback is called by the server on the connections of its clients. It has no replies.
	ProgramCallback = Program{"GlusterFS Callback", 52743234, 1}
	// ProgramBrick is served by bricks and daemons on their unix sockets.
	ProgramBrick = Program{"brick operations", 4867634, 2}
	// ProgramQuota is served by the quota daemon on a socket of its own.
	ProgramQuota = Program{"quota aggregator", 29852134, 1}
)

// Procedures of ProgramQuota.
const (
	// ProcQuotaLimit tells what a directory may hold and what it holds. Its argument is a dict: gfid, volume-uuid (the
	// volume's name), type (5 bytes, 13 objects).
	ProcQuotaLimit uint32 = 2
)

// Procedures of ProgramDump.
const (
	ProcDump uint32 = 1
	ProcPing uint32 = 2
)

// Procedures of ProgramPortmap.
const (
	ProcPortByBrick uint32 = 1
	ProcSignIn      uint32 = 4
	ProcSignOut     uint32 = 5
)

// Procedures of ProgramHandshake.
const (
	ProcGetSpec         uint32 = 2
	ProcEventNotify     uint32 = 5
	ProcGetVolumeInfo   uint32 = 6
	ProcGetSnapshotInfo uint32 = 7
)

// Procedures of ProgramCallback.
const (
	// ProcFetchSpec tells a process to fetch its volfiles again.
	ProcFetchSpec uint32 = 1
	// ProcGetSnaps tells a snapshot daemon to list the snapshots again.
	ProcGetSnaps uint32 = 4
	// ProcStatedump has a client write its inner state to a file, if the process id in its argument is the client's own. Only libgfapi
	// does it; a mount takes no notice.
	ProcStatedump uint32 = 9
)

// Procedures of ProgramBrick. The comment names the name argument that goes with each.
const (
	// BrickTerminate stops a brick (brick path); the process exits with its last brick.
	BrickTerminate uint32 = 1
	// BrickXlatorInfo reads profile and top (brick path).
	BrickXlatorInfo uint32 = 2
	// BrickXlatorOp heals through a self-heal daemon (empty). Its dict travels in input.
	BrickXlatorOp uint32 = 3
	// BrickStatus reads a brick's inner state (empty).
	BrickStatus uint32 = 4
	// BrickXlatorDefrag steers a rebalance (VOL-dht).
	BrickXlatorDefrag uint32 = 6
	// BrickNodeStatus reads a daemon's inner state (empty).
	BrickNodeStatus uint32 = 8
	// BrickBarrier holds and releases writes (brick path).
	BrickBarrier uint32 = 10
	// BrickNodeBitrot steers the scrubber (volume). It can hang for ever: use a deadline.
	BrickNodeBitrot uint32 = 11
	// BrickAttach adds a brick to a multiplexed process (path of the brick volfile).
	BrickAttach uint32 = 12
	// BrickServiceAttach adds a volume to a self-heal daemon (shd/VOL): input is the volfile, dict has pidfile.
	BrickServiceAttach uint32 = 14
	// BrickServiceDetach takes a volume from a self-heal daemon (shd/VOL). An unknown one is no error.
	BrickServiceDetach uint32 = 15
)
