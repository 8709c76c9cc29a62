package peers

import (
	"context"
	"time"

	"gd2/glusterd2/peer"
	"gd2/store"
	"gd2/transaction"
)

// leavingGrace is how long the daemon that detaches a peer must be missing before the peer is taken back: longer than a sign of
// life may be late.
const leavingGrace = 3 * time.Second

// owner is this run of the daemon, as its sign of life says.
func (c *Commands) owner() transaction.Owner {
	alive, _ := peer.Online(c.Store, c.Identity.Peer().ID)
	return transaction.Owner{Peer: c.Identity.Peer().ID, Boot: alive.Boot}
}

// TakeBack takes back the marks of peers that were being detached when the daemon that did it died: they stay in the pool, and their
// detach may be asked for again. Every peer runs it; the guard of the record lets one of them do it.
func (c *Commands) TakeBack(ctx context.Context) error {
	changed, stop := c.Store.Subscribe(store.PrefixPeers, store.PrefixAlive)
	defer stop()
	tick := time.NewTicker(leavingGrace)
	defer tick.Stop()
	missing := map[transaction.Owner]time.Time{}
	for {
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		c.takeBack(ctx, missing, time.Now())
	}
}

// takeBack looks once. missing has the daemons that were not found before, and since when.
func (c *Commands) takeBack(ctx context.Context, missing map[transaction.Owner]time.Time, now time.Time) {
	recs, _ := peer.Records.List(c.Store) // what cannot be read is of a newer version, which looks after it
	for _, rec := range recs {
		by := rec.Value.LeavingBy
		if !rec.Value.Leaving {
			continue
		}
		alive, online := peer.Online(c.Store, by.Peer)
		if online && alive.Boot == by.Boot {
			delete(missing, by)
			continue
		}
		since, seen := missing[by]
		if !seen {
			missing[by], since = now, now
		}
		if !online && now.Sub(since) < leavingGrace || c.Engine.LockHeld("peer/"+rec.ID) {
			continue
		}
		if _, err := c.markLeaving(ctx, rec, false); err != nil {
			c.Log.WithField("peer", rec.ID).Debugf("the mark of a detach that did not end stays for now: %v", err)
			continue
		}
		c.Log.WithField("peer", rec.ID).Warnf("peer %s stays in the pool: the daemon that detached it has ended", rec.Value.Name)
	}
}
