package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestStatusDetail asks real bricks and self-heal daemons for every part of their state that there is.
func TestStatusDetail(t *testing.T) {
	p := newPool(t, 3, 0)
	p.create("gv0", append([]string{"replica", "3"}, p.bricks("gv0", 3)...)...)
	mount := p.mount(1, "gv0")
	p.connected(mount, "gv0", 3)
	p.must(os.WriteFile(filepath.Join(mount, "first"), []byte("x"), 0o644))

	t.Run("clients", func(t *testing.T) { statusClients(p.in(t)) })
	t.Run("memory", func(t *testing.T) { statusMemory(p.in(t)) })
	t.Run("inodes and files", func(t *testing.T) { statusOpen(p.in(t), mount) })
	t.Run("calls", func(t *testing.T) { statusCalls(p.in(t)) })
	t.Run("tasks", func(t *testing.T) { statusTasks(p.in(t)) })
	t.Run("detail", func(t *testing.T) { statusText(p.in(t)) })
	t.Run("refusals", func(t *testing.T) { statusRefusals(p.in(t)) })
	t.Run("others", func(t *testing.T) { statusOthers(p.in(t)) })
	t.Run("brick away", func(t *testing.T) { statusGap(p.in(t)) })
}

// processesOf asks for a part of the state of processes, of which n must answer.
func (p pool) processesOf(what string, which client.Which, n int) []api.ProcessState {
	p.t.Helper()
	out, err := p.rest(2).VolumeProcesses(p.t.Context(), "gv0", what, which)
	p.must(err)
	if len(out) != n {
		p.t.Fatalf("%s: %d processes, want %d: %+v", what, len(out), n, out)
	}
	for _, st := range out {
		if st.Error != "" || st.Pid == 0 || st.Host == "" || st.PeerID == "" {
			p.t.Errorf("%s of %s: %+v", what, st.Name, st)
		}
	}
	return out
}

func statusClients(p pool) {
	for _, st := range p.processesOf(api.StatusClients, client.Which{}, 3) {
		names := map[string]int{}
		for _, c := range st.Clients {
			names[c.Name]++
			if c.Address == "" || c.BytesRead == 0 || c.OpVersion != 100000 {
				p.t.Errorf("client of %s: %+v", st.Name, c)
			}
		}
		if names["fuse"] != 1 || names["glustershd"] != 3 {
			p.t.Errorf("%s has the clients %v", st.Name, names)
		}
	}
	list, err := p.rest(3).VolumeClientList(p.t.Context(), "gv0")
	p.must(err)
	if fmt.Sprint(list) != "[{fuse 1} {glustershd 3}]" {
		p.t.Errorf("client list: %v", list)
	}
	if text := p.cli("volume", "status", "gv0", "client-list"); !strings.Contains(text, "total clients for volume gv0 : 4") {
		p.t.Errorf("client list as text:\n%s", text)
	}
	one := p.processesOf(api.StatusClients, client.Which{Brick: p.Peer(3).Name + ":/srv/gv0"}, 1)
	if one[0].Kind != api.ProcessBrick || one[0].Name != p.Peer(3).Name+":/srv/gv0" {
		p.t.Errorf("one brick: %+v", one)
	}
}

// statusMemory compares the process ids with those of the plain status.
func statusMemory(p pool) {
	status := p.waitBricks("gv0")
	all := p.processesOf(api.StatusMemory, client.Which{}, 6)
	for i, st := range all {
		if st.Memory == nil || st.Memory.Arena <= 0 || st.Memory.Uordblks <= 0 {
			p.t.Errorf("memory of %s: %+v", st.Name, st.Memory)
		}
		if i < 3 && (st.Kind != api.ProcessBrick || st.Pid != status.Bricks[i].Pid) {
			p.t.Errorf("brick %d: %+v has pid %d", i, st, status.Bricks[i].Pid)
		}
	}
	for _, st := range p.processesOf(api.StatusMemory, client.Which{Daemon: api.ProcessSelfHeal}, 3) {
		if st.Kind != api.ProcessSelfHeal || !strings.Contains(st.Name, "Self-heal") {
			p.t.Errorf("self-heal daemon: %+v", st)
		}
	}
	if text := p.cli("volume", "status", "gv0", "shd", "mem"); strings.Count(text, "Self-heal Daemon on ") != 3 || strings.Contains(text, "Brick :") {
		p.t.Errorf("memory of the daemons as text:\n%s", text)
	}
}

// statusOpen holds a file open and finds it.
func statusOpen(p pool, mount string) {
	f, err := os.Create(filepath.Join(mount, "held"))
	p.must(err)
	defer f.Close()
	_, err = f.WriteString("held open\n")
	p.must(err)
	p.must(f.Sync())
	for _, st := range p.processesOf(api.StatusFiles, client.Which{}, 3) {
		found := false
		for _, open := range st.Files {
			found = found || strings.Contains(open.Mode, "w")
		}
		if !found {
			p.t.Errorf("%s has these files open: %+v", st.Name, st.Files)
		}
	}
	for _, st := range p.processesOf(api.StatusInodes, client.Which{}, 6) {
		if st.Kind != api.ProcessBrick {
			continue
		}
		if len(st.Inodes) == 0 || st.Inodes[0].LRULimit == 0 || st.Inodes[0].ActiveSize == 0 {
			p.t.Errorf("inodes of %s: %+v", st.Name, st.Inodes)
		}
	}
	if text := p.cli("volume", "status", "gv0", "inode"); !strings.Contains(text, "LRU limit     : ") {
		p.t.Errorf("inodes as text:\n%s", text)
	}
}

func statusCalls(p pool) {
	for _, st := range p.processesOf(api.StatusCallpool, client.Which{}, 6) {
		for _, c := range st.Calls {
			if len(c.Frames) == 0 || c.Frames[0].Translator == "" {
				p.t.Errorf("call of %s: %+v", st.Name, c)
			}
		}
	}
	// A brick always has one call: the question itself.
	if st := p.processesOf(api.StatusCallpool, client.Which{Brick: p.Peer(1).Name + ":/srv/gv0"}, 1)[0]; len(st.Calls) == 0 {
		p.t.Errorf("no calls: %+v", st)
	}
	if text := p.cli("volume", "status", "all", "callpool"); !strings.Contains(text, "Pending calls: ") {
		p.t.Errorf("calls as text:\n%s", text)
	}
}

func statusTasks(p pool) {
	tasks, err := p.rest(1).VolumeTasks(p.t.Context(), "gv0")
	if err != nil || len(tasks) != 0 {
		p.t.Errorf("tasks %+v: %v", tasks, err)
	}
	if text := p.cli("volume", "status", "gv0", "tasks"); !strings.Contains(text, "There are no active volume tasks") {
		p.t.Errorf("tasks as text:\n%s", text)
	}
}

func statusText(p pool) {
	if text := p.cli("volume", "status", "gv0", "detail"); strings.Count(text, "Inode Count") != 3 || strings.Count(text, "File System          : ") != 3 {
		p.t.Errorf("detail:\n%s", text)
	}
	one := p.cli("volume", "status", "gv0", p.Peer(2).Name+":/srv/gv0")
	if strings.Count(one, "Brick ") != 1 || strings.Contains(one, "Self-heal") {
		p.t.Errorf("one brick:\n%s", one)
	}
}

func statusRefusals(p pool) {
	for _, c := range []struct {
		what  string
		which client.Which
		kind  api.Kind
	}{
		{"everything", client.Which{}, api.Invalid},
		{api.StatusMemory, client.Which{Brick: "node1:/srv/other"}, api.NotFound},
		{api.StatusMemory, client.Which{Daemon: "nfs"}, api.Invalid},
		{api.StatusClients, client.Which{Daemon: api.ProcessSelfHeal}, api.NotSupported},
		{api.StatusMemory, client.Which{Brick: "node1:/srv/gv0", Daemon: api.ProcessSelfHeal}, api.Invalid},
	} {
		if _, err := p.rest(1).VolumeProcesses(p.t.Context(), "gv0", c.what, c.which); !api.IsKind(err, c.kind) {
			p.t.Errorf("%s %+v: %v", c.what, c.which, err)
		}
	}
}

// statusOthers asks for volumes that have no client, whose self-heal daemon tells nothing, and that have none.
func statusOthers(p pool) {
	p.create("alone", p.Peer(1).Name+":/srv/alone", p.Peer(2).Name+":/srv/alone")
	p.create("ec", append([]string{"disperse", "3", "redundancy", "1"}, p.bricks("ec", 3)...)...)
	if text := p.cli("volume", "status", "alone", "client-list"); !strings.Contains(text, "total clients for volume alone : 0") {
		p.t.Errorf("clients of a volume that nobody uses:\n%s", text)
	}
	for _, words := range []string{"all client-list", "all clients", "all mem", "all inode", "all callpool", "all shd mem", "all shd"} {
		out, err := p.Peer(2).CLI(p.t.Context(), append([]string{"volume", "status"}, strings.Fields(words)...)...)
		if err != nil || !strings.Contains(out, "gv0") || strings.Contains(words, "shd") && strings.Contains(out, "alone") {
			p.t.Errorf("status %s: %v\n%s", words, err, out)
		}
	}
	if _, err := p.rest(1).VolumeProcesses(p.t.Context(), "ec", api.StatusMemory, client.Which{Daemon: api.ProcessSelfHeal}); !api.IsKind(err, api.NotSupported) {
		p.t.Errorf("memory of the daemon of a dispersed volume: %v", err)
	}
}

// statusGap takes a peer's daemon away: its brick and its self-heal daemon go on, but nobody can ask them.
func statusGap(p pool) {
	p.must(p.Peer(3).Stop(p.t.Context()))
	p.eventually(60*time.Second, func(ctx context.Context) error {
		out, err := p.rest(1).VolumeProcesses(ctx, "gv0", api.StatusMemory, client.Which{})
		if err != nil {
			return err
		}
		for _, st := range out {
			if gone := st.Host == p.Peer(3).Name; gone != (st.Error != "") || gone == (st.Memory != nil) {
				return fmt.Errorf("%+v", st)
			}
		}
		return nil
	})
	out, err := p.Peer(1).CLI(p.t.Context(), "volume", "status", "gv0", "mem")
	var exit *lab.ExitError
	if !errors.As(err, &exit) || exit.Code != 8 || strings.Count(out, "Mallinfo") != 4 {
		p.t.Errorf("without a peer: %v\n%s", err, out)
	}
	p.must(p.Peer(3).Start(p.t.Context()))
}
