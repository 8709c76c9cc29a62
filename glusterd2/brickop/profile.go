// Package brickop is what bricks and daemons are asked over their unix sockets, and what they answer: the dictionaries of
// GlusterFS' brick operations as Go types. Answers come from processes of this host, but are read as if they did not:
// numbers are checked, and no count in an answer makes more memory than the answer itself has.
package brickop

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// infoOps are the values of info-op of BrickXlatorInfo and, with peek, whether the interval goes on.
var infoOps = map[string]struct {
	op   int64
	peek bool
}{
	api.ProfileInfo: {op: 1}, api.ProfilePeek: {op: 1, peek: true}, api.ProfileIncremental: {op: 2},
	api.ProfileIncrementalPeek: {op: 2, peek: true}, api.ProfileCumulative: {op: 3}, api.ProfileClear: {op: 4},
}

// profileOp is the value of op that tells profile from top.
const profileOp = 3

// ProfileRequest asks a brick for its profile; what is one of api's. ok is false if there is no such thing.
func ProfileRequest(volumeName, what string) (d gfrpc.Dict, ok bool) {
	op, ok := infoOps[what]
	d = gfrpc.Strings(map[string]string{"volname": volumeName, "peek": "0"})
	d.SetInt("op", profileOp)
	d.SetInt("info-op", op.op)
	if op.peek {
		d.SetInt("peek", 1)
	}
	return d, ok
}

// cumulative is the number of the interval from the brick's start.
const cumulative = "-1"

// ParseProfile reads a brick's profile: since its start, and in the interval. One that was not asked for is empty.
func ParseProfile(d gfrpc.Dict) (total, interval api.ProfileStats) {
	if d.String("cumulative") == cumulative {
		total = parseStats(d, cumulative)
	}
	if n := d.String("interval"); n != "" && n != cumulative {
		interval = parseStats(d, n)
	}
	return total, interval
}

func parseStats(d gfrpc.Dict, interval string) api.ProfileStats {
	st := api.ProfileStats{
		Interval: interval, Duration: text(d, interval+"-duration"), DataRead: text(d, interval+"-total-read"),
		DataWrite: text(d, interval+"-total-write"), StatInfo: map[string]map[string]string{},
	}
	blocks := map[uint64]api.ProfileBlock{}
	for key := range d {
		rest, ok := strings.CutPrefix(key, interval+"-")
		words := strings.Split(rest, "-")
		if !ok {
			continue
		}
		switch {
		case len(words) == 2 && (words[0] == "read" || words[0] == "write"):
			addBlock(blocks, words[0], words[1], count(d, key))
		case len(words) == 2:
			addFop(st.StatInfo, fopName(words[0]), words[1], text(d, key))
		case len(words) == 3 && words[1] == "upcall":
			addFop(st.StatInfo, upcallName(words[0]), words[2], text(d, key))
		}
	}
	st.Blocks = sortedBlocks(blocks)
	st.PercentageAvgLatency = addShares(st.StatInfo)
	return st
}

func addBlock(blocks map[uint64]api.ProfileBlock, kind, bytes string, n uint64) {
	size, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil || n == 0 {
		return
	}
	b := blocks[size]
	b.Size = size
	if kind == "read" {
		b.Reads = n
	} else {
		b.Writes = n
	}
	blocks[size] = b
}

func sortedBlocks(blocks map[uint64]api.ProfileBlock) []api.ProfileBlock {
	out := make([]api.ProfileBlock, 0, len(blocks))
	for _, b := range blocks {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b api.ProfileBlock) int { return cmp.Compare(a.Size, b.Size) })
	return out
}

func addFop(fops map[string]map[string]string, name, stat, value string) {
	if name == "" || !slices.Contains([]string{"hits", "avglatency", "minlatency", "maxlatency"}, stat) {
		return
	}
	if fops[name] == nil {
		fops[name] = map[string]string{}
	}
	fops[name][stat] = value
}

// addShares adds each operation's share of the time, in percent, and returns the time.
func addShares(fops map[string]map[string]string) float64 {
	spent := func(f map[string]string) float64 { return number(f["hits"]) * number(f["avglatency"]) }
	sum := 0.0
	for _, f := range fops {
		sum += spent(f)
	}
	for _, f := range fops {
		share := 0.0
		if sum > 0 {
			share = 100 * spent(f) / sum
		}
		f["%-latency"] = fmt.Sprintf("%.2f", share)
	}
	return sum
}

// fopName returns the name of a file operation by its number in the protocol; "" if there is none.
func fopName(number string) string {
	i, err := strconv.Atoi(number)
	if err != nil || i <= 0 || i >= len(fops) {
		return ""
	}
	return fops[i]
}

// FopNumber returns the number of a file operation in the protocol, by its name.
func FopNumber(name string) (int, bool) {
	i := slices.Index(fops[:], name)
	return i, i > 0
}

func upcallName(number string) string {
	i, err := strconv.Atoi(number)
	if err != nil || i <= 0 || i >= len(upcalls) {
		return ""
	}
	return upcalls[i]
}

// fops are the file operations by their numbers (glusterfs_fop_t of GlusterFS 10), upcalls those of the server.
var (
	fops = [...]string{
		"NULL", "STAT", "READLINK", "MKNOD", "MKDIR", "UNLINK", "RMDIR", "SYMLINK", "RENAME", "LINK", "TRUNCATE", "OPEN",
		"READ", "WRITE", "STATFS", "FLUSH", "FSYNC", "SETXATTR", "GETXATTR", "REMOVEXATTR", "OPENDIR", "FSYNCDIR", "ACCESS",
		"CREATE", "FTRUNCATE", "FSTAT", "LK", "LOOKUP", "READDIR", "INODELK", "FINODELK", "ENTRYLK", "FENTRYLK", "XATTROP",
		"FXATTROP", "FGETXATTR", "FSETXATTR", "RCHECKSUM", "SETATTR", "FSETATTR", "READDIRP", "FORGET", "RELEASE",
		"RELEASEDIR", "GETSPEC", "FREMOVEXATTR", "FALLOCATE", "DISCARD", "ZEROFILL", "IPC", "SEEK", "LEASE", "COMPOUND",
		"GETACTIVELK", "SETACTIVELK", "PUT", "ICREATE", "NAMELINK", "COPY_FILE_RANGE",
	}
	upcalls = [...]string{"NULL", "CACHE_INVALIDATION", "RECALL_LEASE", "INODELK_CONTENTION", "ENTRYLK_CONTENTION"}
)
