package volumes

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/commands/peers"
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
	c     map[string]*Commands // by peer, of the daemon as it runs now
	// requests are what peers send along to get a certificate.
	requests map[string][]byte
}

func newModelRig(t testing.TB) *modelRig {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := &modelRig{t: t, hosts: newFakeHosts(), table: table(t), log: logrus.NewEntry(log), c: map[string]*Commands{}, requests: map[string][]byte{}}
	r.pool = transactiontest.NewPool(t, transactiontest.Config{Peers: modelIDs, Registry: func(peerID string) *transaction.Registry {
		registry := transaction.NewRegistry()
		Register(registry, fakeHost{r.hosts, peerID})
		peers.Register(registry)
		return registry
	}})
	r.store = r.pool.Store(modelIDs[0])
	r.authority()
	for _, id := range modelIDs {
		r.boot(id)
		dir, err := pki.OpenDir(filepath.Join(t.TempDir(), "tls"))
		if err != nil {
			t.Fatal(err)
		}
		r.requests[id] = r.request(dir, id)
	}
	r.peers = peers.New(peers.Config{
		Store: r.store, Engine: r.pool.Engine(modelIDs[0]), Ops: peers.Register(transaction.NewRegistry()), Identity: r, TLS: r.tls,
		Network: modelNetwork{}, Lost: func() string { return "" }, Log: r.log,
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

// boot makes the commands of a daemon that has just started.
func (r *modelRig) boot(id string) {
	host := fakeHost{r.hosts, id}
	r.c[id] = New(Config{
		Store: r.store, Engine: r.pool.Engine(id), Ops: Register(transaction.NewRegistry(), host), Host: host,
		Network: r, Table: r.table, PeerID: id, Log: r.log,
	})
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
func (r *modelRig) reset() {
	r.t.Helper()
	for _, id := range modelIDs {
		if r.pool.Engine(id) == nil {
			r.pool.Start(id)
			r.boot(id)
		}
	}
	r.hosts.forget("")
	commit(r.t, r.store, func() []store.Write {
		w := erased(r.t, r.store, volume.Records)
		w = append(w, erased(r.t, r.store, peer.Records)...)
		w = append(w, erased(r.t, r.store, GroupRecords)...)
		return append(w, erased(r.t, r.store, PoolOptions)...)
	})
	commit(r.t, r.store, func() (w []store.Write) {
		for _, id := range modelIDs {
			p := testPeer(id)
			w = append(w, peer.Records.Create(id, &p))
		}
		return append(w, PoolOptions.Create("unrelated", nil)) // so that the revision moves on in every case
	})
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

// look is the world as the records and the hosts have it.
func (r *modelRig) look() world {
	r.t.Helper()
	w := world{peers: map[string]modelPeer{}, volumes: map[string]modelVolume{}, dirs: map[string]string{}, running: map[string]bool{}, groups: map[string]bool{}}
	names := map[string]string{}
	recs, err := volume.Records.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range recs {
		v := rec.Value
		names[v.ID] = v.Name
		m := modelVolume{state: v.State, replica: max(v.Shape().Replica, 1), options: v.Options, metadata: v.Metadata}
		for _, b := range v.Bricks() {
			m.bricks = append(m.bricks, b.PeerID+" "+b.Path)
		}
		w.volumes[v.Name] = m
	}
	r.lookAround(&w, names)
	return w
}

// lookAround takes in all but the volumes.
func (r *modelRig) lookAround(w *world, names map[string]string) {
	r.t.Helper()
	members, err := peer.Records.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range members {
		w.peers[rec.ID] = modelPeer{zone: rec.Value.Metadata[api.ZoneKey]}
	}
	groups, err := GroupRecords.List(r.store)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range groups {
		w.groups[rec.ID] = true
	}
	if w.pool, err = ReadPoolOptions(r.store); err != nil {
		r.t.Fatal(err)
	}
	r.hosts.mu.Lock()
	defer r.hosts.mu.Unlock()
	for at, b := range r.hosts.bricks {
		w.dirs[at] = leftOver
		if name, there := names[b.owner]; there {
			w.dirs[at] = name
		}
		w.running[at] = b.running
	}
}

// do carries a deed out through a peer.
func (r *modelRig) do(ctx context.Context, via string, d deed) error {
	c, peerID, call := r.c[via], "", ""
	switch d := d.(type) {
	case createDeed:
		peerID, call = d.fault, "prepare"
	case startDeed:
		peerID, call = d.fault, "start"
	case stopDeed:
		peerID, call = d.fault, "stop"
	}
	if peerID != "" {
		r.hosts.setFail(peerID, call, api.Errorf(api.Internal, "the disk of %s is on fire", peerID))
		defer r.hosts.setFail(peerID, call, nil)
	}
	err := r.onVolume(ctx, c, d)
	if err == errNotOnVolumes { //nolint:errorlint // it is this very value
		err = r.onPool(ctx, c, d)
	}
	return err
}

var errNotOnVolumes = api.Errorf(api.Internal, "not an operation on a volume")

func (r *modelRig) onVolume(ctx context.Context, c *Commands, d deed) (err error) {
	switch d := d.(type) {
	case createDeed:
		_, err = c.Create(ctx, d.request())
	case startDeed:
		_, err = c.Start(ctx, d.name, api.VolumeStartReq{ForceStartBricks: d.force})
	case stopDeed:
		_, err = c.Stop(ctx, d.name, api.VolumeStopReq{})
	case deleteDeed:
		err = c.Delete(ctx, d.name, true)
	case expandDeed:
		_, err = c.Expand(ctx, d.name, api.VolumeExpandReq{Bricks: brickReqs(d.bricks)})
	case setDeed:
		_, err = c.SetOptions(ctx, d.name, api.VolumeOptionReq{Options: map[string]string{d.key: d.value}})
	case resetDeed:
		req := api.VolumeOptionResetReq{All: d.key == ""}
		if d.key != "" {
			req.Options = []string{d.key}
		}
		_, err = c.ResetOptions(ctx, d.name, req)
	case editDeed:
		_, err = c.Edit(ctx, d.name, api.VolumeEditReq{Metadata: map[string]string{d.key: d.value}, DeleteMetadata: d.value == ""})
	default:
		err = errNotOnVolumes
	}
	return err
}

func (r *modelRig) onPool(ctx context.Context, c *Commands, d deed) (err error) {
	switch d := d.(type) {
	case poolDeed:
		_, err = Cluster{c}.SetOptions(ctx, api.ClusterOptionReq{Options: map[string]string{d.key: d.value}})
	case groupDeed:
		if d.gone {
			return c.DeleteGroup(ctx, d.name)
		}
		_, err = c.CreateGroup(ctx, api.OptionGroupReq{OptionGroup: api.OptionGroup{Name: d.name, Options: []api.GroupOption{{Name: "features.shard", OnValue: "on"}}}})
	case zoneDeed:
		_, err = r.peers.Edit(ctx, d.peer, api.PeerEditReq{Zone: d.zone})
	case detachDeed:
		err = r.peers.Delete(ctx, d.peer, d.force)
	case joinDeed:
		err = r.join(ctx, d.peer)
	}
	return err
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

func (d createDeed) request() api.VolumeCreateReq {
	req := api.VolumeCreateReq{Name: d.name}
	bricks := brickReqs(d.bricks)
	if d.replica == 1 {
		req.Subvols = []api.SubvolReq{{Bricks: bricks}}
		return req
	}
	for len(bricks) > 0 {
		req.Subvols = append(req.Subvols, api.SubvolReq{Type: api.SubvolReplicate, ReplicaCount: d.replica, Bricks: bricks[:d.replica]})
		bricks = bricks[d.replica:]
	}
	return req
}

func brickReqs(bricks []string) (out []api.BrickReq) {
	for _, at := range bricks {
		id, path, _ := strings.Cut(at, " ")
		out = append(out, api.BrickReq{PeerID: id, Path: path})
	}
	return out
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
