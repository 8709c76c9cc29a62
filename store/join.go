package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

// Membership names another pool's store.
type Membership struct {
	// ClusterID is the pool's id.
	ClusterID string
	// Endpoints are the client URLs of its voters.
	Endpoints []string
}

// StartMember says what AddLearner has answered.
type StartMember struct {
	// InitialCluster holds the peer URLs of all members by name, those of the new one among them.
	InitialCluster map[string][]string
}

const (
	// enterTimeout bounds the attempts of StartMember to enter a cluster.
	enterTimeout = 10 * time.Second
	// enterPause is the pause between attempts to enter it after a restart, which have no bound.
	enterPause = 2 * time.Second
)

// Join leaves the present cluster for another pool's: this peer becomes a client of its members, the copy in memory
// becomes the pool's, and the data of the member that this peer had is removed. The certificate files must be the other
// pool's before the call.
//
// First everything is read from the other pool. As long as that does not succeed nothing changes, and the error is of
// kind Unavailable. From the moment at which it is recorded there is no way back. After Join the copy is loaded.
func (s *Store) Join(ctx context.Context, m Membership) error {
	return s.goOver(ctx, m.Endpoints, func(Reader) (string, error) { return m.ClusterID, nil }, false)
}

// goOver makes this peer a client of the members at endpoints, whatever it was before. Check is given the records that are
// there; it returns the pool's id, or the reason against it. keep keeps the data of the present member.
func (s *Store) goOver(ctx context.Context, endpoints []string, check func(Reader) (clusterID string, err error), keep bool) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	if _, err := parseURLs("endpoints", endpoints, "https"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	sess, err := dial(s.cfg, endpoints)
	if err != nil {
		return err
	}
	entries, rev, err := load(ctx, sess.client)
	if err != nil {
		sess.close()
		return api.Errorf(api.Unavailable, "the store at %s cannot be read, nothing was changed: %v", strings.Join(endpoints, ", "), err)
	}
	there := newMemory()
	there.replace(entries, rev)
	next := s.state
	if next.ClusterID, err = check(there); err != nil {
		sess.close()
		return err
	}
	if keep && next.Member != nil {
		next.Kept = next.Member.Dir
	}
	next.Role, next.Member, next.Endpoints = roleClient, nil, slices.Clone(endpoints)
	next.Members, next.Cluster = nil, sess.cluster.Load()
	if err := next.save(s.cfg.Dir); err != nil {
		sess.close()
		return err
	}
	s.state = next
	s.known.Store(nil)
	old := s.session.Load()
	s.stopFeed()
	s.mem.replace(entries, rev)
	s.cut.Store(nil)
	s.startFeed(sess, true)
	_ = s.saveCopy() // a failure is logged; without it a crash now would find the old pool's copy, which is of no use
	old.close()      // wakes whoever waits for the old pool
	s.dropServer()
	return nil
}

// dropServer stops the embedded server, if there is one, and removes its data in the background, unless it is to be
// kept: store.json does not name it any more, so a crash leaves nothing that would be used.
func (s *Store) dropServer() {
	if sv := s.server.Swap(nil); sv != nil {
		sv.stop()
	}
	s.tidy()
}

// StartMember starts the embedded server as the member that AddLearner has added. It asks the other members about the
// cluster, then returns; the new member catches up by itself, and Promote tells when it has. The session and the copy
// stay as they are. It may be repeated; a server that runs is left alone.
//
// It is recorded first: a peer that stops in between goes on with it when it starts again.
func (s *Store) StartMember(ctx context.Context, req StartMember) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	cluster, err := s.withOwnName(req.InitialCluster)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	if sv := s.server.Load(); sv != nil && sv.running() {
		return nil
	}
	if m := s.state.Member; m == nil || !m.Existing || !maps.EqualFunc(m.InitialCluster, cluster, sameURLs) {
		// What an earlier membership has left is useless to this one, and poison: it belongs to another member id.
		next := s.state
		if m != nil && m.initialised(s.cfg.Dir) {
			next.Kept = m.Dir // it may be all that is left of a store that was recovered elsewhere
		}
		next.Role, next.Member = roleMember, next.newMember(cluster, true)
		if err := next.save(s.cfg.Dir); err != nil {
			return err
		}
		s.state = next
		s.dropServer()
	}
	if sv := s.server.Swap(nil); sv != nil {
		sv.stop()
	}
	return s.enter(ctx)
}

// enter starts the recorded server, again and again for a while: it compares what it is told with what one of the
// others says, and that one may not have heard of the newest member yet.
func (s *Store) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, enterTimeout)
	defer cancel()
	for {
		err := s.startRecorded()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-s.ctx.Done():
			return errClosed()
		case <-time.After(retryPause):
		}
	}
}

// startRecorded starts the server that the state describes.
func (s *Store) startRecorded() error {
	if err := s.needRoom(minRoom + logAhead); err != nil {
		return err
	}
	sv, err := startServer(s.config(), s.state.ClusterID, s.state.Member)
	if err != nil {
		return err
	}
	s.server.Store(sv)
	s.parked.Store(nil)
	s.background.Go(func() { s.followServer(sv) })
	return nil
}

// withOwnName gives the entry of an initial cluster that has this peer's URLs this peer's name.
func (s *Store) withOwnName(cluster map[string][]string) (map[string][]string, error) {
	named := make(map[string][]string, len(cluster))
	found := false
	for name, urls := range cluster {
		switch {
		case sameURLs(urls, s.config().AdvertisePeerURLs):
			named[s.cfg.PeerID], found = urls, true
		case name == s.cfg.PeerID:
			named[name+"-former"] = urls // etcd wants the names to differ and does not care for them otherwise
		default:
			named[name] = urls
		}
	}
	if !found {
		return nil, api.Errorf(api.Invalid, "the store's members %v do not include this peer's URLs %s: add it as a learner first",
			cluster, strings.Join(s.config().AdvertisePeerURLs, ","))
	}
	return named, nil
}

// StopMember stops the embedded server and removes its data, after RemoveMember. The peer goes on as a client of the
// other members, whose URLs the store must know: see SetEndpoints.
func (s *Store) StopMember(context.Context) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	return s.stopMember()
}

// stopMember is StopMember once the store is held.
func (s *Store) stopMember() error {
	if s.state.Member == nil {
		return nil
	}
	next := s.state
	next.Role, next.Member = roleClient, nil
	next.Endpoints = slices.DeleteFunc(slices.Clone(next.Endpoints), func(u string) bool { return slices.Contains(s.config().AdvertiseClientURLs, u) })
	if len(next.Endpoints) == 0 {
		return api.Errorf(api.State, "this peer knows no other member of the store: it cannot stop being one")
	}
	if err := next.save(s.cfg.Dir); err != nil {
		return err
	}
	s.state = next
	s.session.Load().client.SetEndpoints(next.Endpoints...)
	s.dropServer()
	return nil
}

// SetEndpoints makes the client URLs of the voters known, see VoterURLs; they are used at once and after a restart.
// An empty list is ignored.
func (s *Store) SetEndpoints(urls []string) error {
	if s.cfg.NoEmbed || len(urls) == 0 {
		return nil
	}
	if _, err := parseURLs("endpoints", urls, "https"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setEndpoints(urls)
}

// Follow is SetEndpoints of the voters among members, as Members has returned them, unless this peer has gone over to
// another pool since: there they are strangers, and asking them would cut it off.
func (s *Store) Follow(members []Member) error {
	urls := VoterURLs(members)
	if s.cfg.NoEmbed || len(urls) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.EqualFunc(s.state.Members, members, sameMember) {
		return nil // a newer list has come, or a new pool, which forgets the list
	}
	return s.setEndpoints(urls)
}

func (s *Store) setEndpoints(urls []string) error {
	if s.closed {
		return errClosed()
	}
	if sameURLs(urls, s.state.Endpoints) {
		return nil
	}
	next := s.state
	next.Endpoints = slices.Clone(urls)
	if err := next.save(s.cfg.Dir); err != nil {
		return err
	}
	s.state = next
	s.session.Load().client.SetEndpoints(next.Endpoints...)
	return nil
}

// newMember plans a member with a data directory that was never used before.
func (st *state) newMember(cluster map[string][]string, existing bool) *memberState {
	st.NextDir++
	return &memberState{Dir: fmt.Sprintf("%s%d", memberPrefix, st.NextDir), Existing: existing, InitialCluster: cluster}
}

// enterLater starts the server of a peer that stopped while it was entering a cluster, as soon as the others answer.
func (s *Store) enterLater() {
	for {
		done, err := s.enterOnce()
		if done {
			return
		}
		s.log.WithError(err).Warn("the store's server cannot enter the cluster yet")
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(enterPause):
		}
	}
}

func (s *Store) enterOnce() (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ctx.Err() != nil || s.state.Member == nil || s.server.Load() != nil {
		return true, nil
	}
	err = s.startRecorded()
	return err == nil, err
}
