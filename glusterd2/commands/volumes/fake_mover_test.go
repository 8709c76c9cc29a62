package volumes

import (
	"context"
	"encoding/json"
	"sync"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/rebalance"
	"gd2/glusterd2/volume"
)

// fakeMover is the rebalance processes of a peer: they run until they are told to end.
type fakeMover struct {
	changed chan struct{}
	mu      sync.Mutex
	runs    map[string]volume.TaskResult // by task
	fails   bool
}

var _ Mover = (*fakeMover)(nil)

func newFakeMover() *fakeMover {
	return &fakeMover{changed: make(chan struct{}, 1), runs: map[string]volume.TaskResult{}}
}

func (m *fakeMover) set(run rebalance.Run, status volume.TaskStatus) (volume.TaskResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if res, ok := m.runs[run.Task.ID]; ok && (status == volume.TaskRuns || res.Status.Final()) {
		return res, nil
	}
	res := volume.TaskResult{Task: run.Task.ID, Status: status, Files: 7, RunTime: 30, TimeLeft: 10}
	if m.fails {
		res.Status, res.Error = volume.TaskFailed, "no process for you"
	}
	m.runs[run.Task.ID] = res
	return res, nil
}

func (m *fakeMover) Ensure(_ context.Context, run rebalance.Run) (volume.TaskResult, error) {
	return m.set(run, volume.TaskRuns)
}

func (m *fakeMover) Stop(_ context.Context, run rebalance.Run) (volume.TaskResult, error) {
	return m.set(run, volume.TaskStopped)
}

func (m *fakeMover) Figures(_ context.Context, run rebalance.Run) (volume.TaskResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runs[run.Task.ID], nil
}

func (m *fakeMover) Changed() <-chan struct{} { return m.changed }

// end ends the runs with a status.
func (m *fakeMover) end(status volume.TaskStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, res := range m.runs {
		if !res.Status.Final() {
			res.Status = status
			m.runs[id] = res
		}
	}
	select {
	case m.changed <- struct{}{}:
	default: // it has been said, or the daemon does not run
	}
}

// fail makes runs fail that begin, or no more.
func (m *fakeMover) fail(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = on
}

// status is how a run stands.
func (m *fakeMover) status(task string) volume.TaskStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runs[task].Status
}

// running counts the runs that have not ended.
func (m *fakeMover) running() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, res := range m.runs {
		if !res.Status.Final() {
			n++
		}
	}
	return n
}

// movers gives every peer of a rig a fake mover, and keepers that do the tasks until the test ends.
func (r *rig) movers() map[string]*fakeMover {
	out := map[string]*fakeMover{}
	askers := map[string]*ask.Asker{}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for id, c := range r.peers {
		m := newFakeMover()
		cfg := c.Config
		cfg.Mover = m
		cfg.Asker = ask.New(ask.Config{PeerID: id, Store: r.store, Call: func(ctx context.Context, peerID string, req ask.Request) (json.RawMessage, error) {
			return askers[peerID].Serve(ctx, req)
		}})
		out[id], askers[id], r.peers[id] = m, cfg.Asker, New(cfg)
		k := &TaskKeeper{Store: r.pool.Store(id), Mover: m, PeerID: id, Log: cfg.Log}
		wg.Go(func() { _ = k.Run(ctx) })
	}
	r.c = r.peers["p1"]
	r.t.Cleanup(func() { cancel(); wg.Wait() })
	return out
}

// rebalanced waits until a task of a volume is in a state.
func (r *rig) rebalanced(name string, want volume.TaskStatus) {
	r.t.Helper()
	changed, stop := r.store.Subscribe(volume.TaskResults.Prefix())
	defer stop()
	for {
		_, state, ok, err := volume.FindTask(r.store, name)
		if err != nil || !ok {
			r.t.Fatal(ok, err)
		}
		if state == want {
			return
		}
		select {
		case <-changed:
		case <-r.t.Context().Done():
			r.t.Fatalf("the task is %s", state)
		}
	}
}
