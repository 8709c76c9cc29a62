package volumes

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// rig is the commands of three peers, p1 to p3, on hosts in memory.
type rig struct {
	t     testing.TB
	hosts *fakeHosts
	pool  *transactiontest.Pool
	store *store.Store
	c     *Commands // those of p1
	peers map[string]*Commands
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, hosts: newFakeHosts(), peers: map[string]*Commands{}}
	r.pool = transactiontest.NewPool(t, transactiontest.Config{Registry: func(peerID string) *transaction.Registry {
		registry := transaction.NewRegistry()
		Register(registry, fakeHost{r.hosts, peerID})
		return registry
	}})
	r.store = r.pool.Store("p1")
	addPeers(t, r.store, r.pool.Peers()...)
	log := logrus.New()
	log.SetOutput(io.Discard)
	for _, id := range r.pool.Peers() {
		host := fakeHost{r.hosts, id}
		r.peers[id] = New(Config{
			Store: r.store, Engine: r.pool.Engine(id), Ops: Register(transaction.NewRegistry(), host), Host: host,
			Network: r, Table: table(t), PeerID: id, Log: logrus.NewEntry(log),
		})
	}
	r.c = r.peers["p1"]
	return r
}

var _ Network = (*rig)(nil)

// Report implements Network.
func (r *rig) Report(ctx context.Context, peerID string, req ReportRequest) (Report, error) {
	return r.peers[peerID].ReportLocal(ctx, req)
}

// create makes a volume of one brick on each of the peers p1 to p3.
func (r *rig) create(name string, sub api.SubvolReq) {
	r.t.Helper()
	if _, err := r.c.Create(r.t.Context(), api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{bricksOn(name, sub, "p1", "p2", "p3")}}); err != nil {
		r.t.Fatal(err)
	}
}

// bricksOn gives a subvolume one brick on each of the peers.
func bricksOn(name string, sub api.SubvolReq, peers ...string) api.SubvolReq {
	for i, p := range peers {
		sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: p, Path: fmt.Sprintf("/bricks/%s/%d", name, i)})
	}
	return sub
}

func (r *rig) start(name string) {
	r.t.Helper()
	if _, err := r.c.Start(r.t.Context(), name, api.VolumeStartReq{}); err != nil {
		r.t.Fatal(err)
	}
}

// down makes a peer look dead.
func (r *rig) down(id string) {
	r.t.Helper()
	r.pool.Kill(id)
}

func (r *rig) record(name string) *volume.Volume {
	r.t.Helper()
	rec, err := Find(r.store, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return rec.Value
}

// refused fails the test unless err is of the kind, and of the field if one is given.
func refused(t *testing.T, err error, kind api.Kind, field string) {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Kind != kind || field != "" && e.Fields[api.FieldField] != field {
		t.Errorf("error %v, want one of kind %s about %q", err, kind, field)
	}
}

// nothingLeft fails the test if the hosts have bricks or the store has locks.
func (r *rig) nothingLeft() {
	r.t.Helper()
	if text := r.hosts.text(""); text != "" {
		r.t.Errorf("bricks are left:\n%s", text)
	}
	if p := r.c.Engine.Pending(); len(p) > 0 {
		r.t.Errorf("transactions are left: %+v", p)
	}
}
