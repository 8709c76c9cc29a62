package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gd2/pkg/api"
)

const (
	// removedPause is the pause between questions whether a member without a leader was removed.
	removedPause = 3 * time.Second
	// keptPrefix precedes the name of a data directory that is kept although its member is gone.
	keptPrefix = "old-"
)

// followServer finds out when the members have gone on without this peer's: it was removed while the peer was away, or
// without the peer being told. A server that finds that out by itself stops; one that can reach none of its former
// colleagues only misses its leader.
func (s *Store) followServer(sv *server) {
	tick := time.NewTicker(removedPause)
	defer tick.Stop()
	stopped := sv.etcd.Server.StopNotify()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-sv.over:
			return
		case <-stopped:
			stopped = nil // look now, and if nobody answers with every tick
		case <-tick.C:
		}
		if sv.running() && sv.etcd.Server.Leader() != 0 {
			continue
		}
		members, removed := s.askRemoved(sv)
		if !removed {
			continue
		}
		if err := s.retire(sv, members); err != nil {
			s.log.WithError(err).Warn("this peer's member of the store was removed, but the peer cannot become a client yet")
			continue
		}
		return
	}
}

// askRemoved asks the other members whether this one is still among them. Only the answer of a quorum counts.
func (s *Store) askRemoved(sv *server) (members []Member, removed bool) {
	s.mu.Lock()
	urls := slices.Clone(s.state.Endpoints)
	s.mu.Unlock()
	for _, m := range append(sv.members(), s.knownMembers()...) {
		if !m.Learner {
			urls = append(urls, m.ClientURLs...)
		}
	}
	slices.Sort(urls)
	urls = slices.DeleteFunc(slices.Compact(urls), func(u string) bool { return slices.Contains(s.config().AdvertiseClientURLs, u) })
	if len(urls) == 0 {
		return nil, false
	}
	sess, err := dial(s.cfg, urls)
	if err != nil {
		return nil, false
	}
	defer sess.close()
	ctx, cancel := context.WithTimeout(s.ctx, removedPause)
	defer cancel()
	resp, err := sess.client.MemberList(ctx)
	if err != nil {
		return nil, false
	}
	if resp.Header.ClusterId != uint64(sv.etcd.Server.Cluster().ID()) {
		sv.foreign.Do(func() {
			s.log.Warnf("the store at %s is not the one that this peer is a member of: it may have been recovered without this peer, which then has to enter it anew",
				strings.Join(urls, ", "))
		})
		return nil, false
	}
	for _, m := range resp.Members {
		if m.ID == sv.id() {
			return nil, false
		}
		members = append(members, member(m))
	}
	return members, true
}

// retire makes a client of a peer whose member was removed. Its data is kept: whatever the pool's members think of this
// one, the data may be the last there is.
func (s *Store) retire(sv *server, members []Member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.server.Load() != sv || s.state.Member == nil {
		return nil
	}
	urls := VoterURLs(members)
	if len(urls) == 0 {
		return api.Errorf(api.Unavailable, "the members of the store have no addresses")
	}
	next := s.state
	next.Role, next.Kept, next.Member = roleClient, s.state.Member.Dir, nil
	next.Endpoints, next.Members = urls, members
	if err := next.save(s.cfg.Dir); err != nil {
		return err
	}
	s.state = next
	s.known.Store(&members)
	s.session.Load().client.SetEndpoints(urls...)
	s.dropServer()
	s.log.Warnf("this peer's member of the store was removed while the peer was away: the peer is a client of %s now; the old data is kept in %s",
		strings.Join(urls, ", "), keptPrefix+next.Kept)
	return nil
}

// tidy keeps the one data directory that is to be kept under its new name, and removes, in the background, those of
// members that are gone.
func (s *Store) tidy() {
	if err := s.state.keep(s.cfg.Dir); err != nil {
		s.log.WithError(err).Warn("the data of the former member of the store cannot be put aside; the next start tries again")
		return
	}
	s.removeDirs(s.state.strayDirs(s.cfg.Dir))
}

// keep gives the data directories that are to be kept the names under which they stay.
func (st *state) keep(dir string) error {
	names := map[string]string{}
	for _, name := range st.Aside {
		names[name] = asidePrefix + name
	}
	if st.Kept != "" {
		names[st.Kept] = keptPrefix + st.Kept
	}
	for from, to := range names {
		if _, err := os.Stat(filepath.Join(dir, from)); err != nil {
			continue // it has its new name already
		}
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			return fmt.Errorf("rename %s: %w", from, err)
		}
	}
	return syncDir(dir)
}
