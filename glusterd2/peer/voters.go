package peer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
)

// Target returns how many voters and learners the store should have in a pool of n peers. Two voters would tolerate
// less than one, so a pool of two has one voter and a learner that keeps a copy.
func Target(n int) (voters, learners int) {
	switch {
	case n <= 1:
		return 1, 0
	case n == 2:
		return 1, 1
	case n <= 6:
		return 3, 0
	}
	return 5, 0
}

// Membership is what the voter loop needs of the store. *store.Store implements it.
type Membership interface {
	store.Reader
	Subscribe(prefixes ...string) (<-chan struct{}, func())
	IsLeader() bool
	Members(ctx context.Context) ([]store.Member, error)
	AddLearner(ctx context.Context, peerURLs []string) (uint64, map[string][]string, error)
	Promote(ctx context.Context, id uint64) error
	RemoveMember(ctx context.Context, id uint64) error
	SetEndpoints(endpoints []string) error
}

var _ Membership = (*store.Store)(nil)

// Remote starts and stops the members of other peers.
type Remote interface {
	StartMember(ctx context.Context, peerID string, initialCluster map[string][]string) error
	StopMember(ctx context.Context, peerID string) error
}

// Voters grows and shrinks the membership of the store with the pool. It runs on every peer; only the peer whose member
// leads the store acts, and every peer keeps the list of members that its client dials.
type Voters struct {
	// Self is the id of this peer.
	Self   string
	Store  Membership
	Remote Remote
	Log    *logrus.Entry
}

// Pauses of the loop: between looks when all is well, when something is to do, and the limit of one act.
const (
	votersIdle = 15 * time.Second
	votersBusy = 100 * time.Millisecond
	votersAct  = 30 * time.Second
)

// Run keeps the membership until the context ends.
func (v *Voters) Run(ctx context.Context) {
	changed, stop := v.Store.Subscribe(store.PrefixPeers, store.PrefixAlive)
	defer stop()
	for ctx.Err() == nil {
		pause := votersIdle
		if again, err := v.once(ctx); err != nil && ctx.Err() == nil {
			v.Log.Warnf("store membership: %v", err)
			pause = time.Second
		} else if again {
			pause = votersBusy
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// once does at most one change of the membership, and reports whether there may be another.
func (v *Voters) once(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, votersAct)
	defer cancel()
	peers, err := Records.List(v.Store)
	if err != nil || len(peers) == 0 {
		return false, err
	}
	members, err := v.Store.Members(ctx)
	if err != nil {
		return false, err
	}
	if err := v.Store.SetEndpoints(store.VoterURLs(members)); err != nil {
		return false, err
	}
	if !v.Store.IsLeader() {
		return false, nil
	}
	act := decide(v.Self, peers, members, func(id string) bool { _, ok := Online(v.Store, id); return ok })
	return v.perform(ctx, act)
}

// action is one change of the membership.
type action struct {
	kind   string // "", promote, remove, demote, drop, add or start
	member store.Member
	peer   *Peer
}

func (v *Voters) perform(ctx context.Context, act action) (bool, error) {
	log := v.Log.WithField("member", act.member.PeerID)
	switch act.kind {
	case "promote":
		err := v.Store.Promote(ctx, act.member.ID)
		if api.IsKind(err, api.Conflict) {
			return true, nil // not yet in sync
		}
		if err == nil {
			log.Info("the learner is in sync and votes now")
		}
		return true, err
	case "remove":
		log.Info("removing a member whose peer has left the pool")
		return true, v.Store.RemoveMember(ctx, act.member.ID)
	case "demote":
		log.Info("removing a voter: the pool has become smaller")
		if err := v.Store.RemoveMember(ctx, act.member.ID); err != nil {
			return false, err
		}
		return true, v.Remote.StopMember(ctx, act.member.PeerID)
	case "drop":
		log.Info("removing a learner whose peer is away")
		return true, v.Store.RemoveMember(ctx, act.member.ID)
	case "add":
		return true, v.add(ctx, act.peer)
	case "start":
		return true, v.restart(ctx, act.peer)
	}
	return false, nil
}

// add adds a learner and tells its peer; a learner that does not start is taken out again.
func (v *Voters) add(ctx context.Context, p *Peer) error {
	id, cluster, err := v.Store.AddLearner(ctx, p.StorePeerURLs)
	if err != nil {
		return err
	}
	if err := v.Remote.StartMember(ctx, p.ID, named(cluster, p)); err != nil {
		v.Log.WithField("member", p.ID).Warnf("the learner did not start: %v", err)
		// The removal must not depend on the time that the start used up.
		rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), votersAct)
		defer cancel()
		return errors.Join(err, v.Store.RemoveMember(rctx, id))
	}
	v.Log.WithField("member", p.ID).Info("a learner was added to the store")
	return nil
}

// restart tells the peer of a learner that has not shown its name yet to start. An earlier try may have ended between
// the two calls; a learner that is starting is left alone.
func (v *Voters) restart(ctx context.Context, p *Peer) error {
	members, err := v.Store.Members(ctx)
	if err != nil {
		return err
	}
	cluster := map[string][]string{}
	for _, m := range members {
		cluster[m.PeerID] = m.PeerURLs
	}
	return v.Remote.StartMember(ctx, p.ID, named(cluster, p))
}

// named gives the new learner, whose name the store does not know yet, the name it will start with.
func named(cluster map[string][]string, p *Peer) map[string][]string {
	out := map[string][]string{p.ID: p.StorePeerURLs}
	for name, urls := range cluster {
		if name != "" && !slices.Equal(urls, p.StorePeerURLs) {
			out[name] = urls
		}
	}
	return out
}

// decide is the policy of the leader self: what to change next so that the membership fits the pool. It is pure.
func decide(self string, peers []store.Record[*Peer], members []store.Member, online func(string) bool) action {
	byID := map[string]*Peer{}
	leaving := false
	for _, p := range peers {
		byID[p.ID] = p.Value
		leaving = leaving || p.Value.Leaving
	}
	wantVoters, wantLearners := Target(len(peers))
	var voters, learners []store.Member
	used := map[string]bool{}
	for _, m := range members {
		owner := ownerOf(m, peers)
		if owner == nil {
			return action{kind: "remove", member: m}
		}
		used[owner.ID] = true
		switch {
		case !m.Learner:
			voters = append(voters, m)
		case !online(owner.ID) && len(peers) > 2:
			// The store takes one learner at a time: one that cannot catch up stands in the way of the next.
			return action{kind: "drop", member: m}
		case m.PeerID == "" && online(owner.ID):
			return action{kind: "start", member: m, peer: owner}
		default:
			learners = append(learners, m)
		}
	}
	switch {
	case len(learners) > 0 && len(voters) < wantVoters:
		return action{kind: "promote", member: learners[0]}
	case len(voters) > wantVoters && !leaving: // whoever detaches a peer moves its vote first
		return action{kind: "demote", member: demotable(self, voters, online)}
	case len(voters)+len(learners) < wantVoters+wantLearners:
		if p := candidate(peers, used, byID, members, online); p != nil {
			return action{kind: "add", peer: p}
		}
	}
	return action{}
}

// ownerOf finds the peer of a member: by name, or for one that has not started by its URLs.
func ownerOf(m store.Member, peers []store.Record[*Peer]) *Peer {
	for _, p := range peers {
		if m.PeerID == p.ID || m.PeerID == "" && slices.Equal(m.PeerURLs, p.Value.StorePeerURLs) {
			return p.Value
		}
	}
	return nil
}

// demotable prefers a voter whose peer is away, then the one with the highest name, and never takes the leader.
func demotable(self string, voters []store.Member, online func(string) bool) store.Member {
	return slices.MinFunc(voters, func(a, b store.Member) int {
		if (a.PeerID == self) != (b.PeerID == self) {
			if a.PeerID == self {
				return 1
			}
			return -1
		}
		if oa, ob := online(a.PeerID), online(b.PeerID); oa != ob {
			if oa {
				return 1
			}
			return -1
		}
		return -cmp.Compare(a.PeerID, b.PeerID)
	})
}

// candidate picks the next peer to hold a copy: online, and in a zone that holds the fewest.
func candidate(peers []store.Record[*Peer], used map[string]bool, byID map[string]*Peer, members []store.Member, online func(string) bool) *Peer {
	zones := map[string]int{}
	for _, m := range members {
		if p := byID[m.PeerID]; p != nil {
			zones[p.Zone()]++
		}
	}
	var best *Peer
	for _, rec := range peers {
		p := rec.Value
		if used[p.ID] || p.Leaving || !online(p.ID) || len(p.StorePeerURLs) == 0 {
			continue
		}
		if best == nil || zones[p.Zone()] < zones[best.Zone()] {
			best = p
		}
	}
	return best
}
