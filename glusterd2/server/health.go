package server

import (
	"context"

	"gd2/glusterd2/health"
	"gd2/glusterd2/volume"
)

// watchHealth starts what records the faults of this peer and of the pool.
func (s *Server) watchHealth() {
	self := func() health.Self { return health.Self{ID: s.id.Peer().ID, Name: s.id.Peer().Name} }
	disks := &health.Disks{Self: self, List: s.disks, Room: health.StatRoom}
	s.goRun("room on the disks", disks.Run)
	orphans := &health.Orphans{Self: self, List: s.orphans}
	s.goRun("bricks that nobody has", orphans.Run)
	s.goRun("health", (&health.Watcher{
		Store: s.store, Log: s.log.Entry("health"),
		Sources: []health.Source{
			health.Bricks{Self: self, States: s.watch.States}, health.SelfHeal{Self: self, Condition: s.plane.SelfHeal.Condition}, disks, orphans,
			&health.Quorum{Self: self, Waiting: s.store.Waiting}, &health.Peers{Self: self, Store: s.store, Ours: s.foremost},
		},
	}).Run)
}

// orphans finds the bricks on this peer's devices that nothing knows of, while the store is well and no transaction runs.
func (s *Server) orphans(ctx context.Context) ([]health.Orphan, bool) {
	if s.store.Stale() || s.store.Waiting() != "" {
		return nil, false
	}
	found, ok, err := s.plane.Orphans(ctx, func() bool { return len(s.engine.Pending()) > 0 })
	var out []health.Orphan
	for _, o := range found {
		out = append(out, health.Orphan{Device: o.Device.Name, Brick: o.Brick})
	}
	return out, ok && err == nil
}

// disks are the file systems that this peer depends on: that of its own state, and those of the bricks that should run.
func (s *Server) disks() []health.Disk {
	out := []health.Disk{{Path: s.cfg.LocalStateDir}}
	recs, _ := volume.Records.List(s.store) // one that cannot be read has no bricks here that this version runs
	for _, rec := range recs {
		if rec.Value.State != volume.Started {
			continue
		}
		for _, b := range rec.Value.BricksOn(s.id.Peer().ID) {
			out = append(out, health.Disk{Path: b.Path, Volume: rec.Value.Name})
		}
	}
	return out
}
