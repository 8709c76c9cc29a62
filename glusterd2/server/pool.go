package server

import (
	"context"
	"fmt"
	"io"
	"strings"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/rest"
	"gd2/pkg/api"
)

// pool answers for how the pool keeps its records.
type pool struct{ *Server }

var _ rest.Pool = pool{}

// Status implements rest.Pool. It reads what is known, so that it has something to say without a quorum too.
func (p pool) Status(ctx context.Context) (api.Pool, error) {
	out := api.Pool{ClusterID: p.id.PoolID(), Waiting: p.store.Waiting(), Members: []api.PoolMember{}, Warnings: []string{}}
	if err := p.peers.NotInPool(); err != nil {
		out.Health, out.Waiting, out.Warnings = "detached", err.Error(), []string{err.Error()}
		return out, nil
	}
	recs, err := peer.Records.List(p.store)
	if err != nil {
		return out, err
	}
	if out.Store, err = p.store.Status(ctx); err != nil {
		return out, err
	}
	out.Peers = len(recs)
	for _, rec := range recs {
		switch _, online := peer.Online(p.store, rec.ID); {
		case online:
			out.PeersOnline++
		case !out.Store.Stale:
			out.Warnings = append(out.Warnings, fmt.Sprintf("peer %s (%s) is offline", rec.Value.Name, rec.ID))
		}
	}
	out.VotersWanted, out.LearnersWanted = peer.Target(len(recs), p.mostVoters())
	for _, m := range out.Store.Members {
		out.Members = append(out.Members, p.poolMember(m))
	}
	out.Warnings = append(append(out.Warnings, p.rivals()...), p.keyless(out.Store.Stale)...)
	out.Warnings = append(out.Warnings, out.Store.Warnings...)
	if !p.cfg.NoEmbed {
		out.Warnings = append(out.Warnings, missingVotes(&out)...)
	}
	out.Health, out.Healthy = out.Store.Health, len(out.Warnings) == 0
	return out, nil
}

// keyless warns if no peer is at work that can sign certificates.
func (s *Server) keyless(stale bool) []string {
	holders, err := peer.AuthorityKeys.List(s.store)
	if err != nil || stale {
		return nil
	}
	var names []string
	for _, h := range holders {
		if _, online := peer.Online(s.store, h.ID); online {
			return nil
		}
		names = append(names, peer.Hosts(s.store)(h.ID))
	}
	return []string{fmt.Sprintf("no peer that holds the key of the pool's authority is at work: until one of them is back (%s) no peer can join and no certificate be renewed",
		strings.Join(names, ", "))}
}

func (s *Server) mostVoters() int {
	if s.cfg.StoreVoters > 0 {
		return s.cfg.StoreVoters
	}
	return peer.DefaultVoters
}

// poolMember adds what people call a member.
func (p pool) poolMember(m api.StoreMember) api.PoolMember {
	out := api.PoolMember{StoreMember: m}
	rec, ok, err := peer.Records.Get(p.store, m.PeerID)
	if err != nil || !ok {
		return out
	}
	out.Name, out.Host, out.Zone = rec.Value.Name, rec.Value.Host, rec.Value.Metadata[api.ZoneKey]
	_, out.Online = peer.Online(p.store, m.PeerID)
	if _, holds, err := peer.AuthorityKeys.Get(p.store, m.PeerID); err == nil {
		out.HoldsKey = holds
	}
	return out
}

// missingVotes says where the store has fewer members than it should have.
func missingVotes(p *api.Pool) []string {
	voters, learners := 0, 0
	for _, m := range p.Members {
		if m.Role == roleLearner {
			learners++
		} else {
			voters++
		}
	}
	switch {
	case p.Waiting != "":
		return nil // there are more urgent things to say
	case voters < p.VotersWanted:
		return []string{fmt.Sprintf("%d peers vote in the store, it should be %d: see the log of the leader", voters, p.VotersWanted)}
	case voters+learners < p.VotersWanted+p.LearnersWanted:
		return []string{"no other peer holds a copy of the store yet"}
	}
	return nil
}

// roleLearner is what the store calls a member without a vote.
const roleLearner = "learner"

// Snapshots implements rest.Pool.
func (p pool) Snapshots(context.Context) ([]api.PoolSnapshot, error) { return p.store.Snapshots(), nil }

// Backup implements rest.Pool.
func (p pool) Backup(ctx context.Context, w io.Writer) error {
	_, err := p.store.Snapshot(ctx, w)
	return err
}
