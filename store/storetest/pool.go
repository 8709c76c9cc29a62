package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
)

// maxVoters is the number of members of a Pool; peers beyond it are clients.
const maxVoters = 3

// retryPause is the pause between attempts to change the members.
const retryPause = 20 * time.Millisecond

// Peer is one peer of a pool with the configuration of its store, from which it can be opened again.
type Peer struct {
	Config store.Config
	Store  *store.Store
}

// Pool returns the ready stores of a pool of n peers, "peer-1" to "peer-n", the first three of which are voters.
func Pool(t testing.TB, n int) []*store.Store {
	t.Helper()
	var stores []*store.Store
	for _, p := range Peers(t, n) {
		stores = append(stores, p.Store)
	}
	return stores
}

// Peers is Pool for tests that stop and start peers.
func Peers(t testing.TB, n int) []*Peer {
	t.Helper()
	ca := NewAuthority(t)
	peers := make([]*Peer, n)
	for i := range peers {
		peers[i] = NewPeer(t, ca, fmt.Sprintf("peer-%d", i+1))
	}
	var voters []*Peer
	for i, p := range peers[1:] {
		JoinPeer(t, peers[0], p)
		if i+1 < maxVoters {
			voters = append(voters, p)
		}
	}
	AddVoters(t, peers[0], voters...)
	ShareEndpoints(t, peers)
	return peers
}

// NewPeer returns a peer that is alone.
func NewPeer(t testing.TB, ca *pki.Authority, peerID string) *Peer {
	t.Helper()
	cfg := NewConfig(t, ca, peerID)
	return &Peer{Config: cfg, Store: Open(t, cfg)}
}

// Restart opens the peer's store again after Close. It does not wait until it is ready.
func (p *Peer) Restart(t testing.TB) {
	t.Helper()
	s, err := store.Open(t.Context(), p.Config)
	if err != nil {
		t.Fatalf("open the store of %s again: %v", p.Config.PeerID, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p.Store = s
}

// JoinPeer makes p a peer of the pool that first belongs to.
func JoinPeer(t testing.TB, first, p *Peer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	members, err := first.Store.Members(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Store.Join(ctx, store.Membership{ClusterID: "storetest", Endpoints: store.VoterURLs(members)}); err != nil {
		t.Fatalf("join of %s: %v", p.Config.PeerID, err)
	}
}

// AddVoters makes peers that have joined the pool of first voters. All are added before one is promoted: etcd adds no
// member before every voter has been connected for five seconds.
func AddVoters(t testing.TB, first *Peer, peers ...*Peer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var ids []uint64
	for _, p := range peers {
		var initial map[string][]string
		retry(ctx, t, "add "+p.Config.PeerID, func() error {
			id, members, err := first.Store.AddLearner(ctx, p.Config.ListenPeerURLs)
			if err == nil {
				ids, initial = append(ids, id), members
			}
			return err
		})
		if err := p.Store.StartMember(ctx, store.StartMember{InitialCluster: initial}); err != nil {
			t.Fatalf("start the member of %s: %v", p.Config.PeerID, err)
		}
	}
	for i, id := range ids {
		retry(ctx, t, "promote "+peers[i].Config.PeerID, func() error { return first.Store.Promote(ctx, id) })
	}
}

// RemoveVoter removes the member that a peer runs; the peer then has to stop it. etcd removes none before every voter has
// been connected for five seconds.
func RemoveVoter(t testing.TB, by *Peer, peerID string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	members, err := by.Store.Members(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if m.PeerID == peerID {
			retry(ctx, t, "remove "+peerID, func() error { return by.Store.RemoveMember(ctx, m.ID) })
		}
	}
}

// retry repeats what may fail for a while until it succeeds.
func retry(ctx context.Context, t testing.TB, what string, do func() error) {
	t.Helper()
	for {
		err := do()
		if err == nil {
			return
		}
		if !api.IsKind(err, api.Conflict, api.Unavailable) || ctx.Err() != nil {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// ShareEndpoints tells every peer of the voters of the pool.
func ShareEndpoints(t testing.TB, peers []*Peer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	members, err := peers[0].Store.Members(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		if err := p.Store.SetEndpoints(store.VoterURLs(members)); err != nil {
			t.Fatal(err)
		}
	}
}

// CloseAll closes the stores of the peers at the same time, as a power cut in slow motion.
func CloseAll(peers []*Peer) {
	var wg sync.WaitGroup
	for _, p := range peers {
		wg.Go(func() { _ = p.Store.Close() })
	}
	wg.Wait()
}
