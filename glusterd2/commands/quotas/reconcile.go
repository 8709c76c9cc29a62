package quotas

import (
	"context"
	"maps"
	"slices"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/volume"
	"gd2/store"
)

// limited are the started volumes that have quotas, by name. There may be very many others.
var limited = store.View[*volume.Volume, map[string]*volume.Volume]{
	Kind: volume.Records,
	New:  func() map[string]*volume.Volume { return map[string]*volume.Volume{} },
	Put: func(list map[string]*volume.Volume, rec store.Record[*volume.Volume]) {
		if v := rec.Value; v.HasQuota() && v.State == volume.Started {
			list[rec.ID] = v
		}
	},
	Drop: func(list map[string]*volume.Volume, rec store.Record[*volume.Volume]) { delete(list, rec.ID) },
}

// Volumes returns the started volumes that have quotas and bricks on a peer, in the order of their names; none if there are
// volumes that cannot be read.
func Volumes(r store.Reader, peerID string) (out []*volume.Volume) {
	err := limited.Read(r, func(list map[string]*volume.Volume) {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			if v := list[name]; len(v.BricksOn(peerID)) > 0 {
				out = append(out, v)
			}
		}
	})
	if err != nil {
		return nil
	}
	return out
}

// Reconciler keeps this host's quota daemon and crawls as the records want them.
type Reconciler struct {
	PeerID  string
	Store   *store.Store
	Daemon  *quota.Daemon
	Crawler *quota.Crawler
	// Spec returns the volfile of the quota daemon for volumes.
	Spec func([]*volume.Volume) string
	Log  *logrus.Entry
}

// Run reconciles until the context ends.
func (r *Reconciler) Run(ctx context.Context) {
	changed, stop := r.Store.Subscribe(store.PrefixVolumes, store.PrefixPeers, store.PrefixOptions)
	defer stop()
	select {
	case <-r.Store.Loaded():
	case <-ctx.Done():
		return
	}
	ready := r.Store.Ready()
	for {
		r.once()
		select {
		case <-changed:
		case <-ready:
			ready = nil // what was done by the last known records is compared with the present ones
		case <-ctx.Done():
			return
		}
	}
}

func (r *Reconciler) once() {
	list := Volumes(r.Store, r.PeerID)
	if len(list) == 0 && r.Store.Stale() {
		return // old records are no reason to stop anything
	}
	r.Daemon.SetDesired(r.Spec(list))
	host := peer.Hosts(r.Store)(r.PeerID)
	var targets []quota.Target
	for _, v := range list {
		for _, b := range v.BricksOn(r.PeerID) {
			targets = append(targets, quota.Target{VolumeID: v.ID, VolumeName: v.Name, Version: v.QuotaVersion, Host: host, Brick: b})
		}
	}
	r.Crawler.SetDesired(targets)
}

// Finish brings the limits to a brick that came after they were set: through a mount, so that directories that the brick
// does not have yet are made. It is done again if limits changed meanwhile, so that none is set that was just replaced.
func Finish(r store.Reader, host Host) func(ctx context.Context, t quota.Target) error {
	return func(ctx context.Context, t quota.Target) error {
		for {
			before, err := volume.Limits(t.VolumeID).List(r)
			if err != nil || len(before) == 0 {
				return err
			}
			limits := make([]volume.Limit, len(before))
			for i, rec := range before {
				limits[i] = rec.Value
			}
			if err := host.Apply(ctx, t.VolumeName, limits); err != nil {
				return err
			}
			after, err := volume.Limits(t.VolumeID).List(r)
			if err != nil || slices.EqualFunc(before, after, func(a, b store.Record[volume.Limit]) bool { return a.Revision == b.Revision }) {
				return err
			}
		}
	}
}
