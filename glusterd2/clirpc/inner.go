package clirpc

import (
	"context"
	"fmt"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// innerParts are the parts of their state that processes tell, by the bit that asks for them.
var innerParts = map[int64]string{
	statusMem: api.StatusMemory, statusClients: api.StatusClients, statusInode: api.StatusInodes, statusFD: api.StatusFiles, statusCallpool: api.StatusCallpool,
}

// putInner lists bricks, or daemons if they were asked for, with a part of their inner state.
func (s *Server) putInner(ctx context.Context, out gfrpc.Dict, cmd int64, st api.VolumeStatus) error {
	bricks, daemons, err := chosen(out, cmd, st)
	if err != nil {
		return err
	}
	brick, kind := "", ""
	switch {
	case cmd&statusBrick != 0:
		brick = out.String("brick")
	case cmd&statusSHD != 0:
		kind = api.ProcessSelfHeal
	case cmd&statusQuota != 0:
		kind = api.ProcessQuota
	default:
		daemons = nil
	}
	states, err := s.cfg.Diagnosis.Status(ctx, st.Info.Name, innerParts[cmd&statusWhat], brick, kind)
	if err != nil {
		return err
	}
	for i, b := range bricks {
		putBrick(out, nodeKey(i), b)
		putState(out, nodeKey(i), cmd, stateOf(states, func(p api.ProcessState) bool { return p.Name == brickName(b.Info) }))
	}
	for i, d := range daemons {
		s.putDaemon(out, nodeKey(i), d)
		putState(out, nodeKey(i), cmd, stateOf(states, func(p api.ProcessState) bool { return p.PeerID == d.PeerID && p.Kind == kind }))
	}
	putCounts(out, len(bricks), len(daemons))
	return nil
}

func stateOf(list []api.ProcessState, is func(api.ProcessState) bool) api.ProcessState {
	for _, p := range list {
		if is(p) {
			return p
		}
	}
	return api.ProcessState{Error: "no answer"}
}

// putState writes the part of a process's state that was asked for. One that did not answer counts as offline, for
// gluster has no other word for it.
func putState(out gfrpc.Dict, key string, cmd int64, p api.ProcessState) {
	if p.Error != "" {
		out.SetInt(key+"status", 0)
		return
	}
	switch cmd & statusWhat {
	case statusMem:
		putMemory(out, key, p.Memory)
	case statusClients:
		putClients(out, key, p.Clients)
	case statusInode:
		putInodes(out, key, p.Inodes)
	case statusFD:
		// Gluster prints tables of connections, which bricks of GlusterFS 10 do not tell: it prints nothing with glusterd either.
		out.SetInt(key+"conncount", 0)
	case statusCallpool:
		putCalls(out, key, p.Calls)
	}
}

func putMemory(out gfrpc.Dict, key string, m *api.ProcessMemory) {
	if m == nil {
		m = &api.ProcessMemory{}
	}
	for name, n := range map[string]int64{
		"arena": m.Arena, "ordblks": m.Ordblks, "smblks": m.Smblks, "hblks": m.Hblks, "hblkhd": m.Hblkhd, "usmblks": m.Usmblks,
		"fsmblks": m.Fsmblks, "uordblks": m.Uordblks, "fordblks": m.Fordblks, "keepcost": m.Keepcost,
	} {
		out.SetInt(key+"mallinfo."+name, n)
	}
}

func putClients(out gfrpc.Dict, key string, list []api.ClientConnection) {
	out.SetInt(key+"clientcount", int64(len(list)))
	for i, c := range list {
		client := fmt.Sprintf("%sclient%d.", key, i)
		out.SetString(client+"hostname", c.Address)
		out.SetString(client+"name", c.Name)
		for name, n := range map[string]uint64{"bytesread": c.BytesRead, "byteswrite": c.BytesWritten, "opversion": c.OpVersion} {
			out.SetString(client+name, fmt.Sprint(n))
		}
	}
}

func putInodes(out gfrpc.Dict, key string, list []api.InodeTable) {
	out.SetInt(key+"conncount", int64(len(list)))
	for i, t := range list {
		table := fmt.Sprintf("%sconn%d.itable.", key, i)
		for name, n := range map[string]uint64{"lru_limit": t.LRULimit, "active_size": t.ActiveSize, "lru_size": t.LRUSize, "purge_size": t.PurgeSize} {
			out.SetString(table+name, fmt.Sprint(n))
		}
	}
}

func putCalls(out gfrpc.Dict, key string, list []api.PendingCall) {
	out.SetInt(key+"callpool.count", int64(len(list)))
	for i, c := range list {
		stack := fmt.Sprintf("%scallpool.stack%d.", key, i)
		out.SetInt(stack+"uid", c.UID)
		out.SetInt(stack+"gid", c.GID)
		out.SetInt(stack+"pid", c.PID)
		out.SetString(stack+"unique", fmt.Sprint(c.Unique))
		out.SetInt(stack+"count", int64(len(c.Frames)))
		for j, f := range c.Frames {
			putFrame(out, fmt.Sprintf("%sframe%d.", stack, j), f)
		}
	}
}

// putFrame writes one translator's part of a call. Bricks of GlusterFS 10 do not tell its reference count, without which
// gluster prints nothing of it.
func putFrame(out gfrpc.Dict, key string, f api.CallFrame) {
	out.SetString(key+"translator", f.Translator)
	out.SetInt(key+"complete", truth(f.Complete))
	for name, text := range map[string]string{
		"parent": f.Parent, "windfrom": f.WindFrom, "windto": f.WindTo, "unwindfrom": f.UnwindFrom, "unwindto": f.UnwindTo,
	} {
		if text != "" {
			out.SetString(key+name, text)
		}
	}
}

// putClientList counts the clients by what they are. Of names that gluster does not know it prints a wrong count.
func (s *Server) putClientList(ctx context.Context, out gfrpc.Dict, st api.VolumeStatus) error {
	list, err := s.cfg.Diagnosis.ClientList(ctx, st.Info.Name)
	out.SetInt("client-count", int64(len(list)))
	for i, c := range list {
		out.SetString(fmt.Sprintf("client%d.name", i), c.Name)
		out.SetInt(c.Name+"-count", int64(c.Count))
	}
	return err
}
