package heal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/store"
)

// Follower sees to it that a brick which takes its place in a set is filled. The daemons of its peers begin by themselves as soon
// as they have the new brick, all at once: one that meets a lock of another gives up until cluster.heal-timeout has passed, ten
// minutes, and if it was the last to have something to do the heal stops half way. So each peer asks its own daemon again
// for a while; a heal that has nothing to do costs nothing.
type Follower struct {
	Store  *store.Store
	Daemon Daemon
	PeerID string
	Log    *logrus.Entry
	// Pauses are between the new brick and the first request, and between each request and the next.
	Pauses []time.Duration

	changes *store.Follower[*volume.Volume]
	seen    map[string]*volume.Volume
	due     map[string]following
}

// following is a volume with a new brick.
type following struct {
	asked int // counts the requests
	next  time.Time
}

// Run goes on until ctx ends. Bricks that came while the daemon was down are left to the self-heal daemon.
func (f *Follower) Run(ctx context.Context) error {
	f.Store.Keep(ctx, nil, func(ctx context.Context) time.Duration { return f.round(ctx, time.Now()) }, store.PrefixVolumes)
	if f.changes != nil {
		f.changes.Stop()
	}
	return nil
}

// round asks where it is time to, and returns the time until the next round, 0 for none before something changes.
func (f *Follower) round(ctx context.Context, now time.Time) time.Duration {
	if err := f.look(now); err != nil {
		f.Log.Warnf("look for new bricks: %v", err)
		return time.Minute
	}
	again := time.Duration(0)
	for name, at := range maps.Clone(f.due) {
		if !at.next.After(now) {
			f.ask(ctx, f.seen[name])
			at = following{asked: at.asked + 1}
			if at.asked == len(f.Pauses) {
				delete(f.due, name)
				continue
			}
			at.next = now.Add(f.Pauses[at.asked])
			f.due[name] = at
		}
		if wait := at.next.Sub(now); again == 0 || wait < again {
			again = wait
		}
	}
	return again
}

// look takes in the volumes that have changed since the last look.
func (f *Follower) look(now time.Time) error {
	if f.changes == nil {
		f.changes = volume.Records.Follow(f.Store)
		f.due, f.seen = map[string]following{}, map[string]*volume.Volume{}
	}
	var errs []error
	for _, c := range f.changes.Take() {
		name, was := c.Record.ID, f.seen[c.Record.ID]
		switch {
		case c.Removed:
			delete(f.seen, name)
			continue
		case c.Err != nil:
			errs = append(errs, c.Err)
			continue
		}
		f.seen[name] = c.Record.Value
		if was != nil && f.concerns(c.Record.Value) && newcomer(was, c.Record.Value) {
			f.due[name] = following{next: now.Add(f.Pauses[0])}
		}
	}
	maps.DeleteFunc(f.due, func(name string, _ following) bool { return !f.concerns(f.seen[name]) })
	return errors.Join(errs...)
}

// concerns reports whether this peer's daemon takes care of a volume.
func (f *Follower) concerns(v *volume.Volume) bool {
	if v == nil || v.State != volume.Started || !v.NeedsSelfHeal() {
		return false
	}
	on, ok := xlator.ParseBool(v.Options[switchOf(v)])
	return (on || !ok) && len(v.BricksOn(f.PeerID)) > 0
}

// newcomer reports whether a volume has a brick that it did not have before.
func newcomer(before, now *volume.Volume) bool {
	known := map[string]bool{}
	for b := range before.All() {
		known[b.ID] = true
	}
	for b := range now.All() {
		if !known[b.ID] {
			return true
		}
	}
	return false
}

// ask has this peer's daemon heal what the indices of its bricks list.
func (f *Follower) ask(ctx context.Context, v *volume.Volume) {
	var names []string
	for i, sub := range v.Subvols {
		if slices.ContainsFunc(sub.Bricks, func(b volume.Brick) bool { return b.PeerID == f.PeerID }) {
			names = append(names, v.SubvolName(i))
		}
	}
	if _, err := f.Daemon.Heal(ctx, v.Name, names, false); err != nil {
		f.Log.WithField("volume", v.Name).Debugf("the self-heal daemon cannot be asked for a heal now: %v", err)
	}
}
