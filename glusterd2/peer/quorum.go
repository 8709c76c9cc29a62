package peer

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

const (
	// quorumEvery is how often the pool is counted while a volume asks for it.
	quorumEvery = time.Second
	// quorumPatience is how long too few peers must be at work before the bricks are stopped: a daemon that restarts, or
	// an election in the store, is no reason to take data away.
	quorumPatience = 5 * time.Second
	// quorumLook bounds the question to the store, and those to the peers.
	quorumLook = 1500 * time.Millisecond
)

// QuorumConfig is what a Quorum needs.
type QuorumConfig struct {
	Self string
	// Peers lists the pool as this peer knows it, itself included; Online tells by the records who is at work.
	Peers  func() ([]*Peer, error)
	Online func(peerID string) bool
	// Sync fails if this peer is out of touch with the store, so that Online says how it was once.
	Sync func(ctx context.Context) error
	// Knock asks another peer directly whether it is there.
	Knock func(ctx context.Context, p *Peer) error
	// Wanted reports whether some volume asks for the quorum, Ratio what the option cluster.server-quorum-ratio says.
	Wanted func() bool
	Ratio  func() string
	// Patience is how long a lack is borne; 0 means quorumPatience.
	Patience time.Duration
	Log      *logrus.Entry
}

// Quorum is the server quorum: whether this peer is together with enough of the pool to let the bricks of volumes that ask
// for it serve. It is not the quorum of the store's voters, who may be few of many peers.
type Quorum struct {
	cfg     QuorumConfig
	changed chan struct{}

	mu     sync.Mutex
	state  quorumState
	count  Count
	lackAt time.Time // when the lack began; zero without one
}

// quorumState is what is known of the quorum.
type quorumState int

const (
	quorumUnknown quorumState = iota // nobody has counted yet, or the lack is too fresh
	quorumMet
	quorumLost
)

// Count is how many peers are at work, of how many, and how many must be.
type Count struct{ Active, Total, Needed int }

// Met reports whether enough peers are at work.
func (c Count) Met() bool { return c.Active >= c.Needed }

// String is the count in words.
func (c Count) String() string {
	return fmt.Sprintf("%d of %d peers are at work as this peer sees it, %d are needed", c.Active, c.Total, c.Needed)
}

// NewQuorum returns a Quorum that knows nothing before Run.
func NewQuorum(cfg QuorumConfig) *Quorum {
	if cfg.Patience == 0 {
		cfg.Patience = quorumPatience
	}
	return &Quorum{cfg: cfg, changed: make(chan struct{}, 1)}
}

// Met reports whether the quorum is there: bricks may be started.
func (q *Quorum) Met() bool { return q.is(quorumMet) }

// Lost reports whether the quorum has not been there for a while: bricks are to be stopped. Neither Met nor Lost means to
// leave them as they are.
func (q *Quorum) Lost() bool { return q.is(quorumLost) }

func (q *Quorum) is(state quorumState) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state == state
}

// Changed receives after Met or Lost has changed.
func (q *Quorum) Changed() <-chan struct{} { return q.changed }

// Count returns the last count.
func (q *Quorum) Count() Count {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// FieldNeeded is the field of the error of Refuse that says how many peers must be at work.
const FieldNeeded = "peers-needed"

// Refuse returns the error for a change that needs the quorum, of kind Unavailable; nil if it is there.
func (q *Quorum) Refuse(ctx context.Context) error {
	if q.is(quorumUnknown) {
		q.look(ctx)
	}
	if count := q.Count(); !count.Met() {
		return api.Errorf(api.Unavailable, "the server quorum is not met: %s", count).With(FieldNeeded, strconv.Itoa(count.Needed))
	}
	return nil
}

// Run counts until ctx ends.
func (q *Quorum) Run(ctx context.Context) error {
	tick := time.NewTicker(quorumEvery)
	defer tick.Stop()
	for {
		if q.cfg.Wanted() {
			q.look(ctx)
		} else {
			q.set(quorumUnknown, Count{}) // should a volume ask for it, it is counted first
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look counts once.
func (q *Quorum) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quorumLook)
	defer cancel()
	synced := q.cfg.Sync(ctx) == nil
	peers, err := q.cfg.Peers()
	if err != nil {
		q.cfg.Log.WithError(err).Warn("server quorum: the peers cannot be counted")
		return
	}
	count := Count{Active: 1, Total: len(peers), Needed: quorumOf(len(peers), q.cfg.Ratio())}
	for _, there := range q.who(ctx, peers, synced) {
		if there {
			count.Active++
		}
	}
	q.decide(count, time.Now())
}

// who tells of each other peer whether it is at work: by the records if the store is in reach, by asking each if not.
func (q *Quorum) who(ctx context.Context, peers []*Peer, synced bool) []bool {
	there := make([]bool, len(peers))
	// Out of touch, Sync has taken its time; the question has its own.
	knock, cancel := context.WithTimeout(context.WithoutCancel(ctx), quorumLook)
	defer cancel()
	var wg sync.WaitGroup
	for i, p := range peers {
		switch {
		case p.ID == q.cfg.Self:
		case synced:
			there[i] = q.cfg.Online(p.ID)
		default:
			wg.Go(func() { there[i] = q.cfg.Knock(knock, p) == nil })
		}
	}
	wg.Wait()
	return there
}

// decide takes a count in.
func (q *Quorum) decide(count Count, now time.Time) {
	q.mu.Lock()
	state := q.state
	switch {
	case count.Met():
		state, q.lackAt = quorumMet, time.Time{}
	case q.lackAt.IsZero():
		q.lackAt = now
	case now.Sub(q.lackAt) >= q.cfg.Patience:
		state = quorumLost
	}
	q.mu.Unlock()
	q.set(state, count)
}

// set takes over a state and tells of it if it is new.
func (q *Quorum) set(state quorumState, count Count) {
	q.mu.Lock()
	before := q.state
	q.state, q.count = state, count
	q.mu.Unlock()
	if state == before {
		return
	}
	switch {
	case state == quorumLost:
		q.cfg.Log.Warnf("server quorum lost: %s; bricks of volumes with cluster.server-quorum-type=server stop", count)
	case before == quorumLost:
		q.cfg.Log.Warnf("server quorum is back: %s", count)
	}
	select {
	case q.changed <- struct{}{}:
	default: // one signal already waits
	}
}

// quorumOf is how many of total peers must be at work: glusterd's rule, more than half of them, or with a ratio its share
// rounded up.
func quorumOf(total int, ratio string) int {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(ratio), "%"), 64)
	if err != nil {
		return total/2 + 1
	}
	return int(math.Ceil(float64(total) * percent / 100))
}
