package store

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/types"

	"gd2/pkg/api"
)

const (
	// leadTimeout bounds a hand-over of the lead.
	leadTimeout = time.Second
	// handOverTimeout bounds the wait for one voter to take over.
	handOverTimeout = 500 * time.Millisecond
)

// IsLeader reports whether this peer's embedded server leads the members.
func (s *Store) IsLeader() bool {
	sv := s.server.Load()
	return sv != nil && sv.running() && sv.leads()
}

// TransferLeadership lets another voter lead if this peer's member does; otherwise it does nothing. Close does so by
// itself. The error, of kind Unavailable, says that there was nobody to take over.
func (s *Store) TransferLeadership(ctx context.Context) error {
	sv := s.server.Load()
	if sv == nil || !sv.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leadTimeout)
	defer cancel()
	return sv.handOver(ctx)
}

func (sv *server) leads() bool {
	es := sv.etcd.Server
	return es.Leader() == es.MemberID()
}

// handOver lets another voter lead, if this one does. Those that do not take over in time are passed by.
func (sv *server) handOver(ctx context.Context) error {
	es := sv.etcd.Server
	tried := 0
	for _, m := range es.Cluster().Members() {
		if !sv.leads() || !sv.running() || ctx.Err() != nil {
			break
		}
		if m.ID == es.MemberID() || m.IsLearner {
			continue
		}
		tried++
		if err := sv.moveLead(ctx, m.ID); err != nil {
			sv.log.WithError(err).WithField("peer-id", m.Name).Debug("a voter did not take over the lead of the store")
		}
	}
	if tried == 0 || !sv.leads() || !sv.running() {
		return nil
	}
	return api.Errorf(api.Unavailable, "none of the store's %d other voters took over the lead", tried)
}

func (sv *server) moveLead(ctx context.Context, to types.ID) error {
	ctx, cancel := context.WithTimeout(ctx, handOverTimeout)
	defer cancel()
	return sv.etcd.Server.MoveLeader(ctx, uint64(sv.etcd.Server.MemberID()), uint64(to))
}

// moveLead takes the lead from a member, wherever it runs, if it has it and another voter can be reached.
func (s *Store) moveLead(ctx context.Context, from uint64) error {
	one, err := s.askOne(ctx)
	if err != nil || one.Leader != from {
		return err
	}
	members, err := s.Members(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(members, func(m Member) bool { return m.ID == from })
	others := slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return m.Learner || m.ID == from })
	if i < 0 || len(others) == 0 {
		return nil
	}
	leader, err := dial(s.cfg, members[i].ClientURLs) // only the leader itself hands over
	if err != nil {
		return err
	}
	defer leader.close()
	for _, p := range s.probe(ctx, others) {
		if p.status == nil {
			continue
		}
		try, cancel := context.WithTimeout(ctx, leadTimeout)
		_, err = leader.client.MoveLeader(try, p.member.ID)
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}
