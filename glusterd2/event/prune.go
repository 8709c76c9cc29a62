package event

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
)

const (
	// pruneEvery is how often the length of the history is looked at.
	pruneEvery = 15 * time.Second
	// pruneAtOnce bounds the records that one commit removes.
	pruneAtOnce = 500
	// DefaultKeep bounds the events of the history where nothing else is configured.
	DefaultKeep = 10_000
	// DefaultAge bounds their age.
	DefaultAge = 7 * 24 * time.Hour
)

// Pruner keeps the history within its bounds. Every peer has one.
type Pruner struct {
	Store *store.Store
	// Keep is how many events are kept, Age for how long; 0 means the defaults. Both are exceeded by a tenth before
	// something is removed, so that it is not done for each event.
	Keep int
	Age  time.Duration
	// Ours reports whether it is for this peer to prune. Two that think so do no harm.
	Ours func() bool
	Log  *logrus.Entry
}

// Run prunes until ctx ends.
func (p *Pruner) Run(ctx context.Context) error {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if p.Store.Stale() || p.Store.Waiting() != "" || !p.Ours() {
			continue
		}
		if err := p.Prune(ctx, time.Now()); err != nil && ctx.Err() == nil && !api.IsKind(err, api.Conflict) {
			p.Log.WithError(err).Warn("the history of events cannot be cut off")
		}
	}
}

// Prune removes what is beyond the bounds at a moment.
func (p *Pruner) Prune(ctx context.Context, now time.Time) error {
	keep, age := cmp.Or(p.Keep, DefaultKeep), cmp.Or(p.Age, DefaultAge)
	recs, _ := records.List(p.Store) // one that cannot be read is for a newer version of gd2
	slices.SortFunc(recs, func(a, b store.Record[Record]) int { return cmp.Compare(a.Revision, b.Revision) })
	for doomed := recs[:beyond(recs, keep, age, now)]; len(doomed) > 0; {
		n := min(len(doomed), pruneAtOnce)
		if err := p.remove(ctx, doomed[:n]); err != nil {
			return err
		}
		doomed = doomed[n:]
	}
	return nil
}

// beyond counts the records, from the oldest on, that are too many or too old.
func beyond(recs []store.Record[Record], keep int, age time.Duration, now time.Time) int {
	total, n := 0, 0
	for _, r := range recs {
		total += len(r.Value.Events)
	}
	crowded := total > keep+keep/10
	stale := len(recs) > 0 && now.Sub(recs[0].Value.Time) > age+age/10
	for _, r := range recs {
		if (!crowded || total <= keep) && (!stale || now.Sub(r.Value.Time) <= age) {
			break
		}
		total -= len(r.Value.Events)
		n++
	}
	return n
}

// remove deletes the oldest records and says up to where the history is gone, in one commit.
func (p *Pruner) remove(ctx context.Context, recs []store.Record[Record]) error {
	floor := Pruned{Revision: recs[len(recs)-1].Revision}
	writes := []store.Write{pruned.Create("", floor)}
	if cut, ok, err := pruned.Get(p.Store, ""); err != nil {
		return err
	} else if ok {
		writes[0] = pruned.Update("", floor, cut.Revision)
	}
	for _, r := range recs {
		writes = append(writes, records.Delete(r.ID, r.Revision))
	}
	rev, err := p.Store.Commit(ctx, writes)
	if err != nil {
		return err
	}
	p.Log.WithField("records", len(recs)).Debug("the oldest events were removed from the history")
	return p.Store.WaitRevision(ctx, rev)
}
