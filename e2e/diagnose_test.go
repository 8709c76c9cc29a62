package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestDiagnose tells the bricks and daemons of a volume with quotas what there is to tell them, and looks at what they did.
func TestDiagnose(t *testing.T) {
	p := newPool(t, 2, 0)
	p.create("gv0", append([]string{"replica", "2"}, p.bricks("gv0", 2)...)...)
	p.cli("volume", "quota", "gv0", "enable")
	mount := p.mount(1, "gv0")
	p.connected(mount, "gv0", 2)
	p.must(os.WriteFile(filepath.Join(mount, "first"), []byte("x"), 0o644))

	t.Run("statedump", func(t *testing.T) { statedumps(p.in(t)) })
	t.Run("log rotate", func(t *testing.T) { rotations(p.in(t)) })
	t.Run("barrier", func(t *testing.T) { barriers(p.in(t), mount) })
	t.Run("clear-locks", func(t *testing.T) { clearedLocks(p.in(t), mount) })
	t.Run("get-state", func(t *testing.T) { states(p.in(t)) })
	t.Run("quota daemon", func(t *testing.T) { quotaDaemonStatus(p.in(t)) })
}

// text returns a file of a peer.
func (p pool) text(n int, path string) string {
	p.t.Helper()
	out, err := p.Peer(n).Run(p.t.Context(), "cat", path)
	p.must(err)
	return out
}

func statedumps(p pool) {
	status := p.waitBricks("gv0")
	dumps, err := p.rest(2).VolumeStatedump(p.t.Context(), "gv0", api.StatedumpReq{})
	p.must(err)
	if len(dumps) != 2 {
		p.t.Fatalf("%+v", dumps)
	}
	for i, d := range dumps {
		if d.Error != "" || d.Pid != status.Bricks[i].Pid {
			p.t.Fatalf("%+v", d)
		}
		text := p.text(i+1, d.File)
		for _, part := range []string{"DUMP-START-TIME", "DUMP-END-TIME", "mallinfo_arena", "global.callpool", "gv0-server", "inode"} {
			if !strings.Contains(text, part) {
				p.t.Errorf("%s of %s is without %s", d.File, d.Name, part)
			}
		}
	}
	// Of the parts that are named, and no others.
	one, err := p.rest(1).VolumeStatedump(p.t.Context(), "gv0", api.StatedumpReq{Quota: true, SelfHeal: true, Options: []string{api.DumpMemory}})
	p.must(err)
	if len(one) != 4 {
		p.t.Fatalf("daemons: %+v", one)
	}
	for _, d := range one {
		if d.Error != "" || d.Kind == api.ProcessBrick {
			p.t.Fatalf("%+v", d)
		}
		n := 1
		if d.Host == p.Peer(2).Name {
			n = 2
		}
		if text := p.text(n, d.File); !strings.Contains(text, "mallinfo_arena") || strings.Contains(text, "callpool_address") {
			p.t.Errorf("%s of %s:\n%.2000s", d.File, d.Name, text)
		}
	}
	if out := p.cli("volume", "statedump", "gv0", "quotad", "priv", "fd"); strings.Count(out, "Quota Daemon on ") != 2 {
		p.t.Errorf("as text:\n%s", out)
	}
	p.clientDump()
	left, err := p.Peer(1).Run(p.t.Context(), "sh", "-c", "ls /var/run/gluster/*.options 2>/dev/null || true")
	if p.must(err); left != "" {
		p.t.Errorf("left: %s", left)
	}
}

// library is a program that has the volume open with libgfapi, as qemu, Samba and Ganesha have, until its input ends. glusterfs'
// packages bring the interpreter.
const library = `import ctypes, os, sys
api = ctypes.CDLL("libgfapi.so.0")
api.glfs_new.restype = ctypes.c_void_p
fs = ctypes.c_void_p(api.glfs_new(b"gv0"))
api.glfs_set_volfile_server(fs, b"tcp", b"node1", 24007)
if api.glfs_init(fs) != 0: sys.exit("no volume")
print(os.getpid(), flush=True)
sys.stdin.read()
`

// clientDump has a client on node1 write its state, asked through node2.
func (p pool) clientDump() {
	p.t.Helper()
	cmd := p.Peer(1).Command(p.t.Context(), "/usr/bin/python3", "-c", library)
	in, err := cmd.StdinPipe()
	p.must(err)
	out, err := cmd.StdoutPipe()
	p.must(err)
	p.must(cmd.Start())
	defer func() {
		_ = in.Close() // then it ends
		p.must(cmd.Wait())
	}()
	pid, err := bufio.NewReader(out).ReadString('\n')
	p.must(err)
	pid = strings.TrimSpace(pid)
	p.cliOn(2, "volume", "statedump", "gv0", "client", "node1:"+pid)
	p.eventually(20*time.Second, func(ctx context.Context) error {
		text, err := p.Peer(1).Run(ctx, "sh", "-c", "cat /var/run/gluster/glusterdump."+pid+".dump.*")
		if err == nil && !strings.Contains(text, "DUMP-END-TIME") {
			err = errors.New("the dump is not whole")
		}
		return err
	})
	p.cliRefused("client of another host", "volume", "statedump", "gv0", "client", "node2:"+pid)
	p.cliRefused("client without a process", "volume", "statedump", "gv0", "client", "node1")
}

func rotations(p pool) {
	logs, err := p.rest(2).VolumeLogRotate(p.t.Context(), "gv0", "")
	p.must(err)
	if len(logs) != 2 {
		p.t.Fatalf("%+v", logs)
	}
	for i, l := range logs {
		if l.Error != "" || !strings.Contains(p.text(i+1, l.Old), "glusterfsd") || p.text(i+1, l.Log) == "" {
			p.t.Errorf("%+v", l)
		}
	}
	brick := p.Peer(2).Name + ":/srv/gv0"
	// One that is rotated twice in a second is told so; the names of the logs are seconds.
	one, err := p.rest(1).VolumeLogRotate(p.t.Context(), "gv0", brick)
	if p.must(err); len(one) != 1 || one[0].Name != brick {
		p.t.Errorf("one brick: %+v", one)
	}
}

func quotaDaemonStatus(p pool) {
	for _, what := range []string{api.StatusMemory, api.StatusCallpool} {
		for _, st := range p.processesOf(what, client.Which{Daemon: api.ProcessQuota}, 2) {
			if st.Kind != api.ProcessQuota || what == api.StatusMemory && st.Memory.Arena == 0 {
				p.t.Errorf("%s: %+v", what, st)
			}
		}
	}
	if _, err := p.rest(1).VolumeProcesses(p.t.Context(), "gv0", api.StatusInodes, client.Which{Daemon: api.ProcessQuota}); !api.IsKind(err, api.NotSupported) {
		p.t.Errorf("inodes: %v", err)
	}
	if text := p.cli("volume", "status", "gv0", "quotad", "mem"); strings.Count(text, "Quota Daemon on ") != 2 || strings.Contains(text, "Brick :") {
		p.t.Errorf("memory of the quota daemons as text:\n%s", text)
	}
	if text := p.cli("volume", "status", "gv0", "quotad"); strings.Count(text, "Quota Daemon on ") != 2 || strings.Contains(text, "Self-heal") {
		p.t.Errorf("quota daemons as text:\n%s", text)
	}
}

// barriers deletes a file behind a barrier: nobody learns of it before the barrier is lifted.
func barriers(p pool, mount string) {
	p.must(os.WriteFile(filepath.Join(mount, "behind"), []byte("x"), 0o644))
	p.cli("volume", "barrier", "gv0", "enable")
	removed := make(chan error, 1)
	go func() { removed <- os.Remove(filepath.Join(mount, "behind")) }()
	p.eventually(30*time.Second, func(ctx context.Context) error {
		dumps, err := p.rest(1).VolumeStatedump(ctx, "gv0", api.StatedumpReq{Options: []string{api.DumpPrivate}})
		if err != nil {
			return err
		}
		for i, d := range dumps {
			if text := p.text(i+1, d.File); !strings.Contains(text, "barrier.enabled=1") || !strings.Contains(text, "barrier.waiting=1") && !strings.Contains(text, "UNLINK") {
				return fmt.Errorf("%s holds nothing back: %s", d.Name, barrierLines(text))
			}
		}
		return nil
	})
	if _, err := p.rest(2).VolumeBarrier(p.t.Context(), "gv0", true); !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "already") {
		p.t.Errorf("a second barrier: %v", err)
	}
	select {
	case err := <-removed:
		p.t.Errorf("the file was removed behind the barrier: %v", err)
	default:
	}
	p.cli("volume", "barrier", "gv0", "disable")
	if err := <-removed; err != nil {
		p.t.Error(err)
	}
}

func barrierLines(text string) (out []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "barrier") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func states(p pool) {
	status := p.waitBricks("gv0")
	st, err := p.rest(2).State(p.t.Context())
	p.must(err)
	if len(st.Peers) != 2 || len(st.Volumes) != 1 || st.ClusterID == "" || len(st.Options) == 0 || st.Store.Revision == 0 {
		p.t.Fatalf("%+v", st)
	}
	v := st.Volumes[0]
	if !v.Quota || len(v.Bricks) != 2 || v.Bricks[1].Pid != status.Bricks[1].Pid || v.Bricks[0].Port == 0 || len(v.Daemons) != 4 {
		p.t.Errorf("%+v", v)
	}
	var same api.PoolState
	p.must(json.Unmarshal([]byte(p.cli("get-state")), &same))
	if same.ClusterID != st.ClusterID || len(same.Volumes) != 1 {
		p.t.Errorf("by the command line: %+v", same)
	}
	if out := p.cli("volume", "sync", p.Peer(2).Name, "all"); !strings.Contains(out, "nothing to copy") {
		p.t.Error(out)
	}
}

// clearedLocks takes a lock through the mount, and then takes it away.
func clearedLocks(p pool, mount string) {
	f, err := os.OpenFile(filepath.Join(mount, "first"), os.O_RDWR, 0)
	p.must(err)
	defer f.Close()
	p.must(unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Len: 7}))
	req := api.ClearLocksReq{Path: "/first", Kind: api.LocksGranted, Type: api.LockPosix}
	got, err := p.rest(2).VolumeClearLocks(p.t.Context(), "gv0", req)
	if err != nil || !strings.Contains(strings.Join(got.Summary, "\n"), "granted locks=1") {
		p.t.Errorf("%+v, %v", got, err)
	}
	again := p.cli("volume", "clear-locks", "gv0", "/first", "kind", "granted", "posix")
	if strings.Contains(again, "granted locks=1") {
		p.t.Errorf("the lock is still there:\n%s", again)
	}
	req.Path = "/nothing"
	if _, err := p.rest(1).VolumeClearLocks(p.t.Context(), "gv0", req); !api.IsKind(err, api.NotFound) {
		p.t.Errorf("a file that is not there: %v", err)
	}
}
