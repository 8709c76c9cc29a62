package api

// BrickHealStart says whether the heal of a brick began (POST /v1/volumes/{volname}/heal; glusterd2 answered nothing).
type BrickHealStart struct {
	// Brick is HOST:PATH.
	Brick   string `json:"brick"`
	Started bool   `json:"started"`
	// Status is what the self-heal daemon says, or why it could not be asked.
	Status string `json:"status"`
}

// Ways to end a split-brain, as they stand in URLs.
const (
	SplitBrainBiggerFile  = "bigger-file"
	SplitBrainLatestMtime = "latest-mtime"
	SplitBrainSource      = "source-brick"
)

// SplitBrainReq ends the split-brain of a file (POST /v1/volumes/{volname}/split-brain/{operation}). FileName is a path from
// the root of the volume, or gfid:UUID. With source-brick, HostName and BrickName (a path) say whose copy is good; without a
// file it is good for all files in split-brain.
type SplitBrainReq struct {
	FileName  string `json:"filename,omitempty"`
	HostName  string `json:"hostname,omitempty"`
	BrickName string `json:"brickname,omitempty"`
}

// SplitBrainResult is what became of it (an addition): the words of GlusterFS' own tool.
type SplitBrainResult struct {
	Message string `json:"message"`
}

// BrickHealCount is how many entries wait to be healed on a brick (GET /v1/volumes/{volname}/heal-count; an addition).
type BrickHealCount struct {
	// Brick is HOST:PATH.
	Brick   string `json:"brick"`
	Entries uint64 `json:"entries"`
	// Error says why the figure is missing.
	Error string `json:"error,omitempty"`
}

// BrickHealStatistics is the latest crawls of a self-heal daemon over a brick, the oldest first (GET
// /v1/volumes/{volname}/heal-statistics; an addition).
type BrickHealStatistics struct {
	// Brick is HOST:PATH.
	Brick  string      `json:"brick"`
	Host   string      `json:"host"`
	Crawls []HealCrawl `json:"crawls"`
	// Error says why they are missing.
	Error string `json:"error,omitempty"`
}

// HealCrawl is one crawl: over the INDEX of what waits to be healed, or FULL. Times are in RFC 3339.
type HealCrawl struct {
	Type       string `json:"type"`
	StartedAt  string `json:"started-at"`
	EndedAt    string `json:"ended-at,omitempty"`
	Healed     uint64 `json:"healed"`
	SplitBrain uint64 `json:"split-brain"`
	Failed     uint64 `json:"failed"`
	InProgress bool   `json:"in-progress"`
}
