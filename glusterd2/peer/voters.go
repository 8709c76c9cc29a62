package peer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
)

// Membership is what the voter loop needs of the store. *store.Store implements it.
type Membership interface {
	store.Reader
	Subscribe(prefixes ...string) (<-chan struct{}, func())
	Sync(ctx context.Context) error
	IsLeader() bool
	Members(ctx context.Context) ([]store.Member, error)
	AddLearner(ctx context.Context, peerURLs []string) (uint64, map[string][]string, error)
	Promote(ctx context.Context, id uint64) error
	RemoveMember(ctx context.Context, id uint64) error
	UpdateMember(ctx context.Context, id uint64, peerURLs []string) error
	Follow(members []store.Member) error
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
	// Most is the largest number of voters; 0 means DefaultVoters.
	Most int
	// ReplaceAfter is how long the peer of a voter may be away before another peer gets its vote; 0 means
	// DefaultReplaceAfter.
	ReplaceAfter time.Duration
	// Seen, if set, hears of the members of the store after each look at them.
	Seen func(ctx context.Context, members []store.Member) error
	// Now overrides time.Now.
	Now func() time.Time
	Log *logrus.Entry

	absences absences
	lastWord string // what the log was told last about a hindrance
	// soon is set on a peer that does not lead while the leader has something to do.
	soon bool
}

// DefaultReplaceAfter is how long the peer of a voter may be away unless the configuration says otherwise.
const DefaultReplaceAfter = 10 * time.Minute

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
		again, err := v.once(ctx)
		timer := time.NewTimer(v.pause(ctx, again, err))
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pause says when to look again, and logs what went wrong: each hindrance once, not at each try.
func (v *Voters) pause(ctx context.Context, again bool, err error) time.Duration {
	switch {
	case err != nil && ctx.Err() == nil:
		if word := err.Error(); word != v.lastWord {
			v.lastWord = word
			level := logrus.WarnLevel
			if api.IsKind(err, api.Unavailable) {
				level = logrus.InfoLevel // such as a voter that has just come: etcd wants it connected for five seconds
			}
			v.Log.Logf(level, "the membership of the store is not yet as it should be: %v", err)
		}
		return time.Second
	case again:
		return votersBusy
	}
	v.lastWord = ""
	if v.soon {
		return time.Second
	}
	return min(votersIdle, v.absences.next(v.now(), v.replaceAfter()))
}

func (v *Voters) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func (v *Voters) replaceAfter() time.Duration {
	if v.ReplaceAfter > 0 {
		return v.ReplaceAfter
	}
	return DefaultReplaceAfter
}

// once does at most one change of the membership, and reports whether there may be another.
func (v *Voters) once(ctx context.Context) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, votersAct)
	defer cancel()
	// What is known of who is at work must be fresh: a daemon that was suspended would take everybody for dead.
	if err := v.Store.Sync(ctx); err != nil {
		return false, err
	}
	peers, err := Records.List(v.Store)
	if err != nil || len(peers) == 0 {
		return false, err
	}
	online := func(id string) bool { _, ok := Online(v.Store, id); return ok }
	v.absences.note(peers, online, v.now())
	members, err := v.Store.Members(ctx)
	if err != nil {
		return false, err
	}
	v.soon = false
	if err := v.Store.Follow(members); err != nil {
		return false, err
	}
	act := decide(view{
		self: v.Self, peers: peers, members: members, most: v.most(), online: online,
		dead: func(id string) bool { return v.absences.of(id, v.now()) >= v.replaceAfter() },
	})
	v.tell(ctx, members)
	if !v.Store.IsLeader() {
		// The leader is about to change the members: look again soon, to know where they are.
		v.soon = act.kind != ""
		return false, nil
	}
	return v.perform(ctx, act)
}

// tell tells who wants to know of the members. What they make of it does not hold up the membership.
func (v *Voters) tell(ctx context.Context, members []store.Member) {
	if v.Seen == nil {
		return
	}
	if err := v.Seen(ctx, members); err != nil && ctx.Err() == nil {
		v.Log.Warnf("the key of the pool's authority is not yet with all who should have it: %v", err)
	}
}

func (v *Voters) most() int {
	if v.Most > 0 {
		return v.Most
	}
	return DefaultVoters
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
		return true, v.demote(ctx, act.member)
	case "replace":
		log.Warnf("the peer of this voter has been away for %s: its vote is taken from it, so that another peer can get it, likely %s (%s)",
			v.absences.of(act.member.PeerID, v.now()).Round(time.Second), act.peer.Name, act.peer.ID)
		return true, v.Store.RemoveMember(ctx, act.member.ID)
	case "move":
		log.Infof("the member's peer has moved to %s", act.peer.Host)
		return true, v.Store.UpdateMember(ctx, act.member.ID, act.peer.StorePeerURLs)
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

// demote takes a vote that the pool does not need any more. A peer that cannot be told finds out by itself.
func (v *Voters) demote(ctx context.Context, m store.Member) error {
	log := v.Log.WithField("member", m.PeerID)
	log.Info("removing a voter: the pool needs fewer now")
	if err := v.Store.RemoveMember(ctx, m.ID); err != nil {
		return err
	}
	if err := v.Remote.StopMember(ctx, m.PeerID); err != nil {
		log.Infof("the peer of the former voter could not be told: %v", err)
	}
	return nil
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
