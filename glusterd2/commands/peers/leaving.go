package peers

import (
	"context"
	"time"

	"gd2/glusterd2/peer"
)

// leavingLook is the time between two looks for marks of detaches that have ended.
const leavingLook = 5 * time.Second

// TakeBack takes back the marks of peers whose detach has failed and could not do that itself: they stay in the pool. Every
// peer runs it; the guard of the record lets one of them do it.
func (c *Commands) TakeBack(ctx context.Context) error {
	tick := time.NewTicker(leavingLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.takeBack(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// takeBack looks once. A detach holds its lock from before the mark until after it.
func (c *Commands) takeBack(ctx context.Context) {
	recs, _ := peer.Records.List(c.Store) // what cannot be read is of a newer version, which looks after it
	for _, rec := range recs {
		if !rec.Value.Leaving || c.Engine.LockHeld(detachLock(rec.ID)) || c.Engine.LockHeld("peer/"+rec.ID) {
			continue
		}
		if err := c.stays(ctx, rec); err != nil {
			c.Log.WithField("peer", rec.ID).Debugf("the mark of a detach that did not end stays for now: %v", err)
			continue
		}
		c.Log.WithField("peer", rec.ID).Warnf("peer %s stays in the pool: its detach has failed", rec.Value.Name)
	}
}
