package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

// Roles of a member as Status names them.
const (
	roleVoter   = "voter"
	roleLearner = "learner"
)

// listTimeout bounds, within Status, the question to a quorum who the members are.
const listTimeout = time.Second

// lagWarn is the number of log entries by which a member may be behind the leader without a warning.
const lagWarn = 1000

// Status describes the store as this peer sees it, in two to three seconds at most: it asks all members at the same
// time, each by itself, so that it has something to say without a quorum too. The error tells only of a peer that has no
// store any more.
func (s *Store) Status(ctx context.Context) (api.StoreStatus, error) {
	st := api.StoreStatus{Revision: s.Revision(), Stale: s.Stale(), Members: []api.StoreMember{}, Warnings: []string{}, Alarms: []string{}}
	if err := s.cutOff(); err != nil {
		return st, err
	}
	if s.ctx.Err() != nil {
		return st, errClosed()
	}
	members := s.knownMembers()
	if s.Waiting() == "" {
		list, cancel := context.WithTimeout(ctx, listTimeout)
		if now, err := s.Members(list); err == nil {
			members = now
		}
		cancel()
	}
	answers := s.probe(ctx, members)
	fillStatus(&st, answers)
	st.Records, st.RecordBytes = s.mem.size()
	s.judge(&st, answers)
	if list := listSnapshots(s.cfg.Dir); len(list) > 0 {
		made := list[len(list)-1].made
		st.LastSnapshot, st.SnapshotAge = made.Format(time.RFC3339), int64(time.Since(made)/time.Second)
	}
	return st, nil
}

// fillStatus puts the answers of the members into a status.
func fillStatus(st *api.StoreStatus, answers []probed) {
	leader := leading(answers)
	for _, p := range answers {
		m := api.StoreMember{PeerID: p.member.PeerID, Role: roleVoter}
		if p.member.Learner {
			m.Role = roleLearner
		}
		if p.status == nil {
			m.Error = p.err.Error()
			st.Members = append(st.Members, m)
			continue
		}
		m.Reachable, m.Index, m.DBBytes, m.DBInUseBytes = true, p.status.RaftAppliedIndex, p.status.DbSize, p.status.DbSizeInUse
		m.Leader = leader != nil && p.status.Header.MemberId == leader.Header.MemberId
		if leader != nil && leader.RaftIndex > m.Index {
			m.Lag = leader.RaftIndex - m.Index
		}
		if m.Leader {
			st.Leader = m.PeerID
		}
		if m.Leader || leader == nil && m.DBBytes > st.DBBytes {
			st.DBBytes, st.DBInUseBytes, st.QuotaBytes = m.DBBytes, m.DBInUseBytes, p.status.DbSizeQuota
		}
		st.Term = max(st.Term, p.status.RaftTerm)
		st.Alarms = append(st.Alarms, alarms(p.status.Errors)...)
		st.Members = append(st.Members, m)
	}
	slices.Sort(st.Alarms)
	st.Alarms = slices.Compact(st.Alarms)
}

// leading returns the answer of the member that leads, if it is among them and a newer leader is not named.
func leading(answers []probed) *clientv3.StatusResponse {
	var leader *clientv3.StatusResponse
	for _, p := range answers {
		if p.status != nil && p.status.Leader == p.status.Header.MemberId && (leader == nil || p.status.RaftTerm > leader.RaftTerm) {
			leader = p.status
		}
	}
	return leader
}

// alarms picks the names out of what a member reports as errors: "memberID:123 alarm:NOSPACE ". Others of its errors
// say that there is no leader, which is told in other words.
func alarms(errs []string) []string {
	var names []string
	for _, e := range errs {
		if _, name, ok := strings.Cut(e, "alarm:"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// judge puts the health of the store into words.
func (s *Store) judge(st *api.StoreStatus, answers []probed) {
	voters, reached, synced := 0, 0, 0
	for i, p := range answers {
		m := st.Members[i]
		switch {
		case !m.Reachable && p.member.PeerID == "": // it was added a moment ago and has not started yet
		case !m.Reachable:
			st.Warnings = append(st.Warnings, fmt.Sprintf("%s %s cannot be reached", m.Role, s.memberName(p.member)))
		case m.Lag > lagWarn:
			st.Warnings = append(st.Warnings, fmt.Sprintf("%s %s is %d entries behind the leader", m.Role, s.memberName(p.member), m.Lag))
		case p.member.Learner:
			synced++
		}
		if !p.member.Learner {
			voters++
			if m.Reachable {
				reached++
			}
		}
	}
	need := voters/2 + 1
	switch {
	case s.Waiting() != "":
		st.Health = "no quorum: " + s.Waiting()
	case reached < need || st.Leader == "":
		st.Health = fmt.Sprintf("no quorum: %d of %d voters can be reached from this peer, %d are needed", reached, voters, need)
	case voters == 1 && synced > 0:
		st.Health = "one voter and a learner in sync: the loss of the learner does no harm, after that of the voter the pool must be recovered from the learner"
	case voters == 1:
		st.Health = "one voter: after its loss the pool must be recovered from a backup"
	default:
		st.Health = fmt.Sprintf("%d of %d voters can be reached: the loss of %d more does no harm", reached, voters, reached-need)
	}
	if strings.HasPrefix(st.Health, "no quorum") {
		st.Warnings = append(st.Warnings, st.Health)
	}
	if parked := s.parked.Load(); parked != nil {
		st.Warnings = append(st.Warnings, parked.Error())
	}
	st.Warnings = append(st.Warnings, spaceWarnings(st)...)
	st.Healthy = len(st.Warnings) == 0
}

func spaceWarnings(st *api.StoreStatus) []string {
	var list []string
	if share := percent(st.DBBytes, st.QuotaBytes); share >= quotaWarn {
		list = append(list, fmt.Sprintf("the store's database takes %d %% of its quota of %d MiB; changes are refused from %d %% on", share, st.QuotaBytes>>20, quotaRefuse))
	}
	for _, a := range st.Alarms {
		list = append(list, "the store has raised the alarm "+a)
	}
	return list
}

// askOne asks the members in turn for their status, this peer's own first, until one answers.
func (s *Store) askOne(ctx context.Context) (resp *clientv3.StatusResponse, err error) {
	client := s.session.Load().client
	endpoints := client.Endpoints()
	if s.server.Load() != nil {
		endpoints = append(slices.Clone(s.config().AdvertiseClientURLs), endpoints...)
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
