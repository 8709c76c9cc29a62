package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/schema"

	"gd2/pkg/api"
)

const (
	// workDir is where a recovery works; nothing in it is of use once it has ended.
	workDir = "recover.tmp"
	// revisionBump separates the revisions of a recovered store from those that are lost: whoever saw one of them reads
	// everything anew, and none is ever used twice.
	revisionBump = 100_000_000
)

// Recover brings a lost store back as one of this peer alone, according to RecoverPlan: the same pool, with its id, its
// authority and its records. The daemon must not run. The other peers enter the recovered store with Reenter.
//
// Nothing is deleted: the former data is put aside. Until the last step nothing is changed, and it may be repeated.
func Recover(cfg Config, opts RecoverOptions) error {
	r, err := openRecovery(cfg, opts)
	if err != nil {
		return err
	}
	defer func() { _ = r.lock.Close() }() // ends with the process in any case
	work := filepath.Join(cfg.Dir, workDir)
	if err := errors.Join(os.RemoveAll(work), os.Mkdir(work, 0o700)); err != nil {
		return api.Errorf(api.Internal, "no room to recover in: %v", err)
	}
	defer func() {
		if err := os.RemoveAll(work); err != nil {
			cfg.Log.WithError(err).Warn("what the recovery worked with is left behind")
		}
	}()
	db, err := r.database(work)
	if err != nil {
		return err
	}
	member := filepath.Join(work, "member")
	if err := restore(r.cfg, db, member, revisionBump); err != nil {
		return err
	}
	return r.adopt(member)
}

// database makes a file with the database that is to come back.
func (r *recovery) database(work string) (string, error) {
	db, scratch := filepath.Join(work, "db"), filepath.Join(work, "scratch")
	switch {
	case r.opts.From != "":
		return db, extract(r.opts.From, db)
	case r.snap != nil:
		if err := extract(r.snap.path, db); err != nil || r.copy == nil || r.copy.header.Revision <= r.manifest.Revision {
			return db, err
		}
		if err := restore(r.cfg, db, scratch, 0); err != nil {
			return "", err
		}
	case r.memberRev > 0:
		return r.memberDatabase(work, scratch)
	}
	merged := filepath.Join(work, "merged")
	return merged, rework(r.cfg, scratch, false, r.copy, merged)
}

// memberDatabase makes the file out of what this peer's member has. What is committed in its log and not in its database
// yet, the last tenth of a second at most, is taken in if it has voted: raft does not let a learner go on alone.
func (r *recovery) memberDatabase(work, scratch string) (string, error) {
	merged, data := filepath.Join(work, "merged"), filepath.Join(r.cfg.Dir, r.state.Member.Dir)
	if err := os.CopyFS(scratch, os.DirFS(data)); err != nil {
		return "", api.Errorf(api.Internal, "the data of this peer's member cannot be copied: %v", err)
	}
	if !isLearner(r.cfg, scratch) {
		err := rework(r.cfg, scratch, true, r.copy, merged)
		if err == nil {
			return merged, nil
		}
		r.cfg.Log.WithError(err).Warn("the log of this peer's member cannot be used: what is only there is lost")
	}
	if err := errors.Join(os.RemoveAll(scratch), os.RemoveAll(merged)); err != nil {
		return "", api.Errorf(api.Internal, "no room to recover in: %v", err)
	}
	if err := restore(r.cfg, database(data), scratch, 0); err != nil {
		return "", err
	}
	return merged, rework(r.cfg, scratch, false, r.copy, merged)
}

// database is the file of a member's database.
func database(memberDir string) string { return filepath.Join(memberDir, "member", "snap", "db") }

// isLearner reports whether a member, whose directory may be spoiled, had no vote when its database was written.
func isLearner(cfg Config, memberDir string) bool {
	log := offlineLog(cfg)
	be := backend.NewDefaultBackend(log, database(memberDir))
	defer func() { _ = be.Close() }()
	members, _ := schema.NewMembershipBackend(log, be).MustReadMembersFromBackend()
	for _, m := range members {
		if m.Name == cfg.PeerID || sameURLs(m.PeerURLs, cfg.AdvertisePeerURLs) {
			return m.IsLearner
		}
	}
	return false
}

// extract takes the database out of a backup, which is checked once more.
func extract(backup, to string) (err error) {
	from, err := os.Open(backup)
	if err != nil {
		return api.Errorf(api.Invalid, "the backup cannot be read: %v", err)
	}
	defer func() { _ = from.Close() }()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return api.Errorf(api.Internal, "the backup cannot be unpacked: %v", err)
	}
	_, err = readBackup(from, f)
	return errors.Join(err, f.Close())
}

// restore makes the data directory of a member that is alone in a cluster of its own, out of a database. The cluster's
// name is new, so that members of the lost one cannot mistake it for theirs.
func restore(cfg Config, db, dir string, bump uint64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = api.Errorf(api.Internal, "the database cannot be restored: %v", p)
		}
	}()
	err = snapshot.NewV3(offlineLog(cfg)).Restore(snapshot.RestoreConfig{
		SnapshotPath: db, Name: cfg.PeerID, OutputDataDir: dir, PeerURLs: cfg.AdvertisePeerURLs,
		InitialCluster:      initialCluster(map[string][]string{cfg.PeerID: cfg.AdvertisePeerURLs}),
		InitialClusterToken: rand.Text(), SkipHashCheck: true, // ours was checked, and a member's own database has none
		RevisionBump: bump, MarkCompacted: bump > 0,
	})
	if err != nil {
		return api.Errorf(api.Internal, "the database cannot be restored: %v", err)
	}
	return nil
}

// adopt makes the restored directory this peer's. The state decides: before it is saved nothing has happened, and after
// that the next start puts aside what is not aside yet.
func (r *recovery) adopt(member string) error {
	next := state{}
	if r.state != nil {
		next = *r.state
	}
	next.NextDir = max(next.NextDir, r.lastDir())
	next.Role, next.Members, next.Cluster = roleMember, nil, 0
	next.Member = next.newMember(map[string][]string{r.cfg.PeerID: r.cfg.AdvertisePeerURLs}, false)
	next.Endpoints = r.cfg.AdvertiseClientURLs
	next.Aside = append(next.Aside, r.aside...)
	if next.ClusterID == "" {
		next.ClusterID = r.plan.ClusterID
	}
	if next.ClusterID == "" {
		next.ClusterID = rand.Text()
	}
	dir := r.cfg.Dir
	if err := errors.Join(os.Rename(member, filepath.Join(dir, next.Member.Dir)), syncDir(dir)); err != nil {
		return api.Errorf(api.Internal, "the recovered data cannot be put in its place: %v", err)
	}
	if err := next.save(dir); err != nil {
		return err
	}
	if err := next.keep(dir); err != nil {
		return api.Errorf(api.Internal, "the pool is recovered, but the former data is not put aside yet; the next start does it: %v", err)
	}
	if r.copy == nil {
		return nil
	}
	return errors.Join(os.Rename(filepath.Join(dir, copyFile), filepath.Join(dir, asidePrefix+copyFile)), syncDir(dir))
}

// lastDir is the highest number of a data directory that is there, under any name.
func (r *recovery) lastDir() int {
	last := 0
	items, _ := os.ReadDir(r.cfg.Dir) // was read before
	for _, it := range items {
		if _, number, ok := strings.Cut(it.Name(), memberPrefix); ok {
			n := 0
			if _, err := fmt.Sscan(number, &n); err == nil {
				last = max(last, n)
			}
		}
	}
	return last
}
