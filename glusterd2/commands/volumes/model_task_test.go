package volumes

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// modelTask is a rebalance, or the removal of bricks.
type modelTask struct {
	kind   string
	peers  []string
	bricks []string // those that leave
	stop   bool
	// ran is how the processes on the peers have ended, known what the records say of that.
	ran, known map[string]volume.TaskStatus
}

func (t *modelTask) clone() *modelTask {
	if t == nil {
		return nil
	}
	c := *t
	c.ran, c.known = maps.Clone(t.ran), maps.Clone(t.known)
	return &c
}

// String is the task as the records have it.
func (t *modelTask) String() string {
	return fmt.Sprintf("%s of peers %v bricks %v stop %v results %v", t.kind, t.peers, t.bricks, t.stop, t.known)
}

func (t *modelTask) pending() bool { return t.kind == volume.TaskRemoveBrick && !t.stop }

func (t *modelTask) final() bool { return len(t.known) == len(t.peers) }

// good reports whether all files were moved.
func (t *modelTask) good() bool {
	return t.final() && !slices.ContainsFunc(slices.Collect(maps.Values(t.known)), func(s volume.TaskStatus) bool { return !s.OK() })
}

// busy reports whether a task works on the volume or, if pending, bricks wait for the end of their removal.
func (v modelVolume) busy(pending bool) bool {
	return v.task != nil && (!v.task.final() || pending && v.task.pending())
}

// settle lets the peers that are there do their part of all tasks.
func (w *world) settle() {
	for _, v := range w.volumes {
		if v.task == nil {
			continue
		}
		for _, id := range v.task.peers {
			status, ended := v.task.ran[id]
			switch _, known := v.task.known[id]; {
			case known || !w.up[id]:
			case ended:
				v.task.known[id] = status
			case v.task.stop:
				v.task.known[id] = volume.TaskStopped
			}
		}
	}
}

// moveDeed starts a rebalance, or the removal of bricks of which the files are moved first.
type moveDeed struct {
	about
	option  string   // of a rebalance
	bricks  []string // none for a rebalance
	replica int
	// fails is a peer on which no process starts.
	fails string
}

func (d moveDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	task := &modelTask{kind: volume.TaskRebalance, ran: map[string]volume.TaskStatus{}, known: map[string]volume.TaskStatus{}}
	task.peers = brickPeers(v.bricks)
	var gone []modelBrick
	switch {
	case refused != nil:
		return refused
	case d.bricks == nil && len(v.sets()) < 2:
		return only(api.State)
	case d.bricks != nil:
		n, out, refused := v.without(d.replica, d.bricks)
		if refused == nil && n.width < v.width {
			refused = only(api.Invalid)
		}
		if refused != nil {
			return refused
		}
		gone, task.kind, task.bricks, task.peers = out, volume.TaskRemoveBrick, d.bricks, brickPeers(out)
	}
	switch {
	case v.state != volume.Started, v.busy(true):
		return only(api.State)
	case !w.allUp(brickPeers(v.bricks)):
		return only(api.Unavailable)
	case !w.allServed(v):
		return only(api.State)
	}
	v.leave(gone)
	v.task = task
	w.volumes[d.name] = v
	if slices.Contains(task.peers, d.fails) {
		task.ran[d.fails] = volume.TaskFailed
		return only(api.State)
	}
	return only(ok)
}

// allServed reports whether each subvolume has enough bricks.
func (w *world) allServed(v modelVolume) bool {
	return !slices.ContainsFunc(v.sets(), func(set []modelBrick) bool {
		n := 0
		for _, b := range set {
			if w.serves(b) {
				n++
			}
		}
		return !v.serves(n)
	})
}

// leave marks exactly these bricks as leaving.
func (v modelVolume) leave(bricks []modelBrick) {
	for i := range v.bricks {
		v.bricks[i].leaving = slices.ContainsFunc(bricks, func(b modelBrick) bool { return b.at == v.bricks[i].at })
	}
}

func (d moveDeed) do(ctx context.Context, r *modelRig, via string) (err error) {
	if d.fails != "" {
		r.movers[d.fails].fail(true)
		defer r.movers[d.fails].fail(false)
	}
	if d.bricks == nil {
		_, err = r.c[via].RebalanceStart(ctx, d.name, api.RebalanceStartReq{Option: d.option})
	} else {
		_, err = r.c[via].ShrinkStart(ctx, d.name, api.VolumeShrinkReq{ReplicaCount: d.replica, Bricks: shrinkDeed{bricks: d.bricks}.reqs()})
	}
	if err != nil && len(api.AsError(err).Causes) > 0 {
		r.alone[fmt.Sprint(api.AsError(err).Fields["task"])] = true
	}
	return err
}

// haltDeed stops a rebalance or the removal of bricks, whichever is meant.
type haltDeed struct {
	about
	kind string
}

func (d haltDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	switch {
	case refused != nil:
		return refused
	case v.task == nil || v.task.kind != d.kind,
		d.kind == volume.TaskRebalance && v.task.final(),
		d.kind == volume.TaskRemoveBrick && !v.task.pending():
		return only(api.State)
	}
	v.task.stop = true
	v.leave(nil)
	return only(ok)
}

func (d haltDeed) do(ctx context.Context, r *modelRig, via string) (err error) {
	if d.kind == volume.TaskRebalance {
		_, err = r.c[via].RebalanceStop(ctx, d.name)
	} else {
		_, err = r.c[via].ShrinkStop(ctx, d.name, api.VolumeShrinkReq{})
	}
	return err
}

// leftDeed removes the bricks whose files were moved.
type leftDeed struct {
	about
	mishap
}

func (d leftDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	switch {
	case refused != nil:
		return refused
	case v.task == nil || !v.task.pending() || !v.task.good():
		return only(api.State)
	}
	n, gone, refused := v.without(0, v.task.bricks)
	switch {
	case refused != nil:
		return refused
	case !w.allUp(brickPeers(gone)):
		return only(api.Unavailable)
	case d.hits(checkEmpty, brickPeers(gone)...):
		return only(api.Internal)
	}
	n.task = nil
	w.give(gone, never)
	w.volumes[d.name] = n
	return only(ok)
}

func (d leftDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].ShrinkCommit(ctx, d.name, api.VolumeShrinkReq{})
	return err
}

// seen asks for the status of the task of a volume: what it says is what the model knows.
func (m *machine) seen(v modelVolume, got api.RebalanceStatus) string {
	if len(got.Nodes) != len(v.task.peers) {
		return fmt.Sprintf("%d parts, want %d", len(got.Nodes), len(v.task.peers))
	}
	for _, n := range got.Nodes {
		want := volume.TaskRuns
		if status, known := v.task.known[n.PeerID]; known {
			want = status
		}
		if there := m.want.up[n.PeerID]; there && n.Status != want.String() {
			return fmt.Sprintf("peer %s is %s, want %s", n.PeerID, n.Status, want)
		}
	}
	return ""
}
