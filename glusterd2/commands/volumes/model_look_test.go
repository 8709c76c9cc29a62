package volumes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// do carries a deed out through a peer.
func (r *modelRig) do(ctx context.Context, via string, d deed) error {
	if f, is := d.(interface{ fault() mishap }); is && f.fault().peer != "" {
		m := f.fault()
		r.hosts.setFail(m.peer, m.call, api.Errorf(api.Internal, "the disk of %s is on fire", m.peer))
		defer r.hosts.setFail(m.peer, m.call, nil)
	}
	return d.do(ctx, r, via)
}

// dying does something through a peer whose engine dies after its n-th event, and reports whether it has come to that.
func (r *modelRig) dying(id string, n int, do func() error) (died bool, err error) {
	events := make(chan struct{}, n)
	r.pool.Hook(func(peerID string, _ transaction.Event) error {
		if peerID != id {
			return nil
		}
		select {
		case events <- struct{}{}:
		default:
			return transaction.ErrKilled
		}
		if len(events) == n {
			return transaction.ErrKilled
		}
		return nil
	})
	defer r.pool.Hook(nil)
	err = do()
	return len(events) == n, err
}

// until waits until nothing is left to wait for.
func (r *modelRig) until(rt *rapid.T, left func() string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), transactiontest.Patience)
	defer cancel()
	changed, stop := r.store.Subscribe(store.PrefixTransactions, volume.Tasks.Prefix(), volume.TaskResults.Prefix())
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := r.store.Sync(r.t.Context()); err != nil {
			rt.Fatal(err)
		}
		why := left()
		if why == "" {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			rt.Fatalf("the pool does not come to rest: %s", why)
		}
	}
}

// adopted waits until a peer whose daemon has died has no transaction any more.
func (r *modelRig) adopted(rt *rapid.T, id string) {
	r.until(rt, func() string {
		e := r.pool.Engine(modelIDs[0])
		for _, p := range e.Pending() {
			if op, err := e.Get(p.ID); err == nil && op.Coordinator == id {
				return fmt.Sprintf("nobody takes over %+v", op)
			}
		}
		return ""
	})
}

// quiet waits until nothing happens any more by itself, and returns the world.
func (r *modelRig) quiet(rt *rapid.T) world {
	r.until(rt, r.unrest)
	return r.look()
}

// unrest says what happens still. What moves files does so until it is ended, and the operation that follows it goes on.
func (r *modelRig) unrest() string {
	tasks, err := volume.Tasks.List(r.store)
	if err != nil {
		return err.Error()
	}
	followed := 0
	for _, rec := range tasks {
		results, err := rec.Value.Results(r.store, rec.ID)
		if err != nil {
			return err.Error()
		}
		if !rec.Value.State(results).Final() && !r.alone[rec.Value.ID] {
			followed++
		}
		for _, id := range rec.Value.Peers {
			if r.pool.Engine(id) == nil || results[id] != nil {
				continue
			}
			if run := r.movers[id].status(rec.Value.ID); run != volume.TaskRuns || rec.Value.Stop {
				return fmt.Sprintf("peer %s has yet to do its part of the task %+v: %s", id, rec.Value, run)
			}
		}
	}
	pending := r.pool.Engine(modelIDs[0]).Pending()
	follows := func(p api.TransactionRef) bool {
		return p.Operation == "volume.rebalance" || p.Operation == "volume.remove-brick"
	}
	if len(pending) > followed || slices.ContainsFunc(pending, func(p api.TransactionRef) bool { return !follows(p) }) {
		return fmt.Sprintf("transactions are left: %+v, tasks: %d", pending, followed)
	}
	return ""
}

// look is the world as the records and the hosts have it.
func (r *modelRig) look() world {
	r.t.Helper()
	w := world{peers: map[string]modelPeer{}, volumes: map[string]modelVolume{}, hosts: map[string]modelDir{}, groups: map[string]bool{},
		debts: map[string]uint64{}}
	recs, err := volume.Records.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	names := map[string]string{}
	for _, rec := range recs {
		names[rec.Value.ID] = rec.ID
		w.volumes[rec.ID] = r.lookAt(rec.Value)
	}
	r.lookAround(&w)
	r.lookAtDevices(&w)
	limits, err := volume.AllLimits.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range limits {
		if id, _ := volume.LimitID(rec.ID); names[id] == "" {
			r.t.Fatalf("the limit %s is of no volume", rec.ID)
		}
	}
	r.hosts.mu.Lock()
	defer r.hosts.mu.Unlock()
	for at, b := range r.hosts.bricks {
		dir := modelDir{owner: leftOver, running: b.running, dirty: b.dirty, blames: len(b.blames) > 0}
		if name, there := names[b.owner]; there {
			dir.owner = name
		}
		w.hosts[at] = dir
	}
	return w
}

// lookAt is a volume as the records have it.
func (r *modelRig) lookAt(v *volume.Volume) modelVolume {
	r.t.Helper()
	shape := v.Shape()
	m := modelVolume{modelShape: modelShape{max(shape.Replica, shape.Disperse, 1), shape.Arbiter > 0, shape.Redundancy}, state: v.State, options: v.Options, metadata: v.Metadata,
		limits: map[string]modelLimit{}, capacity: v.Capacity}
	for b := range v.All() {
		at := b.PeerID + " " + b.Path
		r.bricks[b.ID] = at
		m.bricks = append(m.bricks, modelBrick{at: at, reset: b.Reset, leaving: b.Leaving, size: b.Size})
	}
	r.lookAtLimits(v, m.limits)
	task, _, there, err := volume.FindTask(r.store, v.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	if !there {
		return m
	}
	m.task = &modelTask{kind: task.Value.Kind, peers: task.Value.Peers, stop: task.Value.Stop, known: map[string]volume.TaskStatus{}}
	for _, id := range task.Value.Bricks {
		m.task.bricks = append(m.task.bricks, r.bricks[id])
	}
	results, err := task.Value.Results(r.store, v.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	for id, res := range results {
		m.task.known[id] = res.Status
	}
	return m
}

// lookAtLimits reads the limits of a volume. The hosts must have the same.
func (r *modelRig) lookAtLimits(v *volume.Volume, out map[string]modelLimit) {
	r.t.Helper()
	recs, err := volume.Limits(v.ID).List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	records := map[string][]*volume.Bound{}
	for _, rec := range recs {
		var l modelLimit
		if b := rec.Value.Usage; b != nil {
			l.usage = b.Hard
		}
		if b := rec.Value.Objects; b != nil {
			l.objects = b.Hard
		}
		out[rec.Value.Path], records[rec.Value.Path] = l, []*volume.Bound{rec.Value.Usage, rec.Value.Objects}
	}
	for _, path := range modelDirs() {
		want := records[path]
		if want == nil {
			want = make([]*volume.Bound, 2)
		}
		raw, _ := json.Marshal(want)
		if got := r.maker.OnHost(v.ID, path); got != string(raw) {
			r.t.Fatalf("volume %s has the limit %s on %s, and its host %s", v.Name, raw, path, got)
		}
	}
}

// lookAround takes in what is of the pool.
func (r *modelRig) lookAround(w *world) {
	r.t.Helper()
	members, err := peer.Records.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range members {
		w.peers[rec.ID] = modelPeer{zone: rec.Value.Metadata[api.ZoneKey]}
	}
	groups, err := GroupRecords.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range groups {
		w.groups[rec.ID] = true
	}
	if w.pool, err = ReadPoolOptions(r.store); err != nil {
		r.t.Fatal(err)
	}
}
