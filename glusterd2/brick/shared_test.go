package brick_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/portmap"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// sharing returns a peer whose bricks share processes, with two volumes of three bricks in all.
func sharing(t *testing.T, limit int) (*peer, []brick.Spec) {
	t.Helper()
	p := newPeer(t)
	p.mux = brick.Multiplex{On: true, Max: limit}
	_, a := p.add(t, "gv0", "b1", "b2")
	_, b := p.add(t, "gv1", "b3")
	return p, slices.Concat(a, b)
}

func (p *peer) startAll(t *testing.T, specs []brick.Spec) []brick.Running {
	t.Helper()
	run, err := p.bricks.StartAll(t.Context(), specs)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// restart is the daemon going away and coming back; the bricks have to be asked for again.
func (p *peer) restart(t *testing.T) {
	t.Helper()
	p.Stop()
	if err := p.bricks.Close(); err != nil {
		t.Fatal(err)
	}
	p.Serve(t)
	p.bricks = p.newHost()
}

// serves checks that a brick of a process is online, known by the pid file, and answers at its socket.
func (p *peer) serves(t *testing.T, s brick.Spec, want brick.Running) {
	t.Helper()
	if st := p.bricks.Status(s); !st.Online || st.Pid != want.Pid || st.Port != want.Port {
		t.Errorf("brick %s: %+v, want %+v", s, st, want)
	}
	at, err := p.bricks.Reach(s)
	if err != nil {
		t.Fatal(err)
	}
	dict := gfrpc.Strings(map[string]string{"brick-name": s.Path, "cmd": "1"})
	out, err := gfrpc.BrickOp(t.Context(), at.Socket, gfrpc.BrickStatus, s.Path, dict.Marshal(), nil)
	if err != nil || len(out) == 0 {
		t.Errorf("brick %s at %s says %v, %v", s, at.Socket, out, err)
	}
}

func TestBricksShareAProcess(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	run := p.startAll(t, specs)
	if run[0] != run[1] || run[1] != run[2] {
		t.Fatalf("bricks run as %+v", run)
	}
	for _, s := range specs {
		p.serves(t, s, run[0])
	}
	again := p.startAll(t, specs)
	if !slices.Equal(again, run) {
		t.Errorf("a second start: %+v, the first %+v", again, run)
	}
	// Each leaves in turn and comes back, that for which the process was started too.
	for _, s := range specs {
		if err := p.bricks.Stop(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if st := p.bricks.Status(s); st.Online || st.Pid != 0 {
			t.Errorf("stopped brick: %+v", st)
		}
		if _, err := os.Stat(p.Layout.PidFile(s)); !os.IsNotExist(err) {
			t.Errorf("its pid file is left: %v", err)
		}
		for _, other := range specs {
			if other != s {
				p.serves(t, other, run[0])
			}
		}
		if back := p.startAll(t, []brick.Spec{s}); back[0] != run[0] {
			t.Errorf("%s is back as %+v, was %+v", s, back[0], run[0])
		}
	}
	p.gone(t, specs, run[0].Pid)
}

// gone stops all bricks and checks that nothing is left of them.
func (p *peer) gone(t *testing.T, specs []brick.Spec, pid int) {
	t.Helper()
	if err := p.bricks.StopAll(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	// A dead process may wait for long to be collected by the host's first one.
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(text), ") Z ") {
		t.Errorf("process %d still runs: %s", pid, text)
	}
	err := filepath.WalkDir(p.Layout.RunDir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSharedProcessHasALimit(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 2)
	run := p.startAll(t, specs)
	bricks := map[int]int{}
	for _, r := range run {
		bricks[r.Pid]++
	}
	if len(bricks) != 2 {
		t.Errorf("three bricks, two to a process, run as %+v", run)
	}
}

func TestSharedProcessTakesOnlyWhatFits(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	v, other := p.add(t, "squash", "b4")
	v.Options["server.root-squash"] = "on"
	run := p.startAll(t, slices.Concat(specs, other))
	if run[3].Pid == run[0].Pid {
		t.Error("a volume whose clients are treated otherwise shares the process")
	}
}

// TestSharedProcessIsAdopted is a daemon that comes back, after a brick has left the process that was started for it.
func TestSharedProcessIsAdopted(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	first := p.startAll(t, specs[:1])[0]
	p.startAll(t, specs)
	if err := p.bricks.Stop(t.Context(), specs[0]); err != nil {
		t.Fatal(err)
	}
	p.restart(t)
	running, err := p.bricks.Running()
	if err != nil || len(running) != 2 || slices.Contains(running, specs[0]) {
		t.Errorf("running %v, %v", running, err)
	}
	if _, ok := p.bricks.Process(specs[0]); ok {
		t.Error("a brick that was stopped is taken for running")
	}
	back := p.startAll(t, specs)
	for i, s := range specs {
		if back[i] != first {
			t.Errorf("%s is %+v, was %+v", s, back[i], first)
		}
		p.serves(t, s, first)
	}
	p.restart(t)
	p.gone(t, specs, first.Pid) // by a daemon that has seen nothing of them yet
}

// TestSharedProcessIsFound is a daemon that comes back to a process which has not seen that yet: its bricks serve.
func TestSharedProcessIsFound(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	run := p.startAll(t, specs)
	p.Stop() // it cannot sign in anything
	if err := p.bricks.Close(); err != nil {
		t.Fatal(err)
	}
	p.Ports = portmap.New()
	p.bricks = p.newHost()
	for i, s := range specs {
		p.serves(t, s, run[i])
	}
	if err := syscall.Kill(run[0].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for gone := time.After(10 * time.Second); ; {
		if st := p.bricks.Status(specs[0]); !st.Online {
			break
		}
		select {
		case <-time.After(time.Millisecond):
		case <-gone:
			t.Fatal("the brick is online without a process")
		}
	}
	for _, s := range specs {
		if port, ok := p.Ports.Port(s.Path); ok {
			t.Errorf("%s is on port %d of a process that has ended", s, port)
		}
	}
}

func TestSharedProcessComesBack(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	sup, _ := supervise(t, p, never)
	sup.SetDesired(specs)
	before := settle(t, sup, "first start", runs)
	if err := syscall.Kill(before[0].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	after := settle(t, sup, "restart", func(s brick.State) bool { return runs(s) && s.Pid != before[0].Pid })
	if after[0].Pid != after[1].Pid || after[1].Pid != after[2].Pid {
		t.Errorf("after the crash: %+v", after)
	}
	for _, s := range specs {
		e, err := p.Ports.Wait(t.Context(), s.Path)
		if err != nil || e.PID != after[0].Pid {
			t.Errorf("port map has %+v, %v", e, err)
		}
	}
}

// TestSharingSwitchedOff: the process stays, bricks that are started from then on have their own. The socket of the
// process is named after a brick that does.
func TestSharingSwitchedOff(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	run := p.startAll(t, specs[:1])
	p.startAll(t, specs)
	p.mux = brick.Multiplex{}
	if err := p.bricks.Stop(t.Context(), specs[0]); err != nil {
		t.Fatal(err)
	}
	alone := p.startAll(t, specs[:1])[0]
	if alone.Pid == run[0].Pid || alone.Port == run[0].Port {
		t.Errorf("the brick runs as %+v, the others as %+v", alone, run[0])
	}
	p.serves(t, specs[0], alone)
	p.serves(t, specs[2], run[0])
	p.restart(t)
	if running, err := p.bricks.Running(); err != nil || len(running) != 3 {
		t.Errorf("running %v, %v", running, err)
	}
	p.startAll(t, specs)
	p.serves(t, specs[0], alone)
	p.serves(t, specs[2], run[0])
	p.gone(t, specs, alone.Pid)
}

// TestAttachFails: the brick is refused by the process, which goes on with the others.
func TestAttachFails(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	run := p.startAll(t, specs[:2])
	if err := syscall.Removexattr(specs[2].Path, "trusted.glusterfs.volume-id"); err != nil {
		t.Fatal(err)
	}
	_, err := p.bricks.Start(t.Context(), specs[2])
	if !api.IsKind(err, api.Internal) || !strings.Contains(err.Error(), "why is in its log") {
		t.Errorf("no volume id: %v", err)
	}
	if _, err := os.Stat(p.Layout.PidFile(specs[2])); !os.IsNotExist(err) {
		t.Errorf("its pid file is left: %v", err)
	}
	p.serves(t, specs[0], run[0])
	p.serves(t, specs[1], run[0])
}

// TestAttachCutOff: a daemon that died in the middle of an attach has left the pid file. Its successor is careful.
func TestAttachCutOff(t *testing.T) {
	t.Parallel()
	p, specs := sharing(t, 0)
	p.startAll(t, specs[:2])
	text, err := os.ReadFile(p.Layout.PidFile(specs[0]))
	if err != nil {
		t.Fatal(err)
	}
	file := p.Layout.PidFile(specs[2])
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p.restart(t)
	if _, err := p.bricks.Start(t.Context(), specs[2]); !api.IsKind(err, api.Unavailable) {
		t.Errorf("while an attach may be under way: %v", err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, long, long); err != nil {
		t.Fatal(err)
	}
	p.startAll(t, specs)
}
