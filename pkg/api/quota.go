package api

// What a limit of a directory bounds.
const (
	// QuotaUsage bounds bytes.
	QuotaUsage = "usage"
	// QuotaObjects bounds files and directories.
	QuotaObjects = "objects"
)

// States of the crawl of a brick.
const (
	CrawlWaiting = "waiting"
	CrawlRunning = "running"
	CrawlDone    = "done"
)

// Quota tells how the quota of a volume is set (GET /v1/quota/{volname}; an addition, as are all types of quota: glusterd2
// only had the paths of limits).
type Quota struct {
	Enabled bool `json:"enabled"`
	// DefaultSoftLimit is a percentage; the times are seconds, or have a unit. DeemStatfs says that df on a directory with a
	// limit shows the limit.
	DefaultSoftLimit string `json:"default-soft-limit"`
	HardTimeout      string `json:"hard-timeout"`
	SoftTimeout      string `json:"soft-timeout"`
	AlertTime        string `json:"alert-time"`
	DeemStatfs       string `json:"deem-statfs"`
	// Limits counts the directories that have one.
	Limits int `json:"limits"`
	// Crawls is how far the bricks have counted what was there before the quota was.
	Crawls []QuotaCrawl `json:"crawls"`
}

// QuotaCrawl is how far one brick has counted its files.
type QuotaCrawl struct {
	Brick   string `json:"brick"`
	State   string `json:"state"`
	Entries int64  `json:"entries"`
	Began   string `json:"began,omitempty"`
	Ended   string `json:"ended,omitempty"`
	Error   string `json:"error,omitempty"`
}

// QuotaLimitReq sets a limit of a directory (POST /v1/quota/{volname}/limit).
type QuotaLimitReq struct {
	// Path is that of the directory in the volume; / is the whole volume.
	Path string `json:"path"`
	// Type is QuotaUsage, which is the default, or QuotaObjects.
	Type string `json:"type,omitempty"`
	// HardLimit is a size such as 10GB, or a number of objects.
	HardLimit string `json:"hard-limit"`
	// SoftLimit is the percentage of the hard limit from which on bricks warn; nil takes that of the volume.
	SoftLimit *int `json:"soft-limit-percent,omitempty"`
}

// QuotaRemoveReq takes a limit away (DELETE /v1/quota/{volname}/limit).
type QuotaRemoveReq struct {
	Path string `json:"path"`
	Type string `json:"type,omitempty"`
}

// QuotaLimit is a limit of a directory and what the directory holds. Limits, Used and Available are bytes for QuotaUsage,
// objects for QuotaObjects. Error says why the use is not known.
type QuotaLimit struct {
	Path             string `json:"path"`
	GFID             string `json:"gfid"`
	Type             string `json:"type"`
	HardLimit        uint64 `json:"hard-limit"`
	SoftLimitPercent int    `json:"soft-limit-percent"`
	SoftLimit        uint64 `json:"soft-limit"`
	Used             uint64 `json:"used"`
	Files            uint64 `json:"files"`
	Dirs             uint64 `json:"dirs"`
	Available        uint64 `json:"available"`
	SoftExceeded     bool   `json:"soft-limit-exceeded"`
	HardExceeded     bool   `json:"hard-limit-exceeded"`
	Error            string `json:"error,omitempty"`
}
