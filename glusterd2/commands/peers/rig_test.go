package peers

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the commands of one peer, "p1" for the engine, with the network replaced.
type rig struct {
	t       *testing.T
	pool    *transactiontest.Pool
	store   *store.Store
	c       *Commands
	self    peer.Peer
	poolID  string
	prover  *peer.Prover
	invites []string // the addresses that were invited
	invited error
	left    []string
	freshes int
	cannot  error // of Fresh
	knocks  []string
	deaf    error    // of Knock, Admit and Renew
	asked   []string // who was asked by Admit and Renew
	lost    string
	cuts    []string
	// detached is the pool that the rig's peer was taken out of.
	detached string
}

// ids of the peers of the rig.
const (
	id1 = "11111111-1111-4111-8111-111111111111"
	id2 = "22222222-2222-4222-8222-222222222222"
	id3 = "33333333-3333-4333-8333-333333333333"
)

// testPeer is the record of peer n at 10.0.0.n.
func testPeer(n int, id string) peer.Peer {
	host := fmt.Sprintf("10.0.0.%d", n)
	return peer.Peer{
		ID: id, Name: fmt.Sprintf("node%d", n), Host: host, PeerAddress: host + ":24008", ClientAddress: host + ":24007",
		StorePeerURLs: []string{"https://" + host + ":2380"}, StoreClientURLs: []string{"https://" + host + ":2379"}, Certificate: fmt.Sprintf("c%d", n),
	}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := &rig{t: t, poolID: uuid.NewString(), self: testPeer(1, id1)}
	r.pool = transactiontest.NewPool(t, transactiontest.Config{Peers: []string{id1}, Registry: func(string) *transaction.Registry {
		registry := transaction.NewRegistry()
		Register(registry)
		return registry
	}})
	r.store = r.pool.Store(id1)
	r.c = New(Config{
		Store: r.store, Engine: r.pool.Engine(id1), Ops: Register(transaction.NewRegistry()), Identity: r, TLS: r.authority(),
		Network: r, Prover: func() (*peer.Prover, error) { return r.prover, nil },
		Lost:  func() string { return r.lost },
		Cut:   func(reason string) { r.cuts = append(r.cuts, reason) },
		Fresh: func(context.Context) error { r.freshes++; return r.cannot }, Log: logrus.NewEntry(log),
	})
	r.commit(func() []store.Write { return []store.Write{peer.Records.Create(id1, &r.self)} })
	return r
}

// authority makes the pool's authority, in the store and in a directory.
func (r *rig) authority() *pki.Dir {
	r.t.Helper()
	a, err := pki.NewAuthority(r.poolID)
	if err != nil {
		r.t.Fatal(err)
	}
	key, err := a.KeyPEM()
	if err != nil {
		r.t.Fatal(err)
	}
	dir, err := pki.OpenDir(filepath.Join(r.t.TempDir(), "tls"))
	if err != nil {
		r.t.Fatal(err)
	}
	cert, _, err := a.Sign(r.request(dir, id1), id1, nil)
	if err == nil {
		_, err = dir.Install(r.poolID, a.CertPEM(), cert)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if r.self.PublicKey, err = dir.PublicKey(); err != nil {
		r.t.Fatal(err)
	}
	sealed, err := peer.SealKey(r.poolID, r.self.PublicKey, key)
	if err != nil {
		r.t.Fatal(err)
	}
	r.commit(func() []store.Write {
		return []store.Write{
			peer.PoolRecord.Create("", peer.Pool{ID: r.poolID, Authority: a.CertPEM()}), peer.AuthorityKeys.Create(id1, sealed),
		}
	})
	return dir
}

func (r *rig) request(dir *pki.Dir, id string) []byte {
	r.t.Helper()
	req, err := dir.Request(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return req
}

func (r *rig) commit(writes func() []store.Write) {
	r.t.Helper()
	write(r.t, r.store, writes)
}

func write(t testing.TB, s *store.Store, writes func() []store.Write) {
	t.Helper()
	err := s.Sync(t.Context())
	if err == nil {
		var rev int64
		if rev, err = s.Commit(t.Context(), writes()); err == nil {
			err = s.WaitRevision(t.Context(), rev)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// add puts a peer into the pool, at work or not.
func (r *rig) add(p peer.Peer, online bool) {
	r.t.Helper()
	r.commit(func() []store.Write {
		w := []store.Write{peer.Records.Create(p.ID, &p)}
		if online {
			w = append(w, transaction.AliveKind.Create(p.ID, transaction.Alive{Boot: "b", PID: 7, Version: "v", Started: time.Now()}))
		}
		return w
	})
}

// brick gives a peer a brick.
func (r *rig) brick(volumeName, peerID string) {
	r.t.Helper()
	r.commit(func() []store.Write {
		return []store.Write{volume.Records.Create(volumeName, &volume.Volume{ID: uuid.NewString(), Name: volumeName, State: volume.Created,
			Subvols: []volume.Subvol{{Type: api.SubvolDistribute, Replica: 1, Bricks: []volume.Brick{{ID: "b", PeerID: peerID, Path: "/b/" + volumeName}}}}})}
	})
}

func (r *rig) record(id string) (peer.Peer, bool) {
	r.t.Helper()
	rec, ok, err := peer.Records.Get(r.store, id)
	if err != nil {
		r.t.Fatal(err)
	}
	if !ok {
		return peer.Peer{}, false
	}
	return *rec.Value, true
}

var (
	_ Network  = (*rig)(nil)
	_ Identity = (*rig)(nil)
)

// Peer implements Identity.
func (r *rig) Peer() peer.Peer { return r.self }

// PoolID implements Identity.
func (r *rig) PoolID() string { return r.poolID }

// SetPool implements Identity.
func (r *rig) SetPool(poolID string, self peer.Peer) error {
	r.poolID, r.self = poolID, self
	return nil
}

// Detached implements Identity.
func (r *rig) Detached() string { return r.detached }

// SetDetached implements Identity.
func (r *rig) SetDetached(poolID string) error {
	r.detached = poolID
	return nil
}

// Invite implements Network: peer 2 answers, with a request of its own.
func (r *rig) Invite(ctx context.Context, address string, _ *peer.Prover, makeToken func() (string, error)) (peer.Peer, error) {
	r.invites = append(r.invites, address)
	if r.invited != nil {
		return peer.Peer{}, r.invited
	}
	text, err := makeToken()
	if err != nil {
		return peer.Peer{}, err
	}
	token, err := peer.ParseToken(text)
	if err != nil {
		return peer.Peer{}, err
	}
	reply, err := r.c.Admit(ctx, "10.0.0.2", r.joinRequest(token, testPeer(2, id2)))
	if err != nil {
		return peer.Peer{}, err
	}
	r.commit(func() []store.Write {
		return []store.Write{transaction.AliveKind.Create(id2, transaction.Alive{Boot: "b"})}
	})
	return reply.Peer, nil
}

// joinRequest is what a peer with a key of its own sends.
func (r *rig) joinRequest(token peer.Token, p peer.Peer) peer.JoinRequest {
	r.t.Helper()
	dir, err := pki.OpenDir(filepath.Join(r.t.TempDir(), "tls"))
	if err != nil {
		r.t.Fatal(err)
	}
	return peer.JoinRequest{TokenID: token.ID, Secret: token.Secret, Request: r.request(dir, p.ID), Peer: p}
}

// Join implements Network.
func (r *rig) Join(context.Context, peer.Token, peer.JoinRequest) (peer.JoinReply, error) {
	return peer.JoinReply{}, api.Errorf(api.Unavailable, "nobody there")
}

// Admit implements Network.
func (r *rig) Admit(_ context.Context, peerID string, req peer.AdmitRequest) (peer.JoinReply, error) {
	r.asked = append(r.asked, peerID)
	return peer.JoinReply{PoolID: "by " + peerID + " for " + req.From}, r.deaf
}

// Renew implements Network.
func (r *rig) Renew(_ context.Context, peerID string, _ peer.RenewRequest) (peer.RenewReply, error) {
	r.asked = append(r.asked, peerID)
	return peer.RenewReply{PoolID: "by " + peerID}, r.deaf
}

// Leave implements Network.
func (r *rig) Leave(_ context.Context, p *peer.Peer) error {
	r.left = append(r.left, p.ID)
	return nil
}

// Knock implements Network.
func (r *rig) Knock(_ context.Context, p *peer.Peer) error {
	r.knocks = append(r.knocks, p.PeerAddress)
	return r.deaf
}

// Reset implements Network.
func (r *rig) Reset() {}

// refused fails the test unless err is of the kind, and of the field if one is given.
func refused(t *testing.T, err error, kind api.Kind, field string) {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Kind != kind || field != "" && e.Fields[api.FieldField] != field {
		t.Errorf("error %v, want one of kind %s about %q", err, kind, field)
	}
}
