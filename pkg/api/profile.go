package api

// BrickProfile is what a brick has counted since it started and since it was last asked (GET
// /v1/volumes/{volname}/profile/{opt}). Numbers are text, as glusterd2 had them.
type BrickProfile struct {
	// BrickName is HOST:PATH.
	BrickName       string       `json:"brick-name"`
	CumulativeStats ProfileStats `json:"cumulative-stats"`
	IntervalStats   ProfileStats `json:"interval-stats"`
	// Error says why the brick could not be asked (an addition).
	Error string `json:"error,omitempty"`
}

// ProfileStats is what a brick counted in one span of time. Interval is "-1" for the time since the brick started, else the
// interval's number, and empty if the span was not asked for.
type ProfileStats struct {
	Duration  string `json:"duration"`
	DataRead  string `json:"data-read"`
	DataWrite string `json:"data-write"`
	Interval  string `json:"interval"`
	// PercentageAvgLatency is the time spent in all operations, in nanoseconds: the sum of hits times mean latency.
	PercentageAvgLatency float64 `json:"percentage-avg-latency"`
	// StatInfo has for each operation, such as LOOKUP, its hits, its share of the time (%-latency), and avglatency,
	// minlatency and maxlatency in nanoseconds.
	StatInfo map[string]map[string]string `json:"stat-info,omitempty"`
	// Blocks counts reads and writes by size (an addition).
	Blocks []ProfileBlock `json:"blocks,omitempty"`
}

// ProfileBlock counts the reads and writes of at least Size and less than twice as many bytes.
type ProfileBlock struct {
	Size   uint64 `json:"size"`
	Reads  uint64 `json:"reads"`
	Writes uint64 `json:"writes"`
}

// What profiles can be asked for, as it stands in URLs.
const (
	ProfileInfo            = "info"                  // since the start, and since last asked
	ProfilePeek            = "info-peek"             // the same, and the interval goes on
	ProfileIncremental     = "info-incremental"      // since last asked
	ProfileIncrementalPeek = "info-incremental-peek" // the same, and the interval goes on
	ProfileCumulative      = "info-cumulative"       // since the start
	ProfileClear           = "info-clear"            // sets all counts to 0
)

// What top lists, as it stands in URLs.
const (
	TopOpen      = "open"
	TopRead      = "read"
	TopWrite     = "write"
	TopOpendir   = "opendir"
	TopReaddir   = "readdir"
	TopReadPerf  = "read-perf"
	TopWritePerf = "write-perf"
	TopClear     = "clear"
)

// TopReq measures how fast a brick's disk reads or writes (POST /v1/volumes/{volname}/top/{what}): BlockCount blocks of
// BlockSize bytes, by each brick or by the one named HOST:PATH. At most Count files are listed beside.
type TopReq struct {
	Brick      string `json:"brick,omitempty"`
	Count      int    `json:"count,omitempty"`
	BlockSize  uint64 `json:"block-size,omitempty"`
	BlockCount uint64 `json:"block-count,omitempty"`
}

// BrickTop is the files that are used most on a brick (an addition).
type BrickTop struct {
	// BrickName is HOST:PATH.
	BrickName string    `json:"brick-name"`
	Files     []TopFile `json:"files"`
	// CurrentOpen and MaxOpen count open files, with open only; MaxOpenTime is when there were most.
	CurrentOpen uint64 `json:"current-open,omitempty"`
	MaxOpen     uint64 `json:"max-open,omitempty"`
	MaxOpenTime string `json:"max-open-time,omitempty"`
	// Throughput is that of the measurement, in MB (10^6 bytes) per second, Seconds how long it took.
	Throughput float64 `json:"throughput,omitempty"`
	Seconds    float64 `json:"seconds,omitempty"`
	// Error says why the brick could not be asked.
	Error string `json:"error,omitempty"`
}

// TopFile is one file with how often it was used; with read-perf and write-perf Value is MB per second, and Time when.
type TopFile struct {
	Filename string  `json:"filename"`
	Value    float64 `json:"value"`
	Time     string  `json:"time,omitempty"`
}
