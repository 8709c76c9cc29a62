package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gd2/pkg/api"
)

const (
	// watchPause is the pause between looks at the members while the copy is not being fed.
	watchPause = time.Second
	// probeTimeout bounds the question to all members how they are.
	probeTimeout = 2 * time.Second
	// waitQuietly is how long the copy may lack its feed before the log tells of it: an election takes less.
	waitQuietly = 3 * time.Second
	// quorumPatience bounds the wait of a linearizable read, and of a change that has not begun, for a quorum;
	// commitPatience the tries of a change whose caller does not wait for ever.
	quorumPatience, commitPatience = 5 * time.Second, 10 * time.Second
)

// Waiting says in words what the store waits for before its copy is up to date again: how many members it needs and
// which ones cannot be reached. It is empty when a member feeds the copy.
func (s *Store) Waiting() string { return *s.waiting.Load() }

func (s *Store) setWaiting(text string) { s.waiting.Store(&text) }

// nowWaits notes that the copy is no longer fed. If that was known, what is known of the reason stays.
func (s *Store) nowWaits(err error) {
	old := s.waiting.Load()
	if *old != "" {
		return
	}
	text := "waiting for a quorum of the store's members"
	if !errors.Is(err, context.DeadlineExceeded) {
		text += ": " + err.Error() // otherwise it would add only that we wait
	}
	s.waiting.CompareAndSwap(old, &text)
}

// watchMembers finds out what the store waits for, as long as it waits, and logs it when it changes.
func (s *Store) watchMembers() {
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	var since time.Time
	logged := ""
	for {
		s.followOwnMember()
		s.keepCluster()
		before := s.waiting.Load()
		switch {
		case s.cut.Load() != nil: // it says why
		case *before == "" && logged != "":
			s.log.Infof("the store's members answer again, after %v", time.Since(since).Round(time.Second))
			fallthrough
		case *before == "":
			since, logged = time.Time{}, ""
		default:
			if since.IsZero() {
				since = time.Now()
			}
			text := s.describeWait(s.ctx)
			if parked := s.parked.Load(); parked != nil {
				text = parked.Error() + "; " + text
			}
			s.waiting.CompareAndSwap(before, &text) // it may have ended meanwhile
			if text != logged && time.Since(since) > waitQuietly && s.ctx.Err() == nil {
				s.log.Warn(text)
				logged = text
			}
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// describeWait asks all members that are known how they are, and puts it into words.
func (s *Store) describeWait(ctx context.Context) string {
	if err := s.cutOff(); err != nil {
		return err.Error()
	}
	voters := slices.DeleteFunc(s.knownMembers(), func(m Member) bool { return m.Learner })
	if len(voters) == 0 {
		return "waiting for the store at " + strings.Join(s.session.Load().client.Endpoints(), ", ")
	}
	need, reached := len(voters)/2+1, 0
	leader := false
	var missing []string
	for _, p := range s.probe(ctx, voters) {
		if sv := s.server.Load(); sv != nil && sv.running() && p.member.ID == sv.id() {
			reached++ // it answers no clients before there is a leader
			continue
		}
		if p.status == nil {
			missing = append(missing, s.memberName(p.member))
			continue
		}
		reached++
		leader = leader || p.status.Leader != 0
	}
	switch {
	case reached < need:
		return fmt.Sprintf("waiting for a quorum of the store: %d of %d members can be reached, %d are needed; not reached: %s",
			reached, len(voters), need, strings.Join(missing, ", "))
	case !leader:
		return fmt.Sprintf("waiting for the store's members to choose a leader: %d of %d can be reached", reached, len(voters))
	}
	return fmt.Sprintf("waiting for the records of the store: %d of %d members can be reached", reached, len(voters))
}

// memberName is what people call a member, with the address at which it should be.
func (s *Store) memberName(m Member) string {
	urls := m.ClientURLs
	if len(urls) == 0 {
		urls = m.PeerURLs
	}
	name := m.PeerID
	if s.cfg.NameOf != nil && name != "" {
		if n := s.cfg.NameOf(s, name); n != "" {
			name = n
		}
	}
	if name == "" {
		return strings.Join(urls, ", ")
	}
	return name + " (" + strings.Join(urls, ", ") + ")"
}

// probed is what one member has said of itself.
type probed struct {
	member Member
	status *clientv3.StatusResponse // nil: it did not answer
	err    error
}

// probe asks members at the same time, each by itself: that needs no quorum.
func (s *Store) probe(ctx context.Context, members []Member) []probed {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client := s.session.Load().client
	answers := make([]probed, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		answers[i] = probed{member: m, err: errors.New("it has no address yet")}
		wg.Go(func() {
			for _, url := range m.ClientURLs {
				if answers[i].status, answers[i].err = client.Status(ctx, url); answers[i].err == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return answers
}

// knownMembers returns the members as this peer knows them without a quorum: from its own server, from the last list
// that a quorum has confirmed, or, if need be, only their addresses.
func (s *Store) knownMembers() []Member {
	if sv := s.server.Load(); sv != nil && sv.running() {
		if members := sv.members(); len(members) > 0 {
			return members
		}
	}
	if p := s.known.Load(); p != nil && len(*p) > 0 {
		return slices.Clone(*p)
	}
	var members []Member
	for _, url := range s.session.Load().client.Endpoints() {
		members = append(members, Member{ClientURLs: []string{url}})
	}
	return members
}

// remember keeps the list of members that a quorum has confirmed, for the time in which there is none.
func (s *Store) remember(sess *session, members []Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || sess != s.session.Load() || slices.EqualFunc(s.state.Members, members, sameMember) {
		return
	}
	s.known.Store(&members)
	if s.cfg.NoEmbed {
		return
	}
	next := s.state
	next.Members = members
	if err := next.save(s.cfg.Dir); err != nil {
		s.log.WithError(err).Warn("the list of the store's members cannot be kept")
		return
	}
	s.state = next
}

func sameMember(a, b Member) bool {
	return a.ID == b.ID && a.PeerID == b.PeerID && a.Learner == b.Learner && slices.Equal(a.PeerURLs, b.PeerURLs) && slices.Equal(a.ClientURLs, b.ClientURLs)
}

// noQuorum is the error of who waited in vain for a quorum.
func (s *Store) noQuorum(err error) error {
	if waiting := s.Waiting(); waiting != "" {
		return api.Errorf(api.Unavailable, "the store has no quorum: %s", waiting)
	}
	return api.Errorf(api.Unavailable, "the store does not answer, there may be no quorum of its members: %v", err)
}

// needQuorum returns an error if the copy is not being fed and no quorum answers within quorumPatience. As long as the
// copy is fed it costs nothing.
func (s *Store) needQuorum(ctx context.Context) error {
	if s.Waiting() == "" {
		return nil
	}
	return s.Sync(ctx)
}
