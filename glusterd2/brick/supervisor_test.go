package brick_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brick/bricktest"
)

// supervise runs a supervisor until the test ends or the returned function is called.
func supervise(t *testing.T, p *peer, skip func(string) bool) (*brick.Supervisor, func()) {
	t.Helper()
	s := brick.NewSupervisor(brick.SupervisorConfig{Host: p.bricks, Locks: &brick.Locks{}, Skip: skip, Log: bricktest.Quiet()})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	end := sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(end)
	return s, end
}

func never(string) bool { return false }

// settle waits until the supervision of all bricks is as ok says, and returns it.
func settle(t *testing.T, sup *brick.Supervisor, what string, ok func(brick.State) bool) []brick.State {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		states := sup.States()
		if len(states) > 0 && !slices.ContainsFunc(states, func(s brick.State) bool { return !ok(s) }) {
			return states
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: %+v", what, states)
		}
	}
}

func runs(s brick.State) bool { return s.Pid != 0 }

func TestSupervisorRestartsACrashedBrick(t *testing.T) {
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1", "b2")
	sup, _ := supervise(t, p, never)
	sup.SetDesired(specs)
	before := settle(t, sup, "first start", runs)
	killed := time.Now()
	if err := syscall.Kill(before[0].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	after := settle(t, sup, "restart", func(s brick.State) bool { return runs(s) && s.Pid != before[0].Pid })
	t.Logf("back after %v", time.Since(killed))
	if after[0].Starts != 2 || after[1] != before[1] {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if e, ok := p.Ports.Entry(specs[0].Path); !ok || e.PID != after[0].Pid {
		t.Errorf("port map has %+v", e)
	}
}

// TestSupervisorAdopts is a daemon that comes back: the bricks run, one of them was killed meanwhile.
func TestSupervisorAdopts(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1", "b2")
	run, err := p.bricks.StartAll(t.Context(), specs)
	if err != nil {
		t.Fatal(err)
	}
	proc, _ := p.bricks.Process(specs[1])
	if err := syscall.Kill(run[1].Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-proc.Done()
	p.Stop()
	if err := p.bricks.Close(); err != nil {
		t.Fatal(err)
	}
	p.Serve(t)
	p.bricks = p.newHost()
	sup, _ := supervise(t, p, never)
	sup.SetDesired(specs)
	st := settle(t, sup, "adoption", runs)
	if st[0].Pid != run[0].Pid || st[0].Starts != 0 {
		t.Errorf("the living brick was replaced: %+v, was %d", st[0], run[0].Pid)
	}
	if st[1].Pid == run[1].Pid || st[1].Starts != 1 {
		t.Errorf("the dead brick did not come back: %+v", st[1])
	}
	for _, s := range specs {
		if _, err := p.Ports.Wait(t.Context(), s.Path); err != nil {
			t.Error(err)
		}
	}
}

func TestSupervisorLeavesAlone(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1")
	var locked atomic.Bool
	sup, _ := supervise(t, p, func(string) bool { return locked.Load() })
	sup.SetDesired(specs)
	first := settle(t, sup, "first start", runs)
	proc, ok := p.bricks.Process(specs[0])
	if !ok {
		t.Fatal("no process")
	}
	// A brick that is stopped on purpose stays stopped, whatever Skip says, until it is desired anew.
	if err := p.bricks.Stop(t.Context(), specs[0]); err != nil {
		t.Fatal(err)
	}
	<-proc.Done()
	wait := time.After(1500 * time.Millisecond) // longer than the supervisor's look every second
	select {
	case <-wait:
	case <-t.Context().Done():
	}
	if _, ok := p.bricks.Process(specs[0]); ok {
		t.Error("a brick that was stopped came back")
	}
	locked.Store(true)
	sup.SetDesired(specs)
	locked.Store(false)
	sup.SetDesired(specs)
	settle(t, sup, "start anew", func(s brick.State) bool { return runs(s) && s.Pid != first[0].Pid })
}

func TestSupervisorEndsAndStraysStop(t *testing.T) {
	p := newPeer(t)
	_, specs := p.add(t, "gv0", "b1", "b2")
	sup, end := supervise(t, p, never)
	sup.SetDesired(specs)
	settle(t, sup, "first start", runs)
	end()
	for _, s := range specs {
		if _, ok := p.bricks.Process(s); !ok {
			t.Errorf("brick %s ended with its supervisor", s)
		}
	}
	gone, err := p.bricks.StopStray(t.Context(), specs[:1])
	if err != nil || len(gone) != 1 || gone[0] != specs[1] {
		t.Errorf("StopStray = %v, %v", gone, err)
	}
	if _, ok := p.bricks.Process(specs[0]); !ok {
		t.Error("a brick that was to be kept was stopped")
	}
	if _, ok := p.bricks.Process(specs[1]); ok {
		t.Error("a stray brick runs")
	}
}
