package volumes

import (
	"context"

	"gd2/glusterd2/peer"
	"gd2/pkg/api"
)

// modelQuorum is the server quorum as a peer sees it, counted whenever somebody asks.
type modelQuorum struct {
	*modelRig
	self string
}

var _ Quorum = modelQuorum{}

func (q modelQuorum) fresh() *peer.Quorum {
	return peer.NewQuorum(peer.QuorumConfig{
		Self: q.self, Peers: q.members, Sync: q.store.Sync, Wanted: func() bool { return true }, Log: q.log,
		Online: func(id string) bool { _, ok := peer.Online(q.store, id); return ok },
		Ratio: func() string {
			options, err := ReadPoolOptions(q.store)
			if err != nil {
				return err.Error()
			}
			return options[OptionQuorumRatio]
		},
	})
}

// Refuse implements Quorum.
func (q modelQuorum) Refuse(ctx context.Context) error { return q.fresh().Refuse(ctx) }

// Met implements Quorum. Only bricks are kept from running by it, and those of the model's hosts are not.
func (q modelQuorum) Met() bool { return q.fresh().Met() }

// Lost implements Quorum.
func (q modelQuorum) Lost() bool { return q.fresh().Lost() }

// Changed implements Quorum.
func (q modelQuorum) Changed() <-chan struct{} { return q.fresh().Changed() }

// Count implements Quorum.
func (q modelQuorum) Count() peer.Count { return q.fresh().Count() }

func (r *modelRig) members() ([]*peer.Peer, error) {
	recs, err := peer.Records.List(r.store)
	out := make([]*peer.Peer, len(recs))
	for i, rec := range recs {
		out[i] = rec.Value
	}
	return out, err
}

// refuse refuses changes of the membership, as a daemon does.
func (r *modelRig) refuse(ctx context.Context) error {
	if !ServerQuorumWanted(r.store) {
		return nil
	}
	return modelQuorum{r, modelIDs[0]}.Refuse(ctx)
}

// unhealed tells which bricks of a volume know of something that others lack.
func (r *modelRig) unhealed(_ context.Context, name string) ([]api.BrickHealInfo, error) {
	rec, err := Find(r.store, name)
	if err != nil {
		return nil, err
	}
	r.hosts.mu.Lock()
	defer r.hosts.mu.Unlock()
	var out []api.BrickHealInfo
	for b := range rec.Value.All() {
		n := int64(len(r.hosts.bricks[b.PeerID+" "+b.Path].blames))
		if brick := b.PeerID + ":" + b.Path; r.pool.Engine(b.PeerID) != nil {
			out = append(out, api.BrickHealInfo{HostID: &b.PeerID, Name: &brick, Entries: &n})
		}
	}
	return out, nil
}
