package health

import (
	"time"

	"gd2/glusterd2/event"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

const (
	// waitQuietly is how long the store may be out of reach before quorum counts as lost: an election takes less.
	waitQuietly = 3 * time.Second
	// awayQuietly is how long a peer may show no sign of life before it counts as down, over the life of the sign itself.
	awayQuietly = 3 * time.Second
	// settle is how long after its own start a peer does not judge others: they may be starting too.
	settle = 15 * time.Second
)

// Quorum tells whether this peer has a quorum of the store in reach. What it saw is recorded when it has one again.
type Quorum struct {
	Self    func() Self
	Waiting func() string

	since   time.Time // of the outage that goes on; zero: there is none
	counted bool      // that outage is long enough
	ends    int
	last    event.Fault // the last outage that was counted
}

// Prefix implements Source.
func (q *Quorum) Prefix() string { return event.FaultQuorum + "/" + q.Self().ID + "/" }

// Look implements Source.
func (q *Quorum) Look(now time.Time) ([]Sign, bool) {
	waiting := q.Waiting()
	switch {
	case waiting == "":
		q.since, q.counted = time.Time{}, false
	case q.since.IsZero():
		q.since = now
	case now.Sub(q.since) > waitQuietly && !q.counted:
		q.counted = true
		q.ends++
		q.last = event.Fault{Kind: event.FaultQuorum, Since: q.since, Data: q.Self().data(api.DataReason, waiting)}
	}
	return []Sign{{ID: place(event.FaultQuorum, q.Self().ID), Down: q.counted, Ends: q.ends, Fault: q.last}}, true
}

// Peers tells which of the other peers are at work. One peer judges for the pool.
type Peers struct {
	Self  func() Self
	Store store.Reader
	// Ours reports whether it is for this peer to judge.
	Ours func() bool

	started time.Time
	seen    map[string]*sight
}

// sight is what is known of another peer.
type sight struct {
	boot string
	away time.Time // since when it shows no sign of life; zero: it does
	ends int
}

func (s *sight) down(now time.Time) bool { return !s.away.IsZero() && now.Sub(s.away) > awayQuietly }

// Prefix implements Source.
func (p *Peers) Prefix() string { return event.FaultPeer + "/" }

// Look implements Source.
func (p *Peers) Look(now time.Time) ([]Sign, bool) {
	if p.seen == nil {
		p.seen, p.started = map[string]*sight{}, now
	}
	recs, err := peer.Records.List(p.Store)
	if err != nil {
		return nil, false
	}
	ours := p.Ours() && now.Sub(p.started) > settle
	var out []Sign
	for _, r := range recs {
		if r.ID == p.Self().ID {
			continue
		}
		s := p.see(r.ID, now, ours)
		out = append(out, Sign{
			ID: place(event.FaultPeer, r.ID), Down: s.down(now), Ends: s.ends,
			Fault: event.Fault{Kind: event.FaultPeer, Since: s.away, Data: map[string]string{
				api.DataPeerID: r.ID, api.DataPeerName: r.Value.Name, api.DataReason: "its daemon shows no sign of life"}},
		})
	}
	return out, ours
}

// see looks for a peer's sign of life. A new boot means that it was away, perhaps for a moment only; that is counted
// where it is this peer's to tell.
func (p *Peers) see(id string, now time.Time, ours bool) *sight {
	s := p.seen[id]
	if s == nil {
		s = &sight{}
		p.seen[id] = s
	}
	alive, ok, err := transaction.AliveKind.Get(p.Store, id)
	switch {
	case !ok && err == nil:
		if s.away.IsZero() {
			s.away = now
		}
		return s
	case s.boot != "" && s.boot != alive.Value.Boot && ours && !s.down(now): // otherwise it was seen to be away
		s.ends++
	}
	s.boot, s.away = alive.Value.Boot, time.Time{}
	return s
}
