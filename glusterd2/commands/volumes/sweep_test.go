package volumes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// Every operation on volumes, proved by the harness.
func TestSweep(t *testing.T) {
	s := &subjects{hosts: newFakeHosts(), table: table(t)}
	cfg := transactiontest.Config{Registry: func(peerID string) *transaction.Registry {
		r := transaction.NewRegistry()
		Register(r, fakeHost{s.hosts, peerID})
		return r
	}}
	transactiontest.Sweep(t, cfg, map[string]transactiontest.Case{
		"volume.create@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.subject(pool, n, createPlan(s.planned(t, pool, n)).Erase())
		},
		"volume.provision@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			s.hosts.forget(name(n)) // those of other operations
			return s.subject(pool, n, createPlan(s.planned(t, pool, n)).Erase())
		},
		"volume.discard@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.subject(pool, n, removePlan(s.made(t, pool, n, volume.Started), pool.Peers(), nil, TaskRecords{}).Erase())
		},
		"volume.adopt@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			n += 1000 // what is adopted keeps its marks: no other operation may come upon them
			rec, st := s.volume(t, pool, n, volume.Stopped), pool.Store("p1")
			commit(t, st, func() []store.Write { return []store.Write{volume.Records.Delete(rec.ID, rec.Revision)} })
			p, err := New(Config{Store: st, Table: s.table, PeerID: "p1"}).planAdopt(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			return s.subject(pool, n, adoptPlan(p).Erase())
		},
		"volume.start@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.subject(pool, n, startPlan(s.volume(t, pool, n, volume.Created), pool.Peers(), false).Erase())
		},
		"volume.stop@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.subject(pool, n, stopPlan(s.volume(t, pool, n, volume.Started), pool.Peers()).Erase())
		},
		"volume.delete@2": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.subject(pool, n, removePlan(s.volume(t, pool, n, volume.Stopped), pool.Peers()[:2], pool.Peers()[2:], TaskRecords{}).Erase())
		},
		"volume.destroy@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.subject(pool, n, removePlan(s.made(t, pool, n, volume.Stopped), pool.Peers(), nil, TaskRecords{}).Erase())
		},
		"volume.rename@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec, st := s.volume(t, pool, n, volume.Stopped), pool.Store("p1")
			commit(t, st, func() []store.Write {
				return []store.Write{volume.Tasks.Create(rec.ID, &volume.Task{ID: "t", Peers: []string{"p1"}}),
					volume.TaskResults.Create(volume.TaskResultID(rec.ID, "p1"), &volume.TaskResult{Task: "t"})}
			})
			task, err := endedTask(st, rec.ID)
			if err != nil {
				t.Fatal(err)
			}
			subject := s.subject(pool, n, renamePlan(rec, name(n)+"-new", task).Erase())
			world := subject.World
			subject.World = func() string {
				_, _, left, err := volume.FindTask(st, rec.ID)
				_, state, moved, err2 := volume.FindTask(st, name(n)+"-new")
				return world() + "\nrenamed: " + strings.ReplaceAll(recordText(st, name(n)+"-new"), name(n), "VOLUME") + fmt.Sprint(left, err, state, moved, err2)
			}
			return subject
		},
		"volume.edit@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			changed := *rec.Value
			changed.Options = map[string]string{"cluster.self-heal-daemon": "off"}
			return s.subject(pool, n, editPlan(rec, &changed).Erase())
		},
		"volume.expand@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			req := api.VolumeExpandReq{ReplicaCount: rec.Value.Shape().Replica + 1, Force: true}
			for i, sub := range rec.Value.Subvols {
				req.Bricks = append(req.Bricks, api.BrickReq{PeerID: sub.Bricks[0].PeerID, Path: fmt.Sprintf("/bricks/%s/more/%d", name(n), i)})
			}
			p, err := New(Config{Store: pool.Store("p1"), Table: s.table, PeerID: "p1"}).planExpand(rec, req)
			if err != nil {
				t.Fatal(err)
			}
			return s.subject(pool, n, expandPlan(rec, p).Erase())
		},
		"volume.grow@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			p := growParams{Revision: rec.Revision, Bricks: rec.Value.Bricks()}
			for i := range p.Bricks {
				p.Bricks[i].Size = 7
			}
			p.Volume = rec.Value.On(p.Bricks)
			return s.subject(pool, n, growPlan(rec, p).Erase())
		},
		"volume.replace-brick@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			old := rec.Value.Subvols[0].Bricks[2]
			p := newReplace(rec, Allow{}, old)
			p.Source = []string{old.PeerID}
			p.put(old.Replacement(volume.Placed{PeerID: "p2", Path: "/bricks/" + name(n) + "/other"}, "new"), rec.Value)
			return s.subject(pool, n, replacePlan(rec, p).Erase())
		},
		"volume.reset-brick@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			p := planReset(rec, rec.Value.Subvols[0].Bricks[1])
			return s.subject(pool, n, resetPlan(rec, p, []string{p.Brick.PeerID}).Erase())
		},
		"volume.task@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			p := taskParams{Volume: rec.ID, Task: &volume.Task{ID: "t", Kind: volume.TaskRebalance, Command: volume.MoveFiles, Peers: pool.Peers()}}
			return transactiontest.Subject{Plan: onVolume(rec, nil, p).Erase(), World: func() string {
				task, ok, err := volume.Tasks.Get(pool.Store("p1"), rec.ID)
				return fmt.Sprint(ok, err, ok && task.Value.Stop)
			}}
		},
		"volume.leave@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			leaving := rec.Value.Leave(ids(rec.Value.Subvols[1].Bricks))
			task := taskParams{Volume: rec.ID, Task: &volume.Task{ID: "t", Kind: volume.TaskRemoveBrick, Peers: pool.Peers(), Bricks: ids(rec.Value.Subvols[1].Bricks)}}
			return transactiontest.Subject{
				Plan: onVolume(rec, nil, leaveParams{Volume: leaving, Revision: rec.Revision, Task: task}).Erase(),
				World: func() string {
					_, ok, err := volume.Tasks.Get(pool.Store("p1"), rec.ID)
					now, ferr := Find(pool.Store("p1"), rec.ID)
					return fmt.Sprint(ok, err, ferr, ferr == nil && now.Value.Subvols[1].Leaving())
				},
			}
		},
		"volume.shrink@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec := s.volume(t, pool, n, volume.Started)
			p := shrinkParams{Revision: rec.Revision, Check: checkEmpty, On: pool.Peers()}
			var err error
			if p.Volume, p.Removed, err = rec.Value.Shrink(0, ids(rec.Value.Subvols[1].Bricks)); err != nil {
				t.Fatal(err)
			}
			return s.subject(pool, n, shrinkPlan(rec, p).Erase())
		},
		"group.create@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			return s.group(pool, n, groupPlan(api.OptionGroup{Name: name(n)}).Erase())
		},
		"group.delete@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			st := pool.Store("p1")
			commit(t, st, func() []store.Write {
				return []store.Write{GroupRecords.Create(name(n), api.OptionGroup{Name: name(n)})}
			})
			rec, _, err := GroupRecords.Get(st, name(n))
			if err != nil {
				t.Fatal(err)
			}
			return s.group(pool, n, ungroupPlan(rec).Erase())
		},
		"cluster.options@1": s.pool,
		"volume.forget-limits@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			rec, st := s.volume(t, pool, n, volume.Stopped), pool.Store("p1")
			kind := volume.Limits(rec.Value.ID)
			commit(t, st, func() []store.Write { return []store.Write{kind.Create("g", volume.Limit{GFID: "g"})} })
			limits, err := kind.List(st)
			if err != nil {
				t.Fatal(err)
			}
			return transactiontest.Subject{Plan: forgetPlan(rec, limits).Erase(), World: func() string {
				limits, err := kind.List(pool.Store("p1"))
				return fmt.Sprint(len(limits), err)
			}}
		},
	})
}

// subjects makes what the operations work on.
type subjects struct {
	hosts *fakeHosts
	table *xlator.Table
}

func table(t testing.TB) *xlator.Table {
	t.Helper()
	tbl, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// name is that of the n-th volume or group. It ends with a mark, so that none is the beginning of another.
func name(n int) string { return fmt.Sprintf("v%dx", n) }

// planned plans the n-th volume, with two bricks on each peer.
func (s *subjects) planned(t testing.TB, pool *transactiontest.Pool, n int) createParams {
	t.Helper()
	return plan(t, s.table, pool, name(n), "/bricks/"+name(n), api.VolumeCreateReq{})
}

func plan(t testing.TB, tbl *xlator.Table, pool *transactiontest.Pool, name, dir string, req api.VolumeCreateReq) createParams {
	t.Helper()
	st := pool.Store("p1")
	addPeers(t, st, pool.Peers()...)
	req.Name = name
	for i := range 2 {
		sub := api.SubvolReq{ReplicaCount: len(pool.Peers())}
		for _, p := range pool.Peers() {
			sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: p, Path: filepath.Join(dir, p, "data", fmt.Sprint(i))})
		}
		req.Subvols = append(req.Subvols, sub)
	}
	params, err := New(Config{Store: st, Table: tbl, PeerID: "p1"}).planCreate(req)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// volume makes the n-th volume, in a state.
func (s *subjects) volume(t testing.TB, pool *transactiontest.Pool, n int, state volume.State) store.Record[*volume.Volume] {
	t.Helper()
	v := s.planned(t, pool, n).Volume
	v.State = state
	s.hosts.forget(name(n))
	for _, b := range v.Bricks() {
		s.hosts.mu.Lock()
		s.hosts.bricks[b.PeerID+" "+b.Path] = fakeBrick{owner: v.ID, mark: v.ID, running: state == volume.Started}
		s.hosts.mu.Unlock()
	}
	st := pool.Store("p1")
	commit(t, st, func() []store.Write { return []store.Write{volume.Records.Create(v.Name, v)} })
	rec, err := Find(st, v.Name)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// made is the n-th volume, in a state, of bricks that gd2 has made.
func (s *subjects) made(t testing.TB, pool *transactiontest.Pool, n int, state volume.State) store.Record[*volume.Volume] {
	t.Helper()
	rec := s.volume(t, pool, n, state)
	v := *rec.Value
	v.Subvols = slices.Clone(v.Subvols)
	for i := range v.Subvols {
		v.Subvols[i].Bricks = slices.Clone(v.Subvols[i].Bricks)
		for j := range v.Subvols[i].Bricks {
			v.Subvols[i].Bricks[j].Device = "d"
		}
	}
	st := pool.Store("p1")
	commit(t, st, func() []store.Write { return []store.Write{volume.Records.Update(v.Name, &v, rec.Revision)} })
	rec, err := Find(st, v.Name)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// subject is an operation on the n-th volume: its world is the hosts' bricks and the record.
func (s *subjects) subject(pool *transactiontest.Pool, n int, plan transaction.Plan[any]) transactiontest.Subject {
	return transactiontest.Subject{Plan: plan, World: func() string {
		text := s.hosts.text(name(n)) + "\nrecord: " + recordText(pool.Store("p1"), name(n))
		return strings.ReplaceAll(text, name(n), "VOLUME")
	}}
}

func recordText(r store.Reader, name string) string {
	rec, ok, err := volume.Records.Get(r, name)
	if !ok || err != nil {
		return fmt.Sprint("none ", err)
	}
	var bricks []string
	for b := range rec.Value.All() {
		bricks = append(bricks, fmt.Sprintf("%s:%s %v %d", b.PeerID, b.Path, b.Reset, b.Size))
	}
	return fmt.Sprintf("%s %s %v %v", rec.Value.Name, rec.Value.State, bricks, rec.Value.Options)
}

func (s *subjects) group(pool *transactiontest.Pool, n int, plan transaction.Plan[any]) transactiontest.Subject {
	return transactiontest.Subject{Plan: plan, World: func() string {
		_, ok, err := GroupRecords.Get(pool.Store("p1"), name(n))
		return fmt.Sprint(ok, err)
	}}
}

// pool is a change of the pool's options, of which there is one record only.
func (s *subjects) pool(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
	st := pool.Store("p1")
	if err := st.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, _, err := PoolOptions.Get(st, poolID)
	if err != nil {
		t.Fatal(err)
	}
	return transactiontest.Subject{
		Plan: poolPlan(rec, map[string]string{"n": name(n)}).Erase(),
		World: func() string {
			options, err := ReadPoolOptions(st)
			return fmt.Sprint(options["n"] == name(n), err)
		},
	}
}

// The creation of a volume on real directories, with their extended attributes: needs root.
func TestSweepRealBricks(t *testing.T) {
	root, tbl := t.TempDir(), table(t)
	stores := map[string]func() store.Reader{}
	cfg := transactiontest.Config{Registry: func(peerID string) *transaction.Registry {
		r := transaction.NewRegistry()
		// The pool makes the store after the first registry; the steps look for it when they run.
		transaction.Register(r, createOperation(lateHost{peerID: peerID, stores: stores}))
		return r
	}}
	transactiontest.Sweep(t, cfg, map[string]transactiontest.Case{
		"volume.create@1": func(t testing.TB, pool *transactiontest.Pool, n int) transactiontest.Subject {
			for _, p := range pool.Peers() {
				stores[p] = func() store.Reader { return pool.Store(p) }
			}
			dir := filepath.Join(root, name(n))
			for _, p := range pool.Peers() {
				if err := os.MkdirAll(filepath.Join(dir, p), 0o755); err != nil { // each peer has a disk of its own
					t.Fatal(err)
				}
			}
			req := api.VolumeCreateReq{Force: true, Flags: map[string]bool{api.FlagCreateBrickDir: true}}
			plan := createPlan(plan(t, tbl, pool, name(n), dir, req))
			return transactiontest.Subject{Plan: plan.Erase(), World: func() string {
				text := tree(t, dir) + recordText(pool.Store("p1"), name(n))
				return strings.NewReplacer(name(n), "VOLUME", plan.Params.Volume.ID, "ID").Replace(text)
			}}
		},
	})
}
