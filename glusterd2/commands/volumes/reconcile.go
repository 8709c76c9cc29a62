package volumes

import (
	"context"
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
}

// lookAgain is how often the host is compared even if no record changes.
const lookAgain = 30 * time.Second

// Run reconciles until the context ends. It waits for the records first.
func (r *Reconciler) Run(ctx context.Context) {
	changed, stop := r.Store.Subscribe(store.PrefixVolumes, store.PrefixLocks, store.PrefixPeers, store.PrefixOptions)
	defer stop()
	select {
	case <-r.Store.Ready():
	case <-ctx.Done():
		return
	}
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := r.once(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warnf("not everything is as it should be: %v", err)
		}
		r.Changed()
		select {
		case <-changed:
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

func (r *Reconciler) once(ctx context.Context) error {
	recs, err := volume.Records.List(r.Store)
	if err != nil {
		return err
	}
	var bricks []brick.Spec
	var heal []selfheal.Volume
	for _, rec := range recs {
		v := rec.Value
		mine := v.BricksOn(r.Plane.PeerID)
		if v.State != volume.Started || len(mine) == 0 {
			continue
		}
		bricks = append(bricks, r.Plane.specs(v)...)
		if v.NeedsSelfHeal() {
			heal = append(heal, selfheal.Volume{Name: v.Name, Volfile: r.Specs(v)})
		}
	}
	r.Bricks.SetDesired(bricks)
	r.Plane.SelfHeal.SetDesired(heal)
	return r.stopStray(ctx)
}

// stopStray stops bricks that run although their volume is stopped or gone: this peer was away when that happened.
func (r *Reconciler) stopStray(ctx context.Context) error {
	running, err := r.Plane.Bricks.Running()
	if err != nil {
		return err
	}
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
	r.Log.WithField("volume", spec.VolumeName).Infof("stopping the brick %s, whose volume is not started", spec)
	return r.Plane.Bricks.Stop(ctx, spec)
}

func (r *Reconciler) stray(spec brick.Spec) bool {
	if r.Locked(spec.VolumeName) {
		return false
	}
	rec, ok, err := volume.Records.Get(r.Store, spec.VolumeName)
	return err == nil && (!ok || rec.Value.State != volume.Started)
}
