package volumes

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"testing"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/pki"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// modelIDs are the peers. The first is always there; it is the one that brings peers in and takes them out.
var modelIDs = []string{"11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"}

// modelRig is three peers on hosts in memory, with the commands on volumes and on peers.
type modelRig struct {
	t     testing.TB
	hosts *fakeHosts
	pool  *transactiontest.Pool
	store *store.Store
	table *xlator.Table
	tls   *pki.Dir
	log   *logrus.Entry
	peers *peers.Commands
	// What each peer's daemon has as it runs now, by peer.
	c      map[string]*Commands
	quotas map[string]ModelQuotas
	askers map[string]*ask.Asker
	ends   map[string]func()
	maker  ModelQuotaMaker
	movers map[string]*fakeMover // they survive the daemons
	// bricks is where the bricks with the ids are, or were.
	bricks map[string]string
	// alone are the tasks that no operation follows, since one of their parts did not begin.
	alone map[string]bool
	// requests are what peers send along to get a certificate.
	requests map[string][]byte
}

func newModelRig(t testing.TB, quotas ModelQuotaMaker) *modelRig {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := &modelRig{t: t, hosts: newFakeHosts(), table: table(t), log: logrus.NewEntry(log), maker: quotas,
		c: map[string]*Commands{}, quotas: map[string]ModelQuotas{}, askers: map[string]*ask.Asker{}, ends: map[string]func(){},
		movers: map[string]*fakeMover{}, bricks: map[string]string{}, alone: map[string]bool{}, requests: map[string][]byte{}}
	r.pool = transactiontest.NewPool(t, transactiontest.Config{Peers: modelIDs, Registry: func(peerID string) *transaction.Registry {
		registry := transaction.NewRegistry()
		Register(registry, fakeHost{r.hosts, peerID})
		peers.Register(registry)
		quotas.Register(registry)
		return registry
	}})
	r.store = r.pool.Store(modelIDs[0])
	r.authority()
	for _, id := range modelIDs {
		r.movers[id] = newFakeMover()
		r.boot(id)
		dir, err := pki.OpenDir(filepath.Join(t.TempDir(), "tls"))
		if err != nil {
			t.Fatal(err)
		}
		r.requests[id] = r.request(dir, id)
	}
	t.Cleanup(func() {
		for _, end := range r.ends {
			end()
		}
	})
	r.peers = peers.New(peers.Config{
		Store: r.store, Engine: r.pool.Engine(modelIDs[0]), Ops: peers.Register(transaction.NewRegistry()), Identity: r, TLS: r.tls,
		Network: modelNetwork{}, Quorum: r.refuse, Lost: func() string { return "" }, Log: r.log,
	})
	return r
}

// authority gives the pool the authority that signs the certificates of peers.
func (r *modelRig) authority() {
	r.t.Helper()
	a, err := pki.NewAuthority(r.PoolID())
	if err != nil {
		r.t.Fatal(err)
	}
	key, err := a.KeyPEM()
	if err != nil {
		r.t.Fatal(err)
	}
	if r.tls, err = pki.OpenDir(filepath.Join(r.t.TempDir(), "tls")); err != nil {
		r.t.Fatal(err)
	}
	cert, _, err := a.Sign(r.request(r.tls, modelIDs[0]), modelIDs[0], nil)
	if err == nil {
		_, err = r.tls.Install(r.PoolID(), a.CertPEM(), cert)
	}
	var public []byte
	if err == nil {
		public, err = r.tls.PublicKey()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	sealed, err := peer.SealKey(r.PoolID(), public, key)
	if err != nil {
		r.t.Fatal(err)
	}
	commit(r.t, r.store, func() []store.Write {
		return []store.Write{peer.PoolRecord.Create("", peer.Pool{ID: r.PoolID(), Authority: a.CertPEM()}), peer.AuthorityKeys.Create(modelIDs[0], sealed)}
	})
}

// request is for a certificate of a peer.
func (r *modelRig) request(dir *pki.Dir, id string) []byte {
	r.t.Helper()
	req, err := dir.Request(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return req
}

// boot makes what a daemon has that has just started.
func (r *modelRig) boot(id string) {
	host := fakeHost{r.hosts, id}
	r.askers[id] = ask.New(ask.Config{PeerID: id, Store: r.store, Call: func(ctx context.Context, peerID string, req ask.Request) (json.RawMessage, error) {
		return r.askers[peerID].Serve(ctx, req)
	}})
	cfg := Config{
		Store: r.store, Engine: r.pool.Engine(id), Ops: Register(transaction.NewRegistry(), host), Host: host, Mover: r.movers[id],
		Asker: r.askers[id], Network: r, Table: r.table, PeerID: id, Quorum: modelQuorum{r, id}, Unhealed: r.unhealed, Log: r.log,
	}
	r.c[id], r.quotas[id] = New(cfg), r.maker.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	keeper := &TaskKeeper{Store: r.store, Mover: r.movers[id], PeerID: id, Log: r.log}
	go func() { defer close(ended); _ = keeper.Run(ctx) }()
	r.ends[id] = func() { cancel(); <-ended }
}

// kill has the daemon of a peer die, start starts it.
func (r *modelRig) kill(id string) {
	r.ends[id]()
	r.pool.Kill(id)
}

func (r *modelRig) start(id string) {
	r.pool.Start(id)
	r.boot(id)
}

// testPeer is the record of a peer as it comes into the pool.
func testPeer(id string) peer.Peer {
	host := "10.0.0." + id[:1]
	return peer.Peer{
		ID: id, Name: "node" + id[:1], Host: host, PeerAddress: host + ":24008", ClientAddress: host + ":24007",
		StorePeerURLs: []string{"https://" + host + ":2380"}, StoreClientURLs: []string{"https://" + host + ":2379"},
	}
}

// reset makes the rig what newWorld says.
func (r *modelRig) reset(devices bool) {
	r.t.Helper()
	for _, id := range modelIDs {
		r.ends[id]()
		r.pool.Start(id)
		r.movers[id].end(volume.TaskComplete)
	}
	r.hosts.forget("")
	commit(r.t, r.store, func() []store.Write {
		w := erased(r.t, r.store, volume.Records)
		w = append(w, erased(r.t, r.store, peer.Records)...)
		w = append(w, erased(r.t, r.store, GroupRecords)...)
		w = append(w, erased(r.t, r.store, volume.Tasks)...)
		w = append(w, erased(r.t, r.store, volume.TaskResults)...)
		w = append(w, erased(r.t, r.store, volume.AllLimits)...)
		w = append(w, erased(r.t, r.store, device.Records)...)
		w = append(w, erased(r.t, r.store, device.Debts)...)
		return append(w, erased(r.t, r.store, PoolOptions)...)
	})
	commit(r.t, r.store, func() (w []store.Write) {
		for _, id := range modelIDs {
			p := testPeer(id)
			w = append(w, peer.Records.Create(id, &p))
			if d := modelDevice(id); devices {
				w = append(w, device.Records.Create(d.ID, d))
			}
		}
		return append(w, PoolOptions.Create("unrelated", nil)) // so that the revision moves on in every case
	})
	for _, id := range modelIDs {
		r.boot(id)
	}
}

func erased[T any](t testing.TB, s *store.Store, k store.Kind[T]) (writes []store.Write) {
	t.Helper()
	recs, err := k.List(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		writes = append(writes, k.Delete(rec.ID, rec.Revision))
	}
	return writes
}

// join is what a peer does that has got a token.
func (r *modelRig) join(ctx context.Context, id string) error {
	made, err := r.peers.Token(ctx, api.PeerTokenReq{})
	if err != nil {
		return err
	}
	token, err := peer.ParseToken(made.Token)
	if err != nil {
		return err
	}
	_, err = r.peers.Admit(ctx, "10.0.0.9", peer.JoinRequest{TokenID: token.ID, Secret: token.Secret, Request: r.requests[id], Peer: testPeer(id)})
	return err
}

var (
	_ Network        = (*modelRig)(nil)
	_ peers.Network  = modelNetwork{}
	_ peers.Identity = (*modelRig)(nil)
)

// Report implements Network.
func (r *modelRig) Report(ctx context.Context, peerID string, req ReportRequest) (Report, error) {
	return r.c[peerID].ReportLocal(ctx, req)
}

// modelNetwork is what the commands on peers need of a network here: none of the rest is called.
type modelNetwork struct{ peers.Network }

// Leave implements peers.Network.
func (modelNetwork) Leave(context.Context, *peer.Peer) error { return nil }

// Knock implements peers.Network.
func (modelNetwork) Knock(context.Context, *peer.Peer) error { return nil }

// Peer implements peers.Identity.
func (r *modelRig) Peer() peer.Peer { return testPeer(modelIDs[0]) }

// PoolID implements peers.Identity.
func (r *modelRig) PoolID() string { return "99999999-9999-4999-8999-999999999999" }

// SetPool implements peers.Identity.
func (r *modelRig) SetPool(string, peer.Peer) error { return nil }

// Detached implements peers.Identity.
func (r *modelRig) Detached() string { return "" }

// SetDetached implements peers.Identity.
func (r *modelRig) SetDetached(string) error { return nil }
