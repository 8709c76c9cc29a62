package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

// Snapshots on a peer's own disk: backups as Snapshot makes them, named by their time and revision.
const (
	snapshotDir    = "snapshots"
	snapshotSuffix = ".tar"
	snapshotTime   = "20060102T150405Z"
	// DefaultSnapshotEvery and DefaultSnapshotKeep are the interval of local snapshots and the number of those kept, unless
	// the configuration says otherwise.
	DefaultSnapshotEvery = time.Hour
	DefaultSnapshotKeep  = 24
)

// localSnapshot is one file.
type localSnapshot struct {
	path     string
	made     time.Time
	revision int64
}

// Snapshots returns the snapshots on this peer's disk, the newest first.
func (s *Store) Snapshots() []api.PoolSnapshot {
	out := []api.PoolSnapshot{}
	for _, sn := range slices.Backward(listSnapshots(s.cfg.Dir)) {
		info, err := os.Stat(sn.path)
		if err != nil {
			continue // it had its time a moment ago
		}
		out = append(out, api.PoolSnapshot{
			File: sn.path, CreatedAt: sn.made.Format(time.RFC3339), Revision: sn.revision, Bytes: info.Size(),
		})
	}
	return out
}

// listSnapshots returns the local snapshots, the oldest first.
func listSnapshots(dir string) []localSnapshot {
	items, err := os.ReadDir(filepath.Join(dir, snapshotDir))
	if err != nil {
		return nil // there are none
	}
	var list []localSnapshot
	for _, it := range items {
		name, ok := strings.CutSuffix(it.Name(), snapshotSuffix)
		at, rev, _ := strings.Cut(name, "-r")
		sn := localSnapshot{path: filepath.Join(dir, snapshotDir, it.Name())}
		if sn.made, err = time.Parse(snapshotTime, at); err != nil || !ok {
			continue
		}
		if _, err := fmt.Sscan(rev, &sn.revision); err == nil {
			list = append(list, sn)
		}
	}
	slices.SortFunc(list, func(a, b localSnapshot) int { return strings.Compare(a.path, b.path) })
	return list
}

// keepSnapshots makes a snapshot from time to time, if something has changed.
func (s *Store) keepSnapshots() {
	select {
	case <-s.ready:
	case <-s.ctx.Done():
		return
	}
	for {
		// A daemon that is restarted often must not lose its turn, nor make one at every start.
		wait := s.cfg.SnapshotEvery / 60
		if list := listSnapshots(s.cfg.Dir); len(list) > 0 {
			wait = max(wait, time.Until(list[len(list)-1].made.Add(s.cfg.SnapshotEvery)))
		}
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := s.snapshotOnce(s.ctx); err != nil && s.ctx.Err() == nil {
			s.log.WithError(err).Warn("the local snapshot of the store failed; the next is made in its turn")
			select {
			case <-s.ctx.Done():
			case <-time.After(s.cfg.SnapshotEvery):
			}
		}
	}
}

// snapshotOnce makes a local snapshot, unless nothing has changed since the last, and removes those that are too many.
func (s *Store) snapshotOnce(ctx context.Context) error {
	list := listSnapshots(s.cfg.Dir)
	if len(list) > 0 && list[len(list)-1].revision == s.Revision() {
		now := time.Now()
		last := list[len(list)-1]
		return os.Rename(last.path, s.snapshotPath(now, last.revision)) // it is still the state of now
	}
	if err := s.writeSnapshot(ctx); err != nil {
		return err
	}
	list = listSnapshots(s.cfg.Dir)
	var errs []error
	for len(list) > s.cfg.SnapshotKeep {
		errs = append(errs, os.Remove(list[0].path))
		list = list[1:]
	}
	return errors.Join(errs...)
}

func (s *Store) snapshotPath(at time.Time, rev int64) string {
	return filepath.Join(s.cfg.Dir, snapshotDir, fmt.Sprintf("%s-r%d%s", at.UTC().Format(snapshotTime), rev, snapshotSuffix))
}

// writeSnapshot makes a new file; a name that ends in .tar belongs to a whole one.
func (s *Store) writeSnapshot(ctx context.Context) (err error) {
	dir := filepath.Join(s.cfg.Dir, snapshotDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, left := range globTemp(dir) {
		_ = os.Remove(left) // of a run that ended in the middle; if it stays, it does no harm
	}
	tmp, err := os.CreateTemp(dir, tempPrefix+"*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		_ = tmp.Close() // it was synced, or is of no use
		if err != nil {
			_ = os.Remove(tmp.Name()) // the next one does, otherwise
		}
	}()
	m, err := s.Snapshot(ctx, tmp)
	if err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), s.snapshotPath(m.Created, m.Revision)); err != nil {
		return err
	}
	return syncDir(dir)
}

const tempPrefix = ".unfinished-"

func globTemp(dir string) []string {
	list, _ := filepath.Glob(filepath.Join(dir, tempPrefix+"*")) // fails only for a bad pattern
	return list
}
