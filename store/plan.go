package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"

	"gd2/pkg/api"
)

// RecoverOptions say what a lost store is brought back from: exactly one of them.
type RecoverOptions struct {
	// From is the path of a backup.
	From string
	// ForceNewPool takes what this peer has: its member's data, its newest local snapshot, its last known copy.
	ForceNewPool bool
}

// Plan says what Recover would do.
type Plan struct {
	// Source says in words what the store is brought back from.
	Source string `json:"source"`
	// SourceRevision is a revision up to which the source has everything; SourceTime is when it was made.
	SourceRevision int64     `json:"source-revision"`
	SourceTime     time.Time `json:"source-time,omitzero"`
	// LocalRevision is the newest revision that this peer knows of; 0 if it knows nothing.
	LocalRevision int64 `json:"local-revision"`
	// ClusterID, Peers and Volumes describe the pool that comes back, as far as the source tells.
	ClusterID string       `json:"cluster-id,omitempty"`
	Peers     []BackupPeer `json:"peers"`
	Volumes   int          `json:"volumes"`
	// Lost says in words what will be lost; Kept names the directories and files that are put aside.
	Lost []string `json:"lost"`
	Kept []string `json:"kept"`
}

// asidePrefix precedes the names of what a recovery puts aside, for ever.
const asidePrefix = "aside-"

// recovery is what a recovery has found on this peer.
type recovery struct {
	cfg  Config
	opts RecoverOptions
	lock *os.File

	state     *state         // nil: there is none
	memberRev int64          // of the member's database; 0: there is no usable one
	snap      *localSnapshot // newest that is whole
	manifest  Manifest       // of the backup or of snap
	copy      *diskCopy      // nil: there is none of this pool
	aside     []string       // directories that are there
	plan      Plan
}

// RecoverPlan says what Recover would do with the same arguments, and what would be lost. It changes nothing. The daemon
// must not run: otherwise the error is of kind State.
func RecoverPlan(cfg Config, opts RecoverOptions) (Plan, error) {
	r, err := openRecovery(cfg, opts)
	if err != nil {
		return Plan{}, err
	}
	return r.plan, r.lock.Close()
}

func openRecovery(cfg Config, opts RecoverOptions) (_ *recovery, err error) {
	if (opts.From != "") == opts.ForceNewPool {
		return nil, api.Errorf(api.Invalid, "a recovery needs a backup file, or to be told to force a new pool, and not both")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.NoEmbed {
		return nil, api.Errorf(api.NotSupported, "the store is an external etcd: recover that one with its own tools")
	}
	r := &recovery{cfg: cfg, opts: opts}
	if r.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	if err := errors.Join(r.look(), r.choose()); err != nil {
		return nil, errors.Join(err, r.lock.Close())
	}
	return r, nil
}

// look finds what there is. What is damaged counts as absent.
func (r *recovery) look() error {
	dir := r.cfg.Dir
	st, err := loadState(dir)
	if err != nil {
		r.cfg.Log.WithError(err).Warn("the state of the store is not used")
	}
	r.state = st
	items, err := os.ReadDir(dir)
	if err != nil {
		return api.Errorf(api.Internal, "the directory of the store cannot be read: %v", err)
	}
	for _, it := range items {
		if strings.HasPrefix(it.Name(), memberPrefix) {
			r.aside = append(r.aside, it.Name())
		}
	}
	if c, err := readCopy(filepath.Join(dir, copyFile)); err != nil {
		r.cfg.Log.WithError(err).Warn("the last known copy is not used")
	} else if c != nil && (st == nil || c.header.ClusterID == st.ClusterID) {
		r.copy = c
		r.plan.LocalRevision = c.header.Revision
	}
	if st != nil && st.Member != nil {
		if r.memberRev, err = databaseRevision(filepath.Join(dir, st.Member.Dir)); err != nil {
			r.cfg.Log.WithError(err).Warn("the data of this peer's member is not used")
		}
		r.plan.LocalRevision = max(r.plan.LocalRevision, r.memberRev)
	}
	for _, sn := range slices.Backward(listSnapshots(dir)) {
		m, err := verifyFile(sn.path)
		if err != nil {
			r.cfg.Log.WithError(err).WithField("file", sn.path).Warn("a local snapshot is not used")
			continue
		}
		r.snap, r.manifest = &sn, m
		r.plan.LocalRevision = max(r.plan.LocalRevision, m.Revision)
		break
	}
	return nil
}

func verifyFile(path string) (Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return Manifest{}, api.Errorf(api.Invalid, "the backup cannot be read: %v", err)
	}
	defer func() { _ = f.Close() }()
	return VerifyBackup(f)
}

// databaseRevision reads and checks the database of a member that does not run. What is only in its log is not counted.
func databaseRevision(memberDir string) (rev int64, err error) {
	defer func() {
		if p := recover(); p != nil { // the database's library does not expect damage
			rev, err = 0, fmt.Errorf("the database in %s is damaged: %v", memberDir, p)
		}
	}()
	st, err := snapshot.NewV3(zap.NewNop()).Status(database(memberDir))
	return st.Revision, err
}

// choose decides what the store is brought back from, and says what that means.
func (r *recovery) choose() error {
	p := &r.plan
	p.Peers, p.Lost, p.Kept = []BackupPeer{}, []string{}, []string{}
	if r.state != nil {
		p.ClusterID = r.state.ClusterID
	}
	for _, dir := range r.aside {
		p.Kept = append(p.Kept, asidePrefix+dir)
	}
	if r.copy != nil {
		p.Kept = append(p.Kept, asidePrefix+copyFile)
		r.describeCopy()
	}
	var err error
	if r.opts.From != "" {
		err = r.chooseBackup()
	} else {
		err = r.chooseLocal()
	}
	p.Lost = append(p.Lost, "the other peers' parts in the store: each of them must enter it anew")
	return err
}

func (r *recovery) chooseBackup() error {
	m, err := verifyFile(r.opts.From)
	if err != nil {
		return err
	}
	r.manifest = m
	r.describe(m)
	p := &r.plan
	p.Source, p.SourceRevision, p.SourceTime = "the backup "+r.opts.From, m.Revision, m.Created
	lost := fmt.Sprintf("all changes after revision %d, of %s", m.Revision, m.Created.Format(time.RFC3339))
	if p.LocalRevision > m.Revision {
		lost += fmt.Sprintf("; this peer alone knows of %d newer revisions, up to %d", p.LocalRevision-m.Revision, p.LocalRevision)
	}
	p.Lost = append(p.Lost, lost)
	if !slices.ContainsFunc(m.Peers, func(b BackupPeer) bool { return b.ID == r.cfg.PeerID }) {
		p.Lost = append(p.Lost, "this peer's own place in the pool: the backup does not know peer "+r.cfg.PeerID)
	}
	return nil
}

func (r *recovery) chooseLocal() error {
	p := &r.plan
	newer := r.copy != nil && r.copy.header.Revision > max(r.memberRev, r.manifest.Revision)
	switch {
	case r.memberRev > 0 && (r.snap == nil || r.memberRev >= r.manifest.Revision):
		r.snap = nil
		p.Source, p.SourceRevision = "the data of this peer's member of the store", r.memberRev
	case r.snap != nil:
		r.memberRev = 0
		if r.copy == nil {
			r.describe(r.manifest)
		}
		p.Source, p.SourceRevision, p.SourceTime = "the local snapshot "+filepath.Base(r.snap.path), r.manifest.Revision, r.manifest.Created
	case r.copy != nil:
		p.Source = "the last known copy of the records alone"
		p.SourceRevision, p.SourceTime = r.copy.header.Revision, r.copy.header.Written
		p.Lost = append(p.Lost, "the secret for REST tokens, unless this host still has it", "join tokens and the history of transactions")
	default:
		return api.Errorf(api.NotFound, "there is nothing on this peer from which the pool could be brought back: no member's data, no snapshot and no copy in %s; use a backup", r.cfg.Dir)
	}
	if newer && (r.memberRev > 0 || r.snap != nil) {
		p.Source += ", and newer records from the last known copy"
		p.SourceRevision, p.SourceTime = r.copy.header.Revision, r.copy.header.Written
	}
	p.Lost = append(p.Lost, fmt.Sprintf("changes that have not reached this peer: it knows of revision %d, other peers may know more", p.LocalRevision))
	return nil
}

func (r *recovery) describe(m Manifest) {
	r.plan.Peers, r.plan.Volumes = m.Peers, m.Volumes
	if m.ClusterID != "" {
		r.plan.ClusterID = m.ClusterID
	}
}

// describeCopy says what the copy tells of the pool; it is usually the newest that there is.
func (r *recovery) describeCopy() {
	mem := newMemory()
	mem.replace(r.copy.entries, 0)
	for _, e := range mem.scan(PrefixPeers) {
		peer := BackupPeer{ID: strings.TrimPrefix(e.key, PrefixPeers)}
		if r.cfg.NameOf != nil {
			peer.Name = r.cfg.NameOf(mem, peer.ID)
		}
		r.plan.Peers = append(r.plan.Peers, peer)
	}
	r.plan.Volumes = len(mem.scan(PrefixVolumes))
	if id := poolID(mem); id != "" {
		r.plan.ClusterID = id
	}
}
