package volumes

import (
	"context"
	"slices"
	"sync"

	"gd2/glusterd2/backing"
	"gd2/glusterd2/brick"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// DataPlane is the Host of real bricks and the real self-heal daemon.
type DataPlane struct {
	PeerID   string
	Store    store.Reader
	OS       brick.OS
	Bricks   *brick.Host
	Locks    *brick.Locks
	SelfHeal *selfheal.Daemon
	Quorum   Quorum
	Repairer selfheal.Repairer
	// Tasks keeps what this peer knows of the tasks on volumes; nil keeps nothing.
	Tasks interface{ Forget(volumeName string) error }
	// RepairText returns the volfile for a Repairer.
	RepairText func(v *volume.Volume) string
	Quota      *quota.Daemon
	// Backing makes what bricks of a size stand on.
	Backing *backing.Host

	// real is where this peer's bricks really are.
	real brick.RealPaths
	// preparing makes checks and preparations of bricks take turns, so that two volumes cannot take one directory.
	preparing sync.Mutex
	// coming holds the bricks that are started for changes that are not committed yet, by volume name.
	comingMu sync.Mutex
	coming   map[string]*volume.Volume
}

var _ Host = (*DataPlane)(nil)

// checkPath checks the form of a brick's path, on the peer that plans.
func checkPath(volumeName, host string, b volume.Brick) error {
	return brick.CheckPath(brick.Where{VolumeName: volumeName, Host: host, PeerID: b.PeerID, Path: b.Path})
}

func (d *DataPlane) where(v *volume.Volume, b volume.Brick) brick.Where {
	return brick.Where{VolumeName: v.Name, Host: peer.Hosts(d.Store)(b.PeerID), PeerID: b.PeerID, Path: b.Path}
}

// Prepare implements Host. The volume's id marks what is made: it is chosen once and used by no other volume.
func (d *DataPlane) Prepare(ctx context.Context, v *volume.Volume, allow Allow) error {
	return d.PrepareAs(ctx, v, v.ID, allow)
}

// PrepareAs implements BrickHost.
func (d *DataPlane) PrepareAs(ctx context.Context, v *volume.Volume, mark string, allow Allow) error {
	if err := d.back(ctx, v); err != nil {
		return err
	}
	return d.prepare(ctx, d.OS, v, mark, allow)
}

func (d *DataPlane) prepare(ctx context.Context, sys brick.OS, v *volume.Volume, mark string, allow Allow) error {
	d.preparing.Lock()
	defer d.preparing.Unlock()
	known, err := volume.PathsOn(d.Store, d.PeerID, v)
	if err != nil {
		return err
	}
	grants := brick.AllowOf(allow.Flags, allow.Force)
	bricks := v.BricksOn(d.PeerID)
	for _, b := range bricks {
		req := brick.CheckReq{Where: d.where(v, b), VolumeID: v.ID, Mark: mark, Own: allow.Own, Known: known, Real: &d.real, Allow: grants}
		// Whoever made a directory of the root filesystem a device has allowed it.
		req.Allow.RootFilesystem = req.Allow.RootFilesystem || b.Device != ""
		if err := brick.Check(ctx, sys, req); err != nil {
			return err
		}
	}
	for _, b := range bricks {
		if err := brick.Prepare(ctx, sys, d.prepareReq(v, b, mark, grants.CreateParents)); err != nil {
			return err
		}
	}
	return nil
}

func (d *DataPlane) prepareReq(v *volume.Volume, b volume.Brick, mark string, parents bool) brick.PrepareReq {
	return brick.PrepareReq{Where: d.where(v, b), VolumeID: v.ID, Mark: mark, CreateParents: parents, GID: v.GID}
}

// Unprepare implements Host.
func (d *DataPlane) Unprepare(ctx context.Context, v *volume.Volume) error {
	return d.UnprepareAs(ctx, v, v.ID)
}

// UnprepareAs implements BrickHost.
func (d *DataPlane) UnprepareAs(ctx context.Context, v *volume.Volume, mark string) error {
	d.preparing.Lock()
	defer d.preparing.Unlock()
	named, _ := split(v)
	for _, b := range v.Part(named...).BricksOn(d.PeerID) {
		if err := brick.Unprepare(ctx, d.OS, d.prepareReq(v, b, mark, true)); err != nil {
			return err
		}
	}
	return d.unback(ctx, v) // a brick that gd2 makes is new: it goes with all that is on it
}

func (d *DataPlane) specs(v *volume.Volume) []brick.Spec {
	var out []brick.Spec
	for _, b := range v.BricksOn(d.PeerID) {
		out = append(out, brick.Spec{VolumeName: v.Name, Host: peer.Hosts(d.Store)(b.PeerID), Path: b.Path})
	}
	return out
}

// wanted are the bricks that run while the volume is started: those that are being reset are out of service.
func (d *DataPlane) wanted(v *volume.Volume) []brick.Spec {
	part := v.Part(slices.DeleteFunc(v.BricksOn(d.PeerID), func(b volume.Brick) bool { return b.Reset })...)
	return d.specs(part)
}

// wants reports whether a brick that runs is one that should, while the volume is started.
func (d *DataPlane) wants(v *volume.Volume, running brick.Spec) bool {
	return slices.ContainsFunc(d.wanted(v), func(s brick.Spec) bool { return s.Path == running.Path })
}

// Start implements Host.
func (d *DataPlane) Start(ctx context.Context, v *volume.Volume) error {
	unlock, err := d.Locks.Lock(ctx, v.Name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.mountBacked(ctx, v); err != nil {
		return err
	}
	d.setComing(v.Name, v)
	_, err = d.Bricks.StartAll(ctx, d.wanted(v))
	return err
}

// Coming returns a volume with the bricks that were started last, which its record may not have yet.
func (d *DataPlane) Coming(volumeName string) (*volume.Volume, bool) {
	d.comingMu.Lock()
	defer d.comingMu.Unlock()
	v, ok := d.coming[volumeName]
	return v, ok
}

func (d *DataPlane) setComing(name string, v *volume.Volume) {
	d.comingMu.Lock()
	defer d.comingMu.Unlock()
	if v == nil {
		delete(d.coming, name)
		return
	}
	if d.coming == nil {
		d.coming = map[string]*volume.Volume{}
	}
	d.coming[name] = v
}

// Stop implements Host.
func (d *DataPlane) Stop(ctx context.Context, v *volume.Volume) error {
	unlock, err := d.Locks.Lock(ctx, v.Name)
	if err != nil {
		return err
	}
	defer unlock()
	d.setComing(v.Name, nil)
	return d.Bricks.StopAll(ctx, d.specs(v))
}

// stopAgain stops bricks that are given up. They were stopped before; but a daemon that has died since, and come back with records of
// before, has started them.
func (d *DataPlane) stopAgain(ctx context.Context, part *volume.Volume) error {
	unlock, err := d.Locks.Lock(ctx, part.Name)
	if err != nil {
		return err
	}
	defer unlock()
	return d.Bricks.StopAll(ctx, d.specs(part))
}

// Forget implements Host: a brick of a stopped volume that is still there, on a peer that was away, ends now.
func (d *DataPlane) Forget(ctx context.Context, v *volume.Volume) error {
	if d.Tasks != nil {
		if err := d.Tasks.Forget(v.Name); err != nil {
			return err
		}
	}
	return d.Stop(ctx, v)
}

// Report implements Host.
func (d *DataPlane) Report(_ context.Context, v *volume.Volume) Report {
	return d.report(v, d.Bricks.Status)
}

// Figures is a Report whose bricks have figures only, which is quick for all volumes at once.
func (d *DataPlane) Figures(v *volume.Volume) Report { return d.report(v, d.Bricks.Figures) }

func (d *DataPlane) report(v *volume.Volume, status func(brick.Spec) api.BrickStatus) Report {
	r := Report{Bricks: []api.BrickStatus{}, Daemons: []api.DaemonStatus{}}
	hosts := peer.Hosts(d.Store)
	bricks := v.BricksOn(d.PeerID)
	for i, s := range d.specs(v) {
		st := status(s)
		st.Error = d.brickError(v, bricks[i], st)
		st.Info = v.BrickInfo(bricks[i], hosts)
		r.Bricks = append(r.Bricks, st)
	}
	if v.NeedsSelfHeal() && v.State == volume.Started && len(bricks) > 0 {
		st := d.SelfHeal.Status(v.Name)
		st.PeerID, st.Hostname = d.PeerID, hosts(d.PeerID)
		r.Daemons = append(r.Daemons, st)
	}
	if v.HasQuota() && v.State == volume.Started && len(bricks) > 0 {
		st := d.Quota.Status()
		st.PeerID, st.Hostname = d.PeerID, hosts(d.PeerID)
		r.Daemons = append(r.Daemons, st)
	}
	return r
}

// SharedBricks counts the bricks of a volume on this peer that share the filesystem of one of them, itself included:
// each then reports its part of the filesystem's size. A brick that cannot be looked at counts alone.
func (d *DataPlane) SharedBricks(v *volume.Volume, b volume.Brick) int {
	device, err := brick.Device(d.OS, b.Path)
	if err != nil {
		return 1
	}
	n := 0
	for _, other := range v.BricksOn(d.PeerID) {
		if dev, err := brick.Device(d.OS, other.Path); err == nil && dev == device {
			n++
		}
	}
	return max(n, 1)
}
