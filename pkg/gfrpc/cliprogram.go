package gfrpc

// The program that GlusterFS' command gluster calls. Its number is the same for root on the host and for others, who get
// the part of it that only reads.
var (
	// ProgramCLI is for root, over the unix socket.
	ProgramCLI = Program{"GlusterD svc cli", 1238463, 2}
	// ProgramCLIReadOnly is for everybody, over TCP: gluster --remote-host.
	ProgramCLIReadOnly = Program{"GlusterD svc cli read-only", 1238463, 2}
)

// Procedures of ProgramCLI. But for ProcCLIListFriends, ProcCLIGetwd, ProcCLIFSMLog, ProcCLIMount and ProcCLIUmount their
// argument is one dictionary, and their result two 32-bit numbers (0 and 0, or less than 0 and an errno), a text and a dictionary.
const (
	ProcCLIProbe         uint32 = 1
	ProcCLIDeprobe       uint32 = 2
	ProcCLIListFriends   uint32 = 3
	ProcCLICreateVolume  uint32 = 4
	ProcCLIGetVolume     uint32 = 5
	ProcCLIDeleteVolume  uint32 = 7
	ProcCLIStartVolume   uint32 = 8
	ProcCLIStopVolume    uint32 = 9
	ProcCLIDefragVolume  uint32 = 11
	ProcCLISetVolume     uint32 = 12
	ProcCLIAddBrick      uint32 = 13
	ProcCLIRemoveBrick   uint32 = 14
	ProcCLIReplaceBrick  uint32 = 15
	ProcCLILogRotate     uint32 = 16
	ProcCLISyncVolume    uint32 = 19
	ProcCLIResetVolume   uint32 = 20
	ProcCLIFSMLog        uint32 = 21
	ProcCLIGeoRep        uint32 = 22
	ProcCLIProfileVolume uint32 = 23
	ProcCLIQuota         uint32 = 24
	ProcCLIGetwd         uint32 = 26
	ProcCLIStatusVolume  uint32 = 27
	ProcCLIMount         uint32 = 29
	ProcCLIUmount        uint32 = 30
	ProcCLIHealVolume    uint32 = 31
	ProcCLIStatedump     uint32 = 32
	ProcCLIListVolume    uint32 = 33
	ProcCLIClearLocks    uint32 = 34
	ProcCLIUUIDReset     uint32 = 35
	ProcCLIUUIDGet       uint32 = 36
	ProcCLICopyFile      uint32 = 37
	ProcCLISysExec       uint32 = 38
	ProcCLISnapshot      uint32 = 39
	ProcCLIBarrier       uint32 = 40
	ProcCLIGetOption     uint32 = 41
	ProcCLIBitrot        uint32 = 43
	ProcCLIGetState      uint32 = 46
	ProcCLIResetBrick    uint32 = 47
)
