package store

import (
	"fmt"
	"time"

	"gd2/pkg/api"
)

// enterPause is the pause between attempts to enter a cluster after a restart.
const enterPause = 2 * time.Second

// newMember plans a member with a data directory that was never used before.
func (s *Store) newMember(cluster map[string][]string, existing bool) *memberState {
	s.state.NextDir++
	return &memberState{Dir: fmt.Sprintf("%s%d", memberPrefix, s.state.NextDir), Existing: existing, InitialCluster: cluster}
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
	sv, err := startServer(s.cfg, s.state.ClusterID, s.state.Member)
	if err != nil {
		return false, err
	}
	s.server.Store(sv)
	return true, nil
}

// members are not ours to change in an external etcd.
func (s *Store) needEmbed() error {
	if s.cfg.NoEmbed {
		return api.Errorf(api.NotSupported, "the store is an external etcd: its members are not changed by gd2")
	}
	return nil
}
