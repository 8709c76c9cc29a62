package store

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

// Roles of a member as Status names them.
const (
	roleVoter   = "voter"
	roleLearner = "learner"
)

// Status describes the store as this peer sees it: the revision of its copy, and what one member says of the others.
// With no quorum it fails with kind Unavailable; what the store waits for is told by Waiting.
func (s *Store) Status(ctx context.Context) (api.StoreStatus, error) {
	st := api.StoreStatus{Revision: s.Revision(), Members: []api.StoreMember{}}
	members, err := s.Members(ctx)
	if err != nil {
		return st, err
	}
	one, err := s.askOne(ctx)
	if err != nil {
		return st, err
	}
	st.Term, st.DBBytes = one.RaftTerm, one.DbSize
	for _, m := range members {
		role := roleVoter
		if m.Learner {
			role = roleLearner
		}
		if m.ID == one.Leader {
			st.Leader = m.PeerID
		}
		st.Members = append(st.Members, api.StoreMember{PeerID: m.PeerID, Role: role})
	}
	return st, nil
}

// askOne asks the members in turn for their status, this peer's own first, until one answers.
func (s *Store) askOne(ctx context.Context) (resp *clientv3.StatusResponse, err error) {
	client := s.session.Load().client
	endpoints := client.Endpoints()
	if s.server.Load() != nil {
		endpoints = append(append([]string{}, s.cfg.AdvertiseClientURLs...), endpoints...)
	}
	for _, ep := range endpoints {
		one, cancel := context.WithTimeout(ctx, tryTimeout)
		resp, err = client.Status(one, ep)
		cancel()
		if err == nil {
			return resp, nil
		}
	}
	return nil, membershipError("ask a member of the store for its status", err)
}
