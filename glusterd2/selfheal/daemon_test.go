package selfheal_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gd2/glusterd2/brick/bricktest"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// run runs a Daemon until the test ends or the returned function is called.
func run(t *testing.T, p *peer) (*selfheal.Daemon, func()) {
	t.Helper()
	log := bricktest.Quiet()
	log.Logger.AddHook(p)
	d := selfheal.New(selfheal.Config{PeerID: p.ID, Host: p.Name, Layout: p.Layout, BrickOp: gfrpc.BrickOp, Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	end := sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(end)
	return d, end
}

func want(t *testing.T, p *peer, d *selfheal.Daemon, vols ...*volume.Volume) {
	t.Helper()
	d.SetDesired(p.wanted(t, vols...))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// started waits until the daemon has connected to the bricks of a volume, which shows in that it heals them.
func started(t *testing.T, d *selfheal.Daemon, vol string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := d.Heal(t.Context(), vol, []string{vol + "-replicate-0"}, false)
		if err == nil && len(list) == 2 && list[brickop.BrickPlace{}].Started && list[brickop.BrickPlace{Brick: 1}].Started {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("volume %s is not healed: %+v, %v", vol, list, err)
		}
	}
}

func TestDaemonLife(t *testing.T) {
	p := newPeer(t)
	a, b := p.add(t, "gv-a"), p.add(t, "gv-b")
	d, _ := run(t, p)
	defer want(t, p, d)
	want(t, p, d, a)
	pid := d.Status("gv-a").Pid
	if pid == 0 || d.Status("gv-b").Online {
		t.Fatalf("status %+v %+v", d.Status("gv-a"), d.Status("gv-b"))
	}
	if _, err := d.Heal(t.Context(), "gv-b", nil, false); !api.IsKind(err, api.Unavailable) {
		t.Errorf("heal of a volume that is not attached: %v", err)
	}
	began := time.Now()
	want(t, p, d, a, b)
	t.Logf("attached in %v", time.Since(began))
	if st := d.Status("gv-b"); !st.Online || st.Pid != pid {
		t.Errorf("attaching restarted the daemon: %+v, was %d", st, pid)
	}
	started(t, d, "gv-a")
	started(t, d, "gv-b")
	counts, err := d.Pending(t.Context(), "gv-b", []string{"gv-b-replicate-0"})
	if err != nil || len(counts) != 2 || counts[brickop.BrickPlace{Brick: 1}] != 0 {
		t.Errorf("pending %v, %v", counts, err)
	}
	// The volume that the daemon was started for leaves it.
	want(t, p, d, b)
	if st := d.Status("gv-b"); !st.Online || st.Pid != pid || d.Status("gv-a").Online {
		t.Errorf("after detaching: %+v %+v", st, d.Status("gv-a"))
	}
	started(t, d, "gv-b")
	want(t, p, d)
	if err := syscall.Kill(pid, 0); err == nil && alive(pid) {
		t.Error("the daemon runs although no volume needs it")
	}
	for _, v := range []string{"gv-a", "gv-b"} {
		if _, err := os.Stat(p.Layout.SelfHealPidFile(v)); !os.IsNotExist(err) {
			t.Errorf("pid file of %s is left: %v", v, err)
		}
	}
}

// alive reports whether a process is more than a zombie.
func alive(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(data), ") Z ")
}

func TestDaemonComesBackAfterACrash(t *testing.T) {
	p := newPeer(t)
	a, b := p.add(t, "gv-a"), p.add(t, "gv-b")
	d, _ := run(t, p)
	defer want(t, p, d)
	want(t, p, d, a, b)
	pid := d.Status("gv-a").Pid
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(30 * time.Second)
	for st := d.Status("gv-b"); !st.Online || st.Pid == pid; st = d.Status("gv-b") {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("status %+v", st)
		}
	}
	started(t, d, "gv-a")
	started(t, d, "gv-b")
}

// TestDaemonIsAdopted is a restart of gd2, once with the volume gone for which the daemon was started.
func TestDaemonIsAdopted(t *testing.T) {
	p := newPeer(t)
	a, b := p.add(t, "gv-a"), p.add(t, "gv-b")
	d, end := run(t, p)
	want(t, p, d, a, b)
	pid := d.Status("gv-a").Pid
	end()
	d, end = run(t, p)
	want(t, p, d, a, b)
	if st := d.Status("gv-b"); st.Pid != pid || !st.Online {
		t.Errorf("adopted %+v, was %d", st, pid)
	}
	want(t, p, d, b)
	end()
	d, _ = run(t, p)
	defer want(t, p, d)
	want(t, p, d, b)
	if st := d.Status("gv-b"); st.Pid != pid || !st.Online {
		t.Errorf("adopted %+v, was %d", st, pid)
	}
	started(t, d, "gv-b")
}

// Bricks that are found elsewhere now are healed there: the daemon does not learn that from a new volfile.
func TestNewShape(t *testing.T) {
	p := newPeer(t)
	a, b := p.add(t, "gv-a"), p.add(t, "gv-b")
	p.Lead(true)
	d, end := run(t, p)
	want(t, p, d, a)
	p.Lead(false)
	want(t, p, d, a) // the only volume: the daemon may have to be started anew
	started(t, d, "gv-a")
	pid := d.Status("gv-a").Pid
	p.Lead(true)
	want(t, p, d, a, b)
	end()
	p.Lead(false)
	d, _ = run(t, p)
	defer want(t, p, d)
	want(t, p, d, a, b)
	started(t, d, "gv-a")
	started(t, d, "gv-b")
	if st := d.Status("gv-a"); st.Pid != pid && !p.hung.Load() {
		t.Errorf("new shapes restarted the daemon: %+v, was %d", st, pid)
	}
}
