package peer

import (
	"cmp"
	"slices"

	"gd2/store"
)

// DefaultVoters is the largest number of voters unless the configuration says otherwise.
const DefaultVoters = 5

// Target returns how many voters and learners the store should have in a pool of n peers, with at most the given number
// of voters. Two voters would tolerate less than one, so a pool of two has one voter and a learner that keeps a copy.
func Target(n, most int) (voters, learners int) {
	switch {
	case n <= 1:
		return 1, 0
	case n == 2 || most <= 1:
		return 1, 1
	case n <= 6:
		return min(3, most), 0
	}
	return most, 0
}

// view is what the policy goes by.
type view struct {
	// self is the peer whose member leads the store.
	self    string
	peers   []store.Record[*Peer]
	members []store.Member
	// most is the largest number of voters.
	most int
	// online says that a peer's daemon is at work, dead that it has been away long enough for its vote to go to another.
	online, dead func(peerID string) bool
}

// action is one change of the membership.
type action struct {
	kind   string // "", promote, remove, demote, replace, move, drop, add or start
	member store.Member
	peer   *Peer // add, start, move: whom; replace: who is likely to get the vote
}

// standing is the members of a view by what they are now.
type standing struct {
	voters, learners []store.Member
	used             map[string]bool // peers that have a member
}

// decide is the policy of the leader: what to change next so that the membership fits the pool. It is pure.
func decide(v view) action {
	leaving := slices.ContainsFunc(v.peers, func(p store.Record[*Peer]) bool { return p.Value.Leaving })
	st, act := v.sort()
	if act.kind != "" {
		return act
	}
	wantVoters, wantLearners := Target(len(v.peers), v.most)
	switch {
	case len(st.learners) > 0 && len(st.voters) < wantVoters:
		return action{kind: "promote", member: st.learners[0]}
	case len(st.voters) > wantVoters && !leaving: // whoever detaches a peer moves its vote first
		return action{kind: "demote", member: v.demotable(st.voters)}
	}
	next := v.candidate(st.used)
	if dead, ok := v.replaceable(st.voters); ok && next != nil {
		return action{kind: "replace", member: dead, peer: next}
	}
	if len(st.voters)+len(st.learners) < wantVoters+wantLearners && next != nil && v.allAtWork(st.voters) {
		return action{kind: "add", peer: next}
	}
	return action{}
}

// sort looks at each member by itself: what is wrong with one is mended first.
func (v view) sort() (standing, action) {
	st := standing{used: map[string]bool{}}
	for _, m := range v.members {
		owner := ownerOf(m, v.peers)
		if owner == nil {
			return st, action{kind: "remove", member: m}
		}
		st.used[owner.ID] = true
		switch {
		case m.PeerID != "" && len(owner.StorePeerURLs) > 0 && !slices.Equal(m.PeerURLs, owner.StorePeerURLs):
			return st, action{kind: "move", member: m, peer: owner}
		case !m.Learner:
			st.voters = append(st.voters, m)
		case !v.online(owner.ID) && len(v.peers) > 2:
			// The store takes one learner at a time: one that cannot catch up stands in the way of the next.
			return st, action{kind: "drop", member: m}
		case m.PeerID == "" && v.online(owner.ID):
			return st, action{kind: "start", member: m, peer: owner}
		default:
			st.learners = append(st.learners, m)
		}
	}
	return st, action{}
}

// atWork is online, but never doubts the leader itself: its own sign of life may be on its way.
func (v view) atWork(peerID string) bool { return peerID == v.self || v.online(peerID) }

// allAtWork says whether a member can be added: the store adds none while a voter is missing.
func (v view) allAtWork(voters []store.Member) bool {
	return !slices.ContainsFunc(voters, func(m store.Member) bool { return !v.atWork(m.PeerID) })
}

// replaceable finds a voter whose vote should go to another peer: one that is dead, as long as those that remain have a
// quorum at work without it. The store adds nothing while a voter is missing, so the dead one has to go first. Of several
// the one goes whose zone has the most votes.
func (v view) replaceable(voters []store.Member) (store.Member, bool) {
	atWork := 0
	var dead []store.Member
	for _, m := range voters {
		switch {
		case v.atWork(m.PeerID):
			atWork++
		case v.dead(m.PeerID):
			dead = append(dead, m)
		}
	}
	remaining := len(voters) - 1
	if len(dead) == 0 || atWork < remaining/2+1 {
		return store.Member{}, false
	}
	zones := v.zones()
	return slices.MaxFunc(dead, func(a, b store.Member) int {
		if c := cmp.Compare(zones[v.zone(a.PeerID)], zones[v.zone(b.PeerID)]); c != 0 {
			return c
		}
		return cmp.Compare(a.PeerID, b.PeerID)
	}), true
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
func (v view) demotable(voters []store.Member) store.Member {
	return slices.MinFunc(voters, func(a, b store.Member) int {
		if (a.PeerID == v.self) != (b.PeerID == v.self) {
			if a.PeerID == v.self {
				return 1
			}
			return -1
		}
		if oa, ob := v.online(a.PeerID), v.online(b.PeerID); oa != ob {
			if oa {
				return 1
			}
			return -1
		}
		return -cmp.Compare(a.PeerID, b.PeerID)
	})
}

// candidate picks the next peer to hold a copy: online, and in a zone that holds the fewest.
func (v view) candidate(used map[string]bool) *Peer {
	zones := v.zones()
	var best *Peer
	for _, rec := range v.peers {
		p := rec.Value
		if used[p.ID] || p.Leaving || !v.online(p.ID) || len(p.StorePeerURLs) == 0 {
			continue
		}
		if best == nil || zones[p.Zone()] < zones[best.Zone()] {
			best = p
		}
	}
	return best
}

// zones counts the members in each zone. Those whose peer is dead do not count: they are about to go.
func (v view) zones() map[string]int {
	zones := map[string]int{}
	for _, m := range v.members {
		if p := ownerOf(m, v.peers); p != nil && (v.atWork(p.ID) || !v.dead(p.ID)) {
			zones[p.Zone()]++
		}
	}
	return zones
}

func (v view) zone(peerID string) string {
	for _, p := range v.peers {
		if p.ID == peerID {
			return p.Value.Zone()
		}
	}
	return ""
}
