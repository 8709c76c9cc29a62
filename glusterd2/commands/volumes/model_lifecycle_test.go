package volumes

import (
	"context"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

type startDeed struct {
	about
	mishap
	force bool
}

func (d startDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	peers := brickPeers(v.bricks)
	up := slices.DeleteFunc(peers, func(id string) bool { return !w.up[id] })
	switch {
	case refused != nil:
		return refused
	case v.state == volume.Started && !d.force:
		return only(api.State)
	case len(up) == 0:
		return only(api.Unavailable)
	}
	if d.hits("start", up...) && !d.force {
		w.run(v.bricks, false, "") // its undo: bricks of a volume that is not started do not run
		return only(api.Internal)
	}
	failing := ""
	if d.call == "start" {
		failing = d.peer
	}
	w.run(v.bricks, true, failing)
	v.state = volume.Started
	w.volumes[d.name] = v
	return only(ok)
}

func (d startDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Start(ctx, d.name, api.VolumeStartReq{ForceStartBricks: d.force})
	return err
}

type stopDeed struct {
	about
	mishap
	force bool
}

func (d stopDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	switch {
	case refused != nil:
		return refused
	case v.state != volume.Started, v.busy(false) && !d.force:
		return only(api.State)
	case w.up[d.peer] && d.hits("stop", brickPeers(v.bricks)...):
		w.run(v.bricks, true, "") // its undo: bricks of a started volume run
		return only(api.Internal)
	}
	w.run(v.bricks, false, "")
	v.state = volume.Stopped
	w.volumes[d.name] = v
	return only(ok)
}

func (d stopDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Stop(ctx, d.name, api.VolumeStopReq{Force: d.force})
	return err
}

type deleteDeed struct{ about }

func (d deleteDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	switch {
	case refused != nil:
		return refused
	case v.state == volume.Started, v.busy(false):
		return only(api.State)
	}
	w.run(v.bricks, false, "")
	w.give(v.bricks, func(id string) bool { return w.up[id] })
	w.bequeath(d.name, leftOver)
	delete(w.volumes, d.name)
	return only(ok)
}

// bequeath gives the directories of a volume, also those of bricks that were removed, another owner.
func (w *world) bequeath(from, to string) {
	for at, dir := range w.hosts {
		if dir.owner == from {
			dir.owner = to
			w.hosts[at] = dir
		}
	}
}

func (d deleteDeed) do(ctx context.Context, r *modelRig, via string) error {
	return r.c[via].Delete(ctx, d.name, true)
}

type renameDeed struct {
	about
	to string
}

func (d renameDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	_, taken := w.volumes[d.to]
	switch {
	case refused != nil:
		return refused
	case v.state == volume.Started, v.busy(true):
		return only(api.State)
	case d.to == d.name:
		return only(api.Invalid)
	case taken:
		return only(api.Exists)
	case !w.allUp(brickPeers(v.bricks)):
		return only(api.Unavailable)
	}
	w.run(v.bricks, false, "")
	w.bequeath(d.name, d.to)
	delete(w.volumes, d.name)
	w.volumes[d.to] = v
	return only(ok)
}

func (d renameDeed) do(ctx context.Context, r *modelRig, via string) error {
	_, err := r.c[via].Rename(ctx, d.name, api.VolumeRenameReq{Name: d.to})
	return err
}
