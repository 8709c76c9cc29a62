package volumes

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// errRuns is why a brick is not removed yet.
var errRuns = errors.New("its process runs still")

// DebtKeeper removes bricks of this peer that were given up, while it was away or because the volume does not need them any more.
type DebtKeeper struct {
	Store *store.Store
	// Host is this peer's data plane.
	Host   Host
	PeerID string
	Log    *logrus.Entry
}

// Run removes what there is to remove until the context ends.
func (k *DebtKeeper) Run(ctx context.Context) error {
	k.Store.Keep(ctx, nil, func(ctx context.Context) time.Duration {
		err := k.once(ctx)
		if err == nil || ctx.Err() != nil {
			return 0
		}
		k.Log.WithError(err).Info("a brick that was given up cannot be removed yet; trying again")
		return taskRetry
	}, store.PrefixDebts)
	return nil
}

func (k *DebtKeeper) once(ctx context.Context) error {
	recs, err := device.Debts.List(k.Store)
	if err != nil {
		return err
	}
	var errs []error
	for _, rec := range recs {
		if rec.Value.Brick().PeerID == k.PeerID {
			errs = append(errs, k.pay(ctx, rec))
		}
	}
	return errors.Join(errs...)
}

// pay removes one brick, and forgets that it was to be removed.
func (k *DebtKeeper) pay(ctx context.Context, rec store.Record[*device.Debt]) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// The record may be behind: nothing is removed that a volume has.
	if err := k.Store.Sync(ctx); err != nil {
		return err
	}
	if _, ok, err := device.Debts.Get(k.Store, rec.ID); err != nil || !ok || k.wanted(rec.ID) {
		return err
	}
	// Clients are told first that the brick is gone; then the reconciler stops it.
	for _, b := range k.Host.Report(ctx, rec.Value.Volume).Bricks {
		if b.Online {
			return errRuns
		}
	}
	if err := k.Host.Reclaim(ctx, rec.Value.Volume); err != nil {
		return err
	}
	_, err := k.Store.Commit(ctx, []store.Write{device.Debts.Delete(rec.ID, rec.Revision)})
	if api.IsKind(err, api.Conflict) {
		return nil // its device was given up
	}
	return err
}

// wanted reports whether a volume has the brick, which must not happen.
func (k *DebtKeeper) wanted(id string) bool {
	recs, err := volume.Records.List(k.Store)
	if err != nil {
		return true
	}
	for _, rec := range recs {
		for b := range rec.Value.All() {
			if b.ID == id {
				return true
			}
		}
	}
	return false
}
