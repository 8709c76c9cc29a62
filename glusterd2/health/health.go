// Package health looks after what is not well on this peer, and in the pool: bricks and daemons that died, full disks, lost
// quorum, peers that are away. Each is a record as long as it lasts (event.Fault), and its coming and going an event.
package health

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/time/rate"

	"gd2/glusterd2/event"
	"gd2/pkg/api"
	"gd2/store"
)

const (
	// look is the pause between looks.
	look = time.Second
	// burst and sustained bound the changes that are written: so many at once, then one each.
	burst     = 60
	sustained = time.Second
	// atOnce bounds the changes in one commit.
	atOnce = 50
	// writeLimit bounds one commit.
	writeLimit = 5 * time.Second
)

// Sign is the state of one thing that is watched.
type Sign struct {
	// ID is that of the fault's record: kind/peer/place.
	ID string
	// Down says that it is not well at the moment. Fault tells of what; its Since is filled in if it is zero.
	Down  bool
	Fault event.Fault
	// Ends counts how often it was not well since somebody counts, so that what came and went between two looks is seen.
	Ends int
}

// Source tells the state of everything of one kind, well or not. ok is false if that is not known at the moment.
type Source interface {
	// Prefix begins the ids of all the source's faults.
	Prefix() string
	Look(now time.Time) (signs []Sign, ok bool)
}

// Watcher keeps the records of faults as the sources see them.
type Watcher struct {
	Store   *store.Store
	Sources []Source
	Log     *logrus.Entry

	limit *rate.Limiter
	ends  map[string]int // as counted by the last look
	flaps map[string]int // times that came and were not told yet
	told  map[string]int // of those, the ones that the record stands for which was written last
}

// Run looks until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	w.limit = rate.NewLimiter(rate.Every(sustained), burst)
	w.ends, w.flaps, w.told = map[string]int{}, map[string]int{}, map[string]int{}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			w.round(ctx, now)
		case <-ctx.Done():
			return nil
		}
	}
}

// round looks once and writes what has changed. What cannot be written now is written when it can.
func (w *Watcher) round(ctx context.Context, now time.Time) {
	var writes []store.Write
	for _, s := range w.Sources {
		signs, ok := s.Look(now)
		if ok {
			w.count(signs)
			writes = append(writes, w.differences(s.Prefix(), signs, now)...)
		}
	}
	writes = writes[:min(len(writes), atOnce)]
	if len(writes) == 0 || w.Store.Stale() || w.Store.Waiting() != "" || !w.limit.AllowN(now, len(writes)) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	rev, err := w.Store.Commit(ctx, writes)
	if err == nil {
		err = w.Store.WaitRevision(ctx, rev)
	}
	if err != nil && ctx.Err() == nil && !api.IsKind(err, api.Conflict) {
		w.Log.WithError(err).Debug("what is not well cannot be recorded yet")
	}
}

// count notes what came and went since the last look.
func (w *Watcher) count(signs []Sign) {
	for _, s := range signs {
		before := w.ends[s.ID]
		if s.Ends < before {
			before = 0 // somebody counts anew
		}
		w.flaps[s.ID] += s.Ends - before
		w.ends[s.ID] = s.Ends
	}
}

// differences compares the signs of a source with the records. A thing that was down and is well again gets its record
// in one round and loses it in the next, so that both events are there.
func (w *Watcher) differences(prefix string, signs []Sign, now time.Time) []store.Write {
	recorded := map[string]int64{}
	recs, err := event.Faults.List(w.Store)
	if err != nil {
		return nil // of a newer version of gd2, which knows better
	}
	for _, r := range recs {
		if strings.HasPrefix(r.ID, prefix) {
			recorded[r.ID] = r.Revision
		}
	}
	var writes []store.Write
	for _, s := range signs {
		rev, there := recorded[s.ID]
		delete(recorded, s.ID)
		if there {
			w.flaps[s.ID] -= w.told[s.ID]
			delete(w.told, s.ID)
		}
		switch {
		case there && s.Down:
			w.flaps[s.ID] = 0 // one long fault
		case there:
			writes = append(writes, event.Faults.Delete(s.ID, rev))
		case s.Down || w.flaps[s.ID] > 0:
			writes = append(writes, event.Faults.Create(s.ID, w.fault(s, now)))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(recorded)) { // nothing that is watched any more
		delete(w.flaps, id)
		delete(w.ends, id)
		writes = append(writes, event.Faults.Delete(id, recorded[id]))
	}
	return writes
}

// fault is the record of a sign. What it stands for counts as told only when the record is seen.
func (w *Watcher) fault(s Sign, now time.Time) event.Fault {
	f := s.Fault
	f.Data = maps.Clone(f.Data)
	if f.Since.IsZero() {
		f.Since = now
	}
	w.told[s.ID] = w.flaps[s.ID]
	if n := w.flaps[s.ID]; n > 1 {
		f.Data[api.DataTimes] = strconv.Itoa(n)
	}
	return f
}

// place makes an id of a place that may be long or have any characters.
func place(kind, peerID string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return kind + "/" + peerID + "/" + hex.EncodeToString(sum[:8])
}
