package rebalance

import (
	"io"
	"os"
	"regexp"
	"strconv"

	"gd2/glusterd2/volume"
)

// lastWords is what a process logs about itself when it ends (MSGID 109028), as it is in GlusterFS 10.
var lastWords = regexp.MustCompile(`Rebalance is (completed|stopped|failed)\. Time taken is ([0-9.]+) secs,? Files migrated: (\d+), size: (\d+), lookups: (\d+), failures: (\d+), skipped: (\d+)`)

// maxTail bounds what is read of the end of a log, in bytes.
const maxTail = 64 << 10

// fromLog returns how a process ended by what it logged after a position of its log: for one that ended while nobody took
// its report. ok is false if it did not say.
func fromLog(file string, start int64, s *state) (res volume.TaskResult, ok bool) {
	f, err := os.Open(file)
	if err != nil {
		return res, false
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return res, false
	}
	from := max(start, info.Size()-maxTail)
	text, err := io.ReadAll(io.NewSectionReader(f, from, maxTail))
	if err != nil {
		return res, false
	}
	all := lastWords.FindAllSubmatch(text, -1)
	if len(all) == 0 {
		return res, false
	}
	words := all[len(all)-1]
	count := func(i int) int64 { n, _ := strconv.ParseInt(string(words[i]), 10, 64); return n } // digits, says the expression
	res.RunTime, _ = strconv.ParseFloat(string(words[2]), 64)
	res.Files, res.Size, res.Lookups, res.Failures, res.Skipped = count(3), count(4), count(5), count(6), count(7)
	switch string(words[1]) {
	case "completed":
		return s.as(res, volume.TaskComplete, volume.LayoutComplete), true
	case "stopped":
		return s.stopped(res), true
	}
	return s.as(res, volume.TaskFailed, volume.LayoutFailed), true
}

func fileSize(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
