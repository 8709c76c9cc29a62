// Package store keeps the records of the pool in an etcd that the peers run among themselves. It is the only importer
// of etcd in the tree.
//
// A Store is a connection to the members of the pool, a copy of all records in memory that a watch keeps up to date,
// and, on some peers, an embedded member. Reads come from the copy; changes go through Commit, guarded by the revisions
// that were read. DESIGN.md tells why it is as it is.
package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

// Store is one peer's access to the records of the pool. Its methods may be called from any goroutine.
type Store struct {
	cfg Config
	log *logrus.Entry
	mem *memory

	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	lock       *os.File
	background sync.WaitGroup // removals of old data, a late start of the server

	ready      chan struct{} // closed once the store itself was read
	readyOnce  sync.Once
	loaded     chan struct{} // closed once there is a copy, from disk or from the store
	loadedOnce sync.Once
	waiting    atomic.Pointer[string]
	growth     growth
	asked      atomic.Pointer[space]    // how full a member is that another peer runs
	known      atomic.Pointer[[]Member] // as a quorum has named them last
	reload     chan struct{}            // asks the feed to load everything anew
	nudge      atomic.Pointer[func()]   // asks etcd how far the watch has come
	barrier    barrier

	session atomic.Pointer[session]
	server  atomic.Pointer[server]
	parked  atomic.Pointer[api.Error]  // why the member is stopped for now
	moved   atomic.Pointer[advertised] // if the peer has moved since it started; see Readvertise
	cut     atomic.Pointer[api.Error]  // why this peer has no part in its pool any more; see Cut

	mu     sync.Mutex // held by whatever changes the fields below, the session or the server
	state  state
	copied uint64 // fingerprint of the copy on disk
	feeder *feeder
	closed bool
}

var _ Reader = (*Store)(nil)

// feeder is the goroutine that feeds the copy from one session.
type feeder struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Open opens the store of a peer. In a fresh directory it founds a cluster of one member; otherwise it starts what
// store.json describes. It does not wait for other members: see Ready. The caller must Close the store.
//
// An error says that it can never start as it is: a wrong configuration, a directory in use or damaged, a port taken.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, log: cfg.Log, mem: newMemory(), ready: make(chan struct{}), loaded: make(chan struct{}), reload: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.setWaiting("waiting for the first reading of the store")
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	endpoints := s.cfg.Endpoints
	if err := s.openDir(); err != nil {
		return err
	}
	if !s.cfg.NoEmbed {
		if err := ctx.Err(); err != nil {
			return api.Errorf(api.Timeout, "the store was not opened: %v", err)
		}
		if err := s.openServer(); err != nil {
			return err
		}
		endpoints = s.state.Endpoints
	}
	sess, err := dial(s.cfg, endpoints)
	if err != nil {
		return err
	}
	s.expect(sess)
	s.startFeed(sess, false)
	s.background.Go(s.watchMembers)
	if !s.cfg.NoEmbed {
		s.background.Go(s.watchSpace)
		s.background.Go(s.keepTidy)
		s.background.Go(s.watchRoom)
		if s.cfg.SnapshotEvery > 0 {
			s.background.Go(s.keepSnapshots)
		}
	}
	if s.cfg.Dir != "" {
		s.background.Go(s.keepCopy)
	}
	return nil
}

// openDir takes the directory for this process, reads or makes its state and reads the last known copy.
func (s *Store) openDir() (err error) {
	if s.cfg.Dir == "" {
		return nil // a client of an external etcd that keeps nothing
	}
	if s.lock, err = lockDir(s.cfg.Dir); err != nil {
		return err
	}
	if s.cfg.NoEmbed {
		s.state.ClusterID = "external " + strings.Join(slices.Sorted(slices.Values(s.cfg.Endpoints)), ",")
		s.loadCopy()
		return nil
	}
	if s.cfg.revoked, err = openRevocations(s.cfg.Dir, s.log); err != nil {
		return err
	}
	s.background.Go(s.followRevoked)
	st, err := loadState(s.cfg.Dir)
	if err != nil {
		return err
	}
	if st != nil {
		s.state = *st
		s.known.Store(&st.Members)
	} else if err := s.found(0); err != nil {
		return err
	}
	s.tidy()
	s.loadCopy()
	return nil
}

// found makes the state of a peer that is alone: the only member of its own cluster. nextDir is the number of data
// directories that were made before.
func (s *Store) found(nextDir int) error {
	token := make([]byte, 16)
	if _, err := rand.Read(token); err != nil {
		return api.Errorf(api.Internal, "no random number for the name of the store's cluster: %v", err)
	}
	cfg := s.config()
	s.state = state{Role: roleMember, ClusterID: hex.EncodeToString(token), Endpoints: cfg.AdvertiseClientURLs, NextDir: nextDir}
	s.state.Member = s.state.newMember(map[string][]string{cfg.PeerID: cfg.AdvertisePeerURLs}, false)
	return s.state.save(s.cfg.Dir)
}

// openServer starts the server if this peer has one. One that was about to enter a cluster when the peer stopped needs
// the others' answer to do so, and goes on in the background.
func (s *Store) openServer() error {
	m := s.state.Member
	if m == nil {
		return nil
	}
	if m.Existing && !m.initialised(s.cfg.Dir) {
		s.background.Go(s.enterLater)
		return nil
	}
	if err := s.needRoom(minRoom + logAhead); err != nil {
		s.log.Warn(err)
		s.parked.Store(api.AsError(err))
		return nil
	}
	return s.startRecorded()
}

// startFeed makes sess the session of the store and feeds the copy from it.
func (s *Store) startFeed(sess *session, loaded bool) {
	s.session.Store(sess)
	ctx, cancel := context.WithCancel(s.ctx)
	f := &feeder{cancel: cancel, done: make(chan struct{})}
	s.feeder = f
	go func() {
		defer close(f.done)
		s.feed(ctx, sess, loaded)
	}()
}

func (s *Store) stopFeed() {
	if s.feeder == nil {
		return
	}
	s.feeder.cancel()
	<-s.feeder.done
	s.feeder = nil
}

// Close ends the session and stops the embedded member, which can be started again from the same directory. It works
// in any state and may be called more than once.
func (s *Store) Close() error {
	s.cancel() // before the mutex, so that whatever holds it ends soon
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.stopFeed()
	if sess := s.session.Load(); sess != nil {
		sess.close() // before the server, which waits for its clients
	}
	if sv := s.server.Swap(nil); sv != nil {
		sv.stop()
	}
	s.mu.Unlock() // what runs in the background may want it to see that the store is closed
	s.background.Wait()
	s.mu.Lock()
	_ = s.saveCopy() // has logged what went wrong
	if s.lock != nil {
		return s.lock.Close() // last: only now may another process open the directory
	}
	return nil
}

// Ready is closed once the copy was loaded from the store for the first time, which needs a quorum of the members.
// Before that, reads find what was known last, see Loaded.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// Loaded is closed once reads find something: the copy that was on disk, or the store's own content. A copy from disk
// has no secrets, no tokens, no signs of life and no history of transactions, and it may be old: see Stale.
func (s *Store) Loaded() <-chan struct{} { return s.loaded }

// Stale reports whether the copy was not loaded from the store yet: whatever reads say may have changed since. What is
// absent from a stale copy may exist, so nothing may be removed because of it.
func (s *Store) Stale() bool {
	select {
	case <-s.ready:
		return false
	default:
		return true
	}
}

// Subscribe returns a channel that gets a signal after something below one of the prefixes has changed. Signals are
// coalesced: however many changes there were, one waits. The second value ends the subscription.
func (s *Store) Subscribe(prefixes ...string) (<-chan struct{}, func()) {
	return s.mem.subscribe(prefixes)
}

// Revision returns the revision of the copy in memory.
func (s *Store) Revision() int64 { return s.mem.revision() }

func (s *Store) lookup(key string) (*entry, bool) { return s.mem.lookup(key) }

func (s *Store) scan(prefix string) []*entry { return s.mem.scan(prefix) }

// removeDirs removes data directories in the background.
func (s *Store) removeDirs(dirs []string) {
	for _, dir := range dirs {
		s.background.Go(func() {
			if err := os.RemoveAll(dir); err != nil {
				s.log.WithError(err).Warn("old data of the store cannot be removed; the next start tries again")
			}
		})
	}
}
