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
	// Changed is called after every change of the records, for those who serve volfiles.
	Changed func()
	Log     *logrus.Entry

	// bricks and heal are what was asked for last: most changes of records concern neither.
	bricks []brick.Spec
	heal   []string
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
	ready := r.Store.Ready()
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for thorough := true; ctx.Err() == nil; {
		if err := r.once(ctx, thorough); err != nil && ctx.Err() == nil {
			r.Log.Warnf("not everything is as it should be: %v", err)
		}
		r.Changed()
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

// once compares. Unless it is to be thorough, the host is only looked at where the records ask for something new.
func (r *Reconciler) once(ctx context.Context, thorough bool) error {
	recs, err := volume.Records.List(r.Store)
	if err != nil {
		return err
	}
	var bricks []brick.Spec
	var heal []string
	healed := map[string]*volume.Volume{}
	for _, rec := range recs {
		v := rec.Value
		if v.State != volume.Started || len(v.BricksOn(r.Plane.PeerID)) == 0 {
			continue
		}
		if !r.Plane.Barred(v) {
			bricks = append(bricks, r.Plane.wanted(v)...)
		}
		if v.NeedsSelfHeal() {
			heal = append(heal, v.Name)
			healed[v.Name] = v
		}
	}
	// The last known records may lack a volume that was started right before a power cut: its daemon is not stopped for that.
	unsure := r.Store.Stale() && len(heal) == 0
	if !unsure && (thorough || !slices.Equal(heal, r.heal)) {
		r.heal = heal
		r.Plane.SelfHeal.SetDesired(r.volfiles(heal, healed))
	}
	if !thorough && slices.Equal(bricks, r.bricks) {
		return nil
	}
	running, err := r.Plane.Bricks.Running()
	if err != nil {
		return err
	}
	// Before anything is started: a brick of the old address would be taken for missing, and be started twice.
	moved := r.stopMoved(ctx, running, bricks)
	r.bricks = bricks
	r.Bricks.SetDesired(bricks)
	return errors.Join(moved, r.stopStray(ctx, running))
}

// stopMoved stops bricks that run under an address that this peer had before; they are started again under the present.
func (r *Reconciler) stopMoved(ctx context.Context, running, desired []brick.Spec) error {
	var errs []error
	for _, spec := range running {
		moved := func(want brick.Spec) bool {
			return want.VolumeName == spec.VolumeName && want.Path == spec.Path && want.Host != spec.Host
		}
		if r.Store.Stale() || !slices.ContainsFunc(desired, moved) || r.Locked(spec.VolumeName) {
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

func (r *Reconciler) volfiles(names []string, volumes map[string]*volume.Volume) []selfheal.Volume {
	out := make([]selfheal.Volume, len(names))
	for i, name := range names {
		out[i] = selfheal.Volume{Name: name, Volfile: r.Specs(volumes[name])}
	}
	return out
}

// stopStray stops bricks that run although their volume is stopped or gone: this peer was away when that happened.
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
	r.Log.WithField("volume", spec.VolumeName).Infof("stopping the brick %s, whose volume is not started or lacks the server quorum", spec)
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
	return err == nil && (!ok || rec.Value.State != volume.Started)
}
