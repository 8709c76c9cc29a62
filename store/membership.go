package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"

	"gd2/pkg/api"
)

// memberTimeout bounds a question to the members about themselves, or a change of them.
const memberTimeout = 10 * time.Second

// Member is one server of the store.
type Member struct {
	// ID is etcd's number of the member. A peer that leaves and enters again gets another.
	ID uint64 `json:"id"`
	// PeerID is the peer that the member runs on; it is empty until the member has started for the first time.
	PeerID     string   `json:"peer-id,omitempty"`
	PeerURLs   []string `json:"peer-urls"`
	ClientURLs []string `json:"client-urls,omitempty"`
	// Learner is set while the member has no vote.
	Learner bool `json:"learner,omitempty"`
}

// VoterURLs returns the client URLs of those members that answer requests: learners do not.
func VoterURLs(members []Member) []string {
	var urls []string
	for _, m := range members {
		if !m.Learner {
			urls = append(urls, m.ClientURLs...)
		}
	}
	return urls
}

// Members lists the members as a quorum of them knows them, sorted by ID.
func (s *Store) Members(ctx context.Context) ([]Member, error) {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	sess := s.session.Load()
	resp, err := sess.client.MemberList(ctx)
	if err != nil {
		return nil, membershipError("list the members of the store", err)
	}
	members := make([]Member, 0, len(resp.Members))
	for _, m := range resp.Members {
		members = append(members, member(m))
	}
	slices.SortFunc(members, func(a, b Member) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	s.remember(sess, members)
	return slices.Clone(members), nil
}

func member(m *etcdserverpb.Member) Member {
	return Member{ID: m.ID, PeerID: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs, Learner: m.IsLearner}
}

// AddLearner adds a member without a vote, which will be reached at peerURLs. The peer then starts it with StartMember
// and the initial cluster that is returned. It may be repeated: a learner that was added and has not started is
// returned again. One that has started is refused with kind Exists.
func (s *Store) AddLearner(ctx context.Context, peerURLs []string) (id uint64, initialCluster map[string][]string, err error) {
	if err := s.needEmbed(); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	const doing = "add a member to the store"
	client := s.session.Load().client
	var members []*etcdserverpb.Member
	resp, err := client.MemberAddAsLearner(ctx, peerURLs)
	switch {
	case err == nil:
		id, members = resp.Member.ID, resp.Members
	case errors.Is(err, rpctypes.ErrPeerURLExist):
		list, err := client.MemberList(ctx)
		if err != nil {
			return 0, nil, membershipError(doing, err)
		}
		members = list.Members
		i := slices.IndexFunc(members, func(m *etcdserverpb.Member) bool { return sameURLs(m.PeerURLs, peerURLs) })
		if i < 0 || !members[i].IsLearner || members[i].Name != "" {
			return 0, nil, api.Errorf(api.Exists, "the store has a member at %v already, which has started: remove it first", peerURLs)
		}
		id = members[i].ID
	case errors.Is(err, rpctypes.ErrMemberNotFound):
		// A member's id is made of its URLs and the second; one that was removed is never used again.
		return 0, nil, api.Errorf(api.Conflict, "a member at %v was added and removed in this very second: try again", peerURLs)
	default:
		return 0, nil, membershipError(doing, err)
	}
	initialCluster = make(map[string][]string, len(members))
	for _, m := range members {
		initialCluster[initialName(m, initialCluster)] = m.PeerURLs
	}
	return id, initialCluster, nil
}

// initialName is the peer id of a member, or a stand-in where there is none yet or it is taken: etcd compares only the
// URLs of an initial cluster, but wants the names to differ.
func initialName(m *etcdserverpb.Member, taken map[string][]string) string {
	if _, dup := taken[m.Name]; m.Name == "" || dup {
		return fmt.Sprintf("member-%x", m.ID)
	}
	return m.Name
}

// Promote gives a learner its vote. As long as it has not caught up with the leader the error is of kind Conflict: try
// again. A member that has its vote already is left as it is.
func (s *Store) Promote(ctx context.Context, id uint64) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	_, err := s.session.Load().client.MemberPromote(ctx, id)
	if errors.Is(err, rpctypes.ErrMemberNotLearner) {
		return nil
	}
	return membershipError("give a member of the store its vote", err)
}

// RemoveMember removes a member, alive or dead. The peer that ran it then calls StopMember, if it lives. A member that
// is gone already is no error. A member that leads hands over first, so that the pool does not have to notice its end.
// etcd refuses a removal that would cost the quorum: kind State.
func (s *Store) RemoveMember(ctx context.Context, id uint64) error {
	if err := s.needEmbed(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	if err := s.moveLead(ctx, id); err != nil {
		s.log.WithError(err).Debug("the member that is removed could not hand over its lead")
	}
	_, err := s.session.Load().client.MemberRemove(ctx, id)
	if errors.Is(err, rpctypes.ErrMemberNotFound) {
		return nil
	}
	return membershipError("remove a member of the store", err)
}

func membershipError(doing string, err error) error {
	if err == nil {
		return nil
	}
	kind := api.Internal
	switch {
	case errors.Is(err, rpctypes.ErrMemberLearnerNotReady), errors.Is(err, rpctypes.ErrTooManyLearners):
		kind = api.Conflict
	case errors.Is(err, rpctypes.ErrMemberNotFound):
		kind = api.NotFound
	case errors.Is(err, rpctypes.ErrMemberNotEnoughStarted):
		kind = api.State
	case errors.Is(err, rpctypes.ErrUnhealthy), // until all voters have been connected for five seconds
		code(err) == codes.Unavailable, code(err) == codes.DeadlineExceeded, code(err) == codes.Canceled,
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		kind = api.Unavailable
	}
	return api.Errorf(kind, "cannot %s: %v", doing, err)
}

// needEmbed refuses what is not ours to change in an external etcd.
func (s *Store) needEmbed() error {
	if s.cfg.NoEmbed {
		return api.Errorf(api.NotSupported, "the store is an external etcd: gd2 does not change its members")
	}
	return nil
}

func sameURLs(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
