package store

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

// limits are what keepTidy goes by; tests have smaller ones. See space.go for what they are.
type limits struct{ wasteBytes, keepRevisions, dropRevisions int64 }

// keepTidy keeps the databases of all members small, as long as this peer's member leads.
func (s *Store) keepTidy() {
	tick := time.NewTicker(tidyTick)
	defer tick.Stop()
	lim := limits{wasteBytes: wasteBytes, keepRevisions: keepRevisions, dropRevisions: dropRevisions}
	var dropped int64 // the revision up to which this peer knows that the history is gone
	for last := time.Now(); ; {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		dropped = s.dropHistory(s.ctx, lim, dropped)
		pause := tidyPause
		if s.space().percent() >= quotaWarn {
			pause = tidyUrgent
		}
		if time.Since(last) < pause || !s.IsLeader() || s.Waiting() != "" {
			continue
		}
		last = time.Now()
		if err := s.tidyUp(s.ctx, lim); err != nil && s.ctx.Err() == nil {
			s.log.WithError(err).Warn("the store's database cannot be tidied up; it is tried again")
		}
	}
}

// dropHistory drops the history but for its newest revisions, if this peer's member leads and enough has come together. It returns the
// revision up to which it is gone, as far as is known.
func (s *Store) dropHistory(ctx context.Context, lim limits, dropped int64) int64 {
	rev := s.Revision()
	if rev < dropped {
		dropped = 0 // this is another store
	}
	if rev-dropped < lim.dropRevisions || !s.IsLeader() || s.Waiting() != "" {
		return dropped
	}
	ctx, cancel := context.WithTimeout(ctx, compactTimeout)
	defer cancel()
	if _, err := s.session.Load().client.Compact(ctx, rev-lim.keepRevisions); err != nil && !isCompacted(err) {
		s.log.WithError(err).Debug("the history of the store was not dropped; it is tried again")
		return dropped
	}
	return rev - lim.keepRevisions
}

// tidyUp looks at all members once: it drops the history if space is short, defragments those that waste space, one
// after the other, and ends etcd's alarm once there is space again. A member that is being defragmented serves nobody, so
// the leader hands over first, and is defragmented by its successor; only one without other voters does it itself.
func (s *Store) tidyUp(ctx context.Context, lim limits) error {
	members, err := s.Members(ctx)
	if err != nil {
		return err
	}
	sv, client := s.server.Load(), s.session.Load().client
	if sv == nil {
		return nil
	}
	answers := s.probe(ctx, members)
	alarm := slices.ContainsFunc(answers, func(p probed) bool { return p.status != nil && slices.ContainsFunc(alarms(p.status.Errors), isNoSpace) })
	urgent := alarm || slices.ContainsFunc(answers, func(p probed) bool {
		return p.status != nil && percent(p.status.DbSize, p.status.DbSizeQuota) >= quotaWarn
	})
	if urgent {
		if err := forget(ctx, client); err != nil {
			return err
		}
		answers = s.probe(ctx, members)
	}
	for _, p := range answers {
		if p.status == nil || p.member.ID == sv.id() || !wasteful(p.status, lim, urgent) {
			continue
		}
		if err := s.defragment(ctx, p); err != nil {
			return err
		}
	}
	if err := s.tidyLeader(ctx, sv, answers, lim, urgent); err != nil || !alarm {
		return err
	}
	return s.endAlarm(ctx, members)
}

func wasteful(st *clientv3.StatusResponse, lim limits, urgent bool) bool {
	waste := st.DbSize - st.DbSizeInUse
	if urgent && (percent(waste, st.DbSizeQuota) >= wasteUrgent || percent(st.DbSize, st.DbSizeQuota) >= quotaRefuse) {
		return true // a member that has had nothing to write lately does not know yet how much is empty
	}
	return st.DbSize > lim.wasteBytes && percent(waste, st.DbSize) > wasteShare
}

// tidyLeader defragments this peer's own member, or lets another lead first.
func (s *Store) tidyLeader(ctx context.Context, sv *server, answers []probed, lim limits, urgent bool) error {
	others := 0
	var own *probed
	for i, p := range answers {
		if p.member.ID == sv.id() {
			own = &answers[i]
		} else if !p.member.Learner {
			others++
		}
	}
	if own == nil || own.status == nil || !wasteful(own.status, lim, urgent) {
		return nil
	}
	if others > 0 {
		return s.TransferLeadership(ctx)
	}
	return s.defragment(ctx, *own)
}

// defragment gives back what one member's database does not use, and returns when it serves again.
func (s *Store) defragment(ctx context.Context, p probed) error {
	ctx, cancel := context.WithTimeout(ctx, defragTimeout)
	defer cancel()
	client, start := s.session.Load().client, time.Now()
	url := p.member.ClientURLs[0]
	if _, err := client.Defragment(ctx, url); err != nil {
		return membershipError("defragment the database of "+s.memberName(p.member), err)
	}
	after, err := client.Status(ctx, url)
	if err != nil {
		return membershipError("reach "+s.memberName(p.member)+" after its database was defragmented", err)
	}
	s.log.Infof("the database of %s was defragmented: from %d to %d MiB in %v", s.memberName(p.member),
		p.status.DbSize>>20, after.DbSize>>20, time.Since(start).Round(time.Millisecond))
	return nil
}

// forget drops the history. Watches that are behind load everything anew.
func forget(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, compactTimeout)
	defer cancel()
	resp, err := client.Get(ctx, PrefixPool, clientv3.WithCountOnly())
	if err != nil {
		return membershipError("ask for the revision of the store", err)
	}
	if _, err := client.Compact(ctx, resp.Header.Revision, clientv3.WithCompactPhysical()); err != nil && !isCompacted(err) {
		return membershipError("drop the history of the store", err)
	}
	return nil
}

// endAlarm ends etcd's alarm about its quota, if every member has space again.
func (s *Store) endAlarm(ctx context.Context, members []Member) error {
	for _, p := range s.probe(ctx, members) {
		if p.status == nil || percent(p.status.DbSize, p.status.DbSizeQuota) >= quotaRefuse {
			return api.Errorf(api.Unavailable, "the store's alarm NOSPACE stays: %s is still too full or cannot be reached", s.memberName(p.member))
		}
	}
	client := s.session.Load().client
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	list, err := client.AlarmList(ctx)
	if err != nil {
		return membershipError("list the alarms of the store", err)
	}
	for _, a := range list.Alarms {
		if a.Alarm != etcdserverpb.AlarmType_NOSPACE {
			continue
		}
		if _, err := client.AlarmDisarm(ctx, (*clientv3.AlarmMember)(a)); err != nil {
			return membershipError("end an alarm of the store", err)
		}
	}
	s.log.Info("the store has space again: its alarm was ended")
	return nil
}
