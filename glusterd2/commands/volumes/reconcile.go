package volumes

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/store"
)

// Reconciler compares what the store wants of this peer with what runs here, and mends the difference: bricks, the
// self-heal daemon, and the volfiles that processes have.
type Reconciler struct {
	Store  *store.Store
	Plane  *DataPlane
	Bricks *brick.Supervisor
	// Locked reports whether a transaction works on a volume.
	Locked func(volumeName string) bool
	// Specs returns the volfile of a volume for the self-heal daemon.
	Specs func(v *volume.Volume) string
	// Changed is called after changes of the records, for those who serve volfiles: for the volumes that are named, or with
	// none for all.
	Changed func(volumes ...string)
	Log     *logrus.Entry

	changes *store.Follower[*volume.Volume]
	// parts are what each volume asks of this host, as of the last round; nil if that is not to be relied on.
	parts map[string]*part
	// facts are what the parts of all volumes depend on besides the volumes.
	facts string
}

// lookAgain is how often the host itself is looked at even if no record changes.
const lookAgain = 30 * time.Second

// Run reconciles until the context ends. It waits for the records first, but not for a quorum: a peer that starts alone
// serves what it knew last.
func (r *Reconciler) Run(ctx context.Context) {
	changed, stop := r.Store.Subscribe(store.PrefixVolumes, store.PrefixPeers, store.PrefixOptions)
	defer stop()
	select {
	case <-r.Store.Loaded():
	case <-ctx.Done():
		return
	}
	defer r.unfollow()
	ready := r.Store.Ready()
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for thorough := true; ctx.Err() == nil; {
		r.round(ctx, thorough)
		select {
		case <-changed:
			thorough = false
		case <-r.Plane.Quorum.Changed():
			thorough = true
		case <-ticker.C:
			thorough = true
		case <-ready:
			ready, thorough = nil, true // what was done by the last known records is compared with the present ones
		case <-ctx.Done():
		}
	}
}

// unfollow ends what the first round has begun.
func (r *Reconciler) unfollow() {
	if r.changes != nil {
		r.changes.Stop()
	}
}

// round compares once. Unless it is to be thorough only the volumes that have changed since the last round are looked at.
func (r *Reconciler) round(ctx context.Context, thorough bool) {
	var running []brick.Spec
	d, err := r.diff(thorough)
	thorough = thorough || d.all
	if err == nil {
		running, err = r.mend(ctx, d, thorough)
	}
	switch {
	case thorough || err != nil:
		r.Changed()
	case len(d.volumes) > 0:
		r.Changed(d.volumes...)
	}
	// Now that clients have been told of what they are to do without.
	if err = errors.Join(err, r.stopStray(ctx, running)); err == nil {
		return
	}
	r.parts = nil
	if ctx.Err() == nil {
		r.Log.Warnf("not everything is as it should be: %v", err)
	}
}

// mend makes the host as the parts say, but for bricks that should not run: it returns all that ran before, as far as it
// has looked.
func (r *Reconciler) mend(ctx context.Context, d difference, thorough bool) ([]brick.Spec, error) {
	if !thorough && !d.heal && len(d.moved) == 0 {
		return nil, nil
	}
	var bricks []brick.Spec
	var heal []selfheal.Volume
	for _, p := range r.parts {
		bricks = append(bricks, p.bricks...)
		if p.heal != nil {
			heal = append(heal, *p.heal)
		}
	}
	// The last known records may lack a volume that was started right before a power cut: its daemon is not stopped for that.
	unsure := r.Store.Stale() && len(heal) == 0
	if !unsure && (thorough || d.heal) {
		r.Plane.SelfHeal.SetDesired(heal)
	}
	if !thorough && len(d.moved) == 0 {
		return nil, nil
	}
	running, err := r.running(d, thorough)
	if err != nil {
		return nil, err
	}
	if err := r.mount(ctx, d, thorough); err != nil {
		return nil, err
	}
	// Before anything is started: a brick of the old address would be taken for missing, and be started twice.
	moved := r.stopMoved(ctx, running)
	r.Bricks.SetDesired(bricks)
	return running, moved
}

// running returns the bricks that run: all, or those of the volumes whose bricks are others now.
func (r *Reconciler) running(d difference, thorough bool) ([]brick.Spec, error) {
	if thorough {
		return r.Plane.Bricks.Running()
	}
	return r.Plane.Bricks.RunningOf(d.moved...)
}

// mount mounts the filesystems of the bricks of started volumes that gd2 has made, as after a restart of the host: of all
// volumes, or of those whose bricks are others now.
func (r *Reconciler) mount(ctx context.Context, d difference, thorough bool) error {
	recs, err := volume.Records.List(r.Store)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if rec.Value.State == volume.Started && (thorough || slices.Contains(d.moved, rec.ID)) && !r.Locked(rec.ID) {
			r.mountBricks(ctx, rec.Value)
		}
	}
	return nil
}

// mountBricks mounts those of one volume. One that cannot be mounted keeps its own brick down, no other.
func (r *Reconciler) mountBricks(ctx context.Context, v *volume.Volume) {
	for _, b := range v.BricksOn(r.Plane.PeerID) {
		if b.Device == "" {
			continue
		}
		if err := r.Plane.mountBacked(ctx, v.Part(b)); err != nil {
			r.Log.WithField("volume", v.Name).Warnf("the filesystem of the brick %s is not mounted: %v", b.Path, err)
		}
	}
}

// stopMoved stops bricks that run under an address that this peer had before; they are started again under the present.
func (r *Reconciler) stopMoved(ctx context.Context, running []brick.Spec) error {
	var errs []error
	for _, spec := range running {
		p := r.parts[spec.VolumeName]
		moved := func(want brick.Spec) bool { return want.Path == spec.Path && want.Host != spec.Host }
		if r.Store.Stale() || p == nil || !slices.ContainsFunc(p.bricks, moved) || r.Locked(spec.VolumeName) {
			continue
		}
		unlock, err := r.Plane.Locks.Lock(ctx, spec.VolumeName)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		r.Log.WithField("volume", spec.VolumeName).Infof("stopping the brick %s: this peer has another address now, with which it is started again", spec)
		errs = append(errs, r.Plane.Bricks.Stop(ctx, spec))
		unlock()
	}
	return errors.Join(errs...)
}

// stopStray stops bricks that run although their volume is stopped or gone, as when this peer was away, or that were removed
// from it.
func (r *Reconciler) stopStray(ctx context.Context, running []brick.Spec) error {
	for _, spec := range running {
		if err := r.stopIfStray(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) stopIfStray(ctx context.Context, spec brick.Spec) error {
	if !r.stray(spec) {
		return nil
	}
	unlock, err := r.Plane.Locks.Lock(ctx, spec.VolumeName)
	if err != nil {
		return err
	}
	defer unlock()
	// Look again: a start may have come first.
	if !r.stray(spec) {
		return nil
	}
	r.Log.WithField("volume", spec.VolumeName).Infof("stopping the brick %s, whose volume is not started, does not have it any more, or lacks the server quorum", spec)
	return r.Plane.Bricks.Stop(ctx, spec)
}

func (r *Reconciler) stray(spec brick.Spec) bool {
	rec, ok, err := volume.Records.Get(r.Store, spec.VolumeName)
	if ok && err == nil && r.Plane.Barred(rec.Value) {
		return true // out of touch, no newer record and no end of a transaction can be waited for
	}
	if r.Store.Stale() || r.Locked(spec.VolumeName) {
		return false // records that may be old are no reason to stop anything
	}
	return err == nil && (!ok || rec.Value.State != volume.Started || !r.Plane.wants(rec.Value, spec))
}
