package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/pkg/api"
	"gd2/store"
)

// A peer that was away for long may find none of the store's members where they were, or be refused by them all. Then it
// asks the peers that it knows: they tell where the store is now, or that it was taken out of the pool. A peer that is in
// touch with a store asks those that are away from it, now and then: the pool may have been brought back on one of them.
const (
	// findLook is the pause between looks whether the store is in touch.
	findLook = time.Second
	// findAfter is how long the store may be out of touch before others are asked: an election takes less.
	findAfter = 5 * time.Second
	// findPauseMax bounds the pause between rounds of questions, which doubles from findAfter.
	findPauseMax = 30 * time.Second
	// findPatience bounds one question, findPeers the peers that are asked in one round.
	findPatience = 8 * time.Second
	findPeers    = 16
)

// findBack asks others for the way back to the store while this peer is out of touch with it, and whether there is
// another while it is in touch.
func (s *Server) findBack(ctx context.Context) error {
	tick := time.NewTicker(findLook)
	defer tick.Stop()
	var lost, compared time.Time
	pause := findAfter
	for {
		select {
		case now := <-tick.C:
			waiting := s.store.Waiting() != ""
			switch {
			case s.id.Detached() != "":
			case waiting && lost.IsZero():
				lost = now
			case waiting && now.Sub(lost) >= pause:
				s.askAround(ctx)
				lost, pause = time.Now(), min(2*pause, findPauseMax)
			case !waiting && now.Sub(compared) >= findPauseMax:
				s.compareGenerations(ctx, compared.IsZero())
				compared = time.Now()
			}
			if !waiting {
				lost, pause = time.Time{}, findAfter
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// askAround asks the peers of the last known records for this one's standing, and goes by the answers.
func (s *Server) askAround(ctx context.Context) {
	newest, member, out := peer.Standing{Generation: -1}, false, 0
	for _, a := range s.standings(ctx, s.others()) {
		switch {
		case a.PoolID != s.id.PoolID():
		case !a.Member:
			out++
		default:
			member = true
			if a.Generation > newest.Generation {
				newest = a
			}
		}
	}
	log := s.log.Entry("server")
	switch {
	case member:
		if err := s.followTo(ctx, newest); err != nil && ctx.Err() == nil {
			log.Warnf("other peers told where the store is, but it cannot be entered there yet: %v", err)
		}
	case out > 0: // and nobody says otherwise
		log.Warnf("%d peers of pool %s say that this one was taken out of it", out, s.id.PoolID())
		if err := s.peers.Left(ctx); err != nil {
			log.Errorf("the detachment of this peer cannot be recorded: %v", err)
		}
	}
}

// compareGenerations looks for a pool that was brought back from this one's records on a peer that was away from it: this
// peer was taken for lost. If it is alone with its records it gives them up for the newer ones; if others share them
// somebody has to decide. The first time all peers are asked, since signs of life may be left from before.
func (s *Server) compareGenerations(ctx context.Context, first bool) {
	others := s.others()
	ask := others
	online := func(p *peer.Peer) bool { _, ok := peer.Online(s.store, p.ID); return ok }
	if !first {
		ask = slices.DeleteFunc(slices.Clone(others), online)
	}
	own, newest, newer := s.generation(), peer.Standing{}, 0
	for _, a := range s.standings(ctx, ask) {
		if a.PoolID != s.id.PoolID() || a.Generation <= own {
			continue
		}
		newer++
		if a.Generation > newest.Generation {
			newest = a
		}
	}
	if newest.Generation == 0 {
		s.rival.Store(nil)
		return
	}
	members, err := s.store.Members(ctx)
	if err != nil {
		return
	}
	voters := len(slices.DeleteFunc(members, func(m store.Member) bool { return m.Learner }))
	// With a second voter this store has its quorum from a peer that shares it. Without, there may be clients: at first
	// only those count out that have answered, later those that are away.
	alone := voters == 1 && (newer == len(others) || !first && len(ask) == len(others))
	s.yield(ctx, newest, alone)
}

// yield gives this peer's records up for those of a pool that was brought back, or says that somebody has to decide.
func (s *Server) yield(ctx context.Context, to peer.Standing, alone bool) {
	log := s.log.Entry("server")
	if !alone || !to.Member {
		text := fmt.Sprintf("pool %s was brought back on another peer while this one and others go on with its former records: stop glusterd2 on all peers of one side and run 'glusterd2 recover --rejoin HOST' there, where HOST is a peer of the other", to.PoolID)
		s.rival.Store(&text)
		log.Error(text)
		return
	}
	s.rival.Store(nil)
	log.Warnf("pool %s was brought back on another peer while this one was away: its records hold, those of this peer are put aside", to.PoolID)
	if err := s.followTo(ctx, to); err != nil && ctx.Err() == nil {
		log.Errorf("the store of the pool that was brought back cannot be entered: %v", err)
	}
}

// rivals warns of a pool that was brought back elsewhere while this one goes on.
func (s *Server) rivals() []string {
	if text := s.rival.Load(); text != nil {
		return []string{*text}
	}
	return nil
}

// generation is that of the records that this peer has.
func (s *Server) generation() int {
	rec, _, err := peer.PoolRecord.Get(s.store, "")
	if err != nil {
		return 0
	}
	return rec.Value.Generation
}

// others are the peers of the pool but this one, as far as they are known.
func (s *Server) others() []*peer.Peer {
	recs, err := peer.Records.List(s.store)
	if err != nil {
		return nil
	}
	var out []*peer.Peer
	for _, rec := range recs {
		if rec.ID != s.id.Peer().ID {
			out = append(out, rec.Value)
		}
	}
	return out
}

// followTo uses the store at the endpoints that another peer has told. If it is another store than this peer's, or one
// that went on without this peer's member, this peer enters it as a client, and keeps its former data.
func (s *Server) followTo(ctx context.Context, st peer.Standing) error {
	own, member := s.store.OwnMember()
	if member && !slices.Contains(st.Members, own) || st.Cluster != s.store.Cluster() {
		s.log.Entry("server").Warnf("the pool has gone on without this peer's member of the store, or was recovered on another peer: this peer enters its store at %v anew, and keeps its own former data aside",
			st.Endpoints)
		return s.store.Reenter(ctx, st.Endpoints)
	}
	return s.store.SetEndpoints(st.Endpoints)
}

// standings asks peers at the same time. Those that do not answer, or do not know, are left out.
func (s *Server) standings(ctx context.Context, from []*peer.Peer) []peer.Standing {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	var (
		mu  sync.Mutex
		out []peer.Standing
		wg  sync.WaitGroup
	)
	for _, p := range from[:min(len(from), findPeers)] {
		wg.Go(func() {
			st, err := s.net.Standing(ctx, p)
			if err != nil {
				s.log.Entry("server").WithField("peer", p.ID).Debugf("asked for this peer's standing: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			out = append(out, st)
		})
	}
	wg.Wait()
	return out
}

// standing answers a peer that asks. Only what a quorum confirms is told, and only to those with a certificate of the
// pool's authority, which a peer that was taken out still has.
func (s *Server) standing(ctx context.Context, from peerrpc.Caller) (peer.Standing, error) {
	if len(from.TLS.VerifiedChains) == 0 {
		return peer.Standing{}, api.Errorf(api.Denied, "the caller has no certificate of this pool")
	}
	if err := s.peers.NotInPool(); err != nil {
		return peer.Standing{}, api.Errorf(api.Unavailable, "this peer is not in the pool itself")
	}
	if err := s.store.Sync(ctx); err != nil {
		return peer.Standing{}, err
	}
	cert := from.TLS.VerifiedChains[0][0]
	st := peer.Standing{PoolID: s.id.PoolID(), Generation: s.generation()}
	if err := s.member(cert.Subject.CommonName, cert.SerialNumber.Text(16)); err != nil {
		s.log.Entry("peerrpc").WithField("from", from.Host).Infof("a peer asked for its standing and was told: %v", err)
		return st, nil
	}
	members, err := s.store.Members(ctx)
	if err != nil {
		return st, err
	}
	st.Member, st.Endpoints, st.Cluster = true, store.VoterURLs(members), s.store.Cluster()
	for _, m := range members {
		st.Members = append(st.Members, m.ID)
	}
	return st, nil
}
