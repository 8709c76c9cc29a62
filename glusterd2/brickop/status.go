package brickop

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// What is asked of a process, in the low byte of cmd, and what kind it is, in the upper bits.
const (
	statusMemory   = 0x01
	statusClients  = 0x02
	statusInodes   = 0x04
	statusCallpool = 0x10
	statusVolume   = 0x100
	statusSelfHeal = 0x1000
	statusQuota    = 0x2000
)

// maxCalls is how many calls of a process are listed.
const maxCalls = 200

var statusOps = map[string]int64{
	api.StatusMemory: statusMemory, api.StatusClients: statusClients, api.StatusInodes: statusInodes, api.StatusCallpool: statusCallpool,
}

// StatusRequest asks a process for a part of its inner state: proc is the procedure, d its dictionary. kind and what are
// api's; brick is the path of a brick. ok is false for what processes of the kind do not tell.
func StatusRequest(volumeName, kind, what, brick string) (proc uint32, d gfrpc.Dict, ok bool) {
	op, ok := statusOps[what]
	d = gfrpc.Strings(map[string]string{"volname": volumeName})
	switch kind {
	case api.ProcessBrick:
		d.SetString("brick-name", brick)
		d.SetInt("cmd", statusVolume|op)
		return gfrpc.BrickStatus, d, ok
	case api.ProcessSelfHeal:
		d.SetInt("cmd", statusSelfHeal|op)
		return gfrpc.BrickNodeStatus, d, ok && what != api.StatusClients
	case api.ProcessQuota:
		d.SetInt("cmd", statusQuota|op)
		// Asked for its inodes, the quota daemon of GlusterFS 10.3 ends with a segmentation fault.
		return gfrpc.BrickNodeStatus, d, ok && (what == api.StatusMemory || what == api.StatusCallpool)
	}
	return 0, nil, false
}

// ParseStatus puts the answer to StatusRequest into a state.
func ParseStatus(d gfrpc.Dict, what string, st *api.ProcessState) {
	switch what {
	case api.StatusMemory:
		st.Memory = parseMemory(d)
	case api.StatusClients:
		st.Clients = parseClients(d)
	case api.StatusInodes:
		st.Inodes = parseInodes(d)
	case api.StatusCallpool:
		st.Calls = parseCalls(d)
	}
}

func parseMemory(d gfrpc.Dict) *api.ProcessMemory {
	n := func(name string) int64 { return signed(d, "mallinfo."+name) }
	m := &api.ProcessMemory{
		Arena: n("arena"), Ordblks: n("ordblks"), Smblks: n("smblks"), Hblks: n("hblks"), Hblkhd: n("hblkhd"), Usmblks: n("usmblks"),
		Fsmblks: n("fsmblks"), Uordblks: n("uordblks"), Fordblks: n("fordblks"), Keepcost: n("keepcost"),
	}
	for _, i := range numbered(d, "pool", "name") {
		key := fmt.Sprintf("pool%d.", i)
		m.Pools = append(m.Pools, api.MemPool{
			Name: text(d, key+"name"), Active: count(d, key+"active-count"), Size: count(d, key+"sizeof-type"), PaddedSize: count(d, key+"padded-sizeof"),
		})
	}
	return m
}

func parseClients(d gfrpc.Dict) []api.ClientConnection {
	var out []api.ClientConnection
	for _, i := range numbered(d, "client", "hostname") {
		key := fmt.Sprintf("client%d.", i)
		out = append(out, api.ClientConnection{
			Address: text(d, key+"hostname"), Name: text(d, key+"name"), BytesRead: count(d, key+"bytesread"),
			BytesWritten: count(d, key+"byteswrite"), OpVersion: count(d, key+"opversion"),
		})
	}
	return out
}

// parseInodes reads the tables of the connections that have one. GlusterFS 10 tells their sizes, not the inodes.
func parseInodes(d gfrpc.Dict) []api.InodeTable {
	var out []api.InodeTable
	for _, i := range numbered(d, "conn", "itable.lru_limit") {
		key := fmt.Sprintf("conn%d.itable.", i)
		out = append(out, api.InodeTable{
			Connection: i, LRULimit: count(d, key+"lru_limit"), ActiveSize: count(d, key+"active_size"), LRUSize: count(d, key+"lru_size"),
			PurgeSize: count(d, key+"purge_size"),
		})
	}
	return out
}

func parseCalls(d gfrpc.Dict) []api.PendingCall {
	var out []api.PendingCall
	stacks := numbered(d, "callpool.stack", "unique")
	for _, i := range stacks[:min(len(stacks), maxCalls)] {
		key := fmt.Sprintf("callpool.stack%d.", i)
		c := api.PendingCall{
			Operation: text(d, key+"op"), Unique: count(d, key+"unique"), UID: signed(d, key+"uid"), GID: signed(d, key+"gid"), PID: signed(d, key+"pid"),
		}
		for _, n := range numbered(d, key+"frame", "translator") {
			f := fmt.Sprintf("%sframe%d.", key, n)
			c.Frames = append(c.Frames, api.CallFrame{
				Translator: text(d, f+"translator"), Complete: count(d, f+"complete") != 0, Parent: text(d, f+"parent"), Timings: text(d, f+"timings"),
				WindFrom: text(d, f+"windfrom"), WindTo: text(d, f+"windto"), UnwindFrom: text(d, f+"unwindfrom"), UnwindTo: text(d, f+"unwind_to"),
			})
		}
		out = append(out, c)
	}
	return out
}

// numbered lists, in order, the numbers N for which the dictionary has PREFIXN.FIELD. It looks at what is there and does not
// count up to a number that the dictionary tells.
func numbered(d gfrpc.Dict, prefix, field string) []int {
	found := map[int]bool{}
	for key := range d {
		rest, ok := strings.CutPrefix(key, prefix)
		digits, ok2 := strings.CutSuffix(rest, "."+field)
		if n, err := strconv.Atoi(digits); ok && ok2 && err == nil && n >= 0 && strconv.Itoa(n) == digits {
			found[n] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
