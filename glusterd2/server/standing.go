package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/pkg/api"
	"gd2/store"
)

// A peer that was away for long may find none of the store's members where they were, or be refused by them all. Then it
// asks the peers that it knows: they tell where the store is now, or that it was taken out of the pool.
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

// findBack asks others for the way back to the store while this peer is out of touch with it.
func (s *Server) findBack(ctx context.Context) error {
	tick := time.NewTicker(findLook)
	defer tick.Stop()
	lost, pause := time.Time{}, findAfter
	for {
		select {
		case now := <-tick.C:
			switch {
			case s.store.Waiting() == "" || s.id.Detached() != "":
				lost, pause = time.Time{}, findAfter
			case lost.IsZero():
				lost = now
			case now.Sub(lost) >= pause:
				s.askAround(ctx)
				lost, pause = time.Now(), min(2*pause, findPauseMax)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// askAround asks the peers of the last known records for this one's standing, and goes by the answers.
func (s *Server) askAround(ctx context.Context) {
	var member []peer.Standing
	out := 0
	for _, a := range s.standings(ctx) {
		if a.PoolID != s.id.PoolID() {
			continue
		}
		if a.Member {
			member = append(member, a)
		} else {
			out++
		}
	}
	log := s.log.Entry("server")
	switch {
	case len(member) > 0:
		if err := s.followTo(ctx, member[0]); err != nil && ctx.Err() == nil {
			log.Warnf("other peers told where the store is, but it cannot be entered there yet: %v", err)
		}
	case out > 0: // and nobody says otherwise
		log.Warnf("%d peers of pool %s say that this one was taken out of it", out, s.id.PoolID())
		if err := s.peers.Left(ctx); err != nil {
			log.Errorf("the detachment of this peer cannot be recorded: %v", err)
		}
	}
}

// followTo uses the store at the endpoints that another peer has told.
func (s *Server) followTo(_ context.Context, st peer.Standing) error {
	return s.store.SetEndpoints(st.Endpoints)
}

// standings asks peers at the same time. Those that do not answer, or do not know, are left out.
func (s *Server) standings(ctx context.Context) []peer.Standing {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	recs, err := peer.Records.List(s.store)
	if err != nil {
		return nil
	}
	recs = slices.DeleteFunc(recs, func(r store.Record[*peer.Peer]) bool { return r.ID == s.id.Peer().ID })
	var (
		mu  sync.Mutex
		out []peer.Standing
		wg  sync.WaitGroup
	)
	for _, rec := range recs[:min(len(recs), findPeers)] {
		wg.Go(func() {
			st, err := s.net.Standing(ctx, rec.Value)
			if err != nil {
				s.log.Entry("server").WithField("peer", rec.ID).Debugf("asked for this peer's standing: %v", err)
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
	if err := s.peers.DetachedError(); err != nil {
		return peer.Standing{}, api.Errorf(api.Unavailable, "this peer is not in the pool itself")
	}
	if err := s.store.Sync(ctx); err != nil {
		return peer.Standing{}, err
	}
	cert := from.TLS.VerifiedChains[0][0]
	st := peer.Standing{PoolID: s.id.PoolID()}
	if err := s.member(cert.Subject.CommonName, cert.SerialNumber.Text(16)); err != nil {
		s.log.Entry("peerrpc").WithField("from", from.Host).Infof("a peer asked for its standing and was told: %v", err)
		return st, nil
	}
	members, err := s.store.Members(ctx)
	if err != nil {
		return st, err
	}
	st.Member, st.Endpoints = true, store.VoterURLs(members)
	return st, nil
}
