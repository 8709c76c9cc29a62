package heketi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/devices"
	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/config"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/plugin"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

func nodeRequest(host, cluster string) heketi.NodeAddRequest {
	return heketi.NodeAddRequest{Zone: 3, ClusterID: cluster, Hostnames: heketi.HostAddresses{Manage: []string{host}, Storage: []string{"192.0.2.1"}}}
}

// idleHost is the data plane of a peer that has nothing to do but to count what would touch its disks.
type idleHost struct {
	volumes.Host
	disks *disks
}

func (h idleHost) Prepare(context.Context, *volume.Volume, volumes.Allow) error {
	return h.disks.touch()
}
func (h idleHost) Unprepare(context.Context, *volume.Volume) error     { return h.disks.touch() }
func (h idleHost) Start(context.Context, *volume.Volume) error         { return h.disks.touch() }
func (h idleHost) Stop(context.Context, *volume.Volume) error          { return h.disks.touch() }
func (idleHost) Report(context.Context, *volume.Volume) volumes.Report { return volumes.Report{} }

func (idleHost) SurveyStart(*volume.Volume, bool) ([]api.Effect, error) { return nil, nil }

func (idleHost) SurveyPrepare(context.Context, *volume.Volume, volumes.Allow) ([]api.Effect, error) {
	return nil, nil
}

// disks are those of all peers: each is measured as soon as measuring is let through.
type disks struct {
	size    uint64
	wait    sync.RWMutex
	touched atomic.Int32
}

func (d *disks) touch() error {
	d.touched.Add(1)
	return nil
}

func (d *disks) Take(ctx context.Context, dev device.Device, _ bool) (devices.Measure, error) {
	_ = d.touch()
	return d.Measure(ctx, dev)
}

func (d *disks) Look(ctx context.Context, dev device.Device, _ bool) (devices.Measure, error) {
	return d.Measure(ctx, dev)
}

func (d *disks) Release(context.Context, device.Device) error { return d.touch() }

func (d *disks) Rescan(ctx context.Context, dev device.Device) (devices.Measure, error) {
	return d.Measure(ctx, dev)
}

func (d *disks) Measure(context.Context, device.Device) (devices.Measure, error) {
	d.wait.RLock()
	defer d.wait.RUnlock()
	return devices.Measure{Size: d.size, Unit: 4 << 20, Mounts: "/run/b"}, nil
}

// silent are the other peers: nothing serves there.
type silent struct{ volumes.Network }

func (silent) Report(context.Context, string, volumes.ReportRequest) (volumes.Report, error) {
	return volumes.Report{}, nil
}

// rooms plans where bricks go. Whether they may go now depends on bricks that serve, of which there are none: those with files that
// no other has are refused.
type rooms struct{ *volumes.Commands }

func (r rooms) Plan(_ context.Context, leave volumes.Leave, how volumes.How) ([]volumes.PlannedMove, error) {
	moves, err := r.PlanMoves(leave)
	for _, m := range moves {
		if m.Alone && m.Refused == nil {
			m.Refused = api.Errorf(api.State, "no other brick has the files of %s", m.Old.Path)
		}
		if m.Refused != nil {
			return moves, m.Refused
		}
	}
	return moves, err
}

// May implements devices.Moves: others have to be healed from every brick.
func (rooms) May(context.Context, *volume.Volume, string) error {
	return api.Errorf(api.State, "entries are to be healed from it")
}

func (rooms) State(context.Context, *device.Evacuation) string { return "" }

// member is a peer that is in its pool.
type member struct{ peers.Identity }

func (member) Detached() string { return "" }

// poolID is the id of the pool of a rig, as a cluster.
const poolID = "7d3b6f1e000040008000000000000001"

// rig is Heketi's API at one of four peers, a1 to a4, whose hosts do nothing.
type rig struct {
	*service
	t     testing.TB
	disks *disks
	pool  *transactiontest.Pool
}

func newRig(t testing.TB) rig {
	t.Helper()
	r := rig{t: t, disks: &disks{size: 10 << 30}}
	var ops Operations
	var volumeOps volumes.Operations
	var deviceOps devices.Operations
	pool := transactiontest.NewPool(t, transactiontest.Config{Peers: []string{"a1", "a2", "a3", "a4"}, Registry: func(string) *transaction.Registry {
		reg := transaction.NewRegistry()
		ops, volumeOps, deviceOps = Register(reg), volumes.Register(reg, idleHost{disks: r.disks}), devices.Register(reg, r.disks)
		return reg
	}, Tune: func(c *transaction.Config) { c.History = 100_000 }})
	st := pool.Store("a1")
	full, _ := asUUID(poolID)
	writes := []store.Write{peer.PoolRecord.Create("", peer.Pool{ID: full})}
	for n, id := range pool.Peers() {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: fmt.Sprintf("n%d", n+1), Host: id, ClientAddress: fmt.Sprintf("192.0.2.%d:24007", n+1)}))
	}
	commit(t, st, writes...)
	table, err := xlator.Load()
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	entry := logrus.NewEntry(log)
	engine := pool.Engine("a1")
	vols := volumes.New(volumes.Config{Store: st, Engine: engine, Ops: volumeOps, Host: idleHost{disks: r.disks}, Network: silent{}, Table: table, PeerID: "a1", Log: entry})
	r.service = newService(plugin.Daemon{
		Store: st, Engine: engine, Log: entry, Heketi: config.Heketi{AdminKey: "admin", UserKey: "user"},
		Peers:   peers.New(peers.Config{Store: st, Engine: engine, Identity: member{}, Lost: func() string { return "" }, Log: entry}),
		Volumes: vols,
		Devices: devices.New(devices.Config{Store: st, Engine: engine, Ops: deviceOps, Host: r.disks, Asker: ask.New(ask.Config{PeerID: "a1", Store: st}), Moves: rooms{vols}, PeerID: "a1", Log: entry}),
	}, ops)
	r.pool, r.importPause = pool, 10*time.Millisecond
	t.Cleanup(r.stop)
	return r
}

// send sends a request as one of Heketi's users does, whose name is the key.
func (r rig) send(user, method, path, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{QSH: qsh(method, path), RegisteredClaims: jwt.RegisteredClaims{
		Issuer: user, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}}).SignedString([]byte(user))
	if err != nil {
		r.t.Fatal(err)
	}
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "bearer "+token)
	w := httptest.NewRecorder()
	r.alone().ServeHTTP(w, req)
	return w
}

// says demands a status and a text.
func (r rig) says(status int, text, method, path, body string) {
	r.t.Helper()
	if w := r.send(userAdmin, method, path, body); w.Code != status || !strings.Contains(w.Body.String(), text) {
		r.t.Errorf("%s %s %s: %d %s, want %d %q", method, path, body, w.Code, w.Body, status, text)
	}
}

// job carries a change out that is a job, and returns the answer to its end: what is at it, if anything is.
func (r rig) job(method, path, body string) string {
	r.t.Helper()
	w := r.send(userAdmin, method, path, body)
	if w.Code != http.StatusAccepted {
		r.t.Fatalf("%s %s %s: %d %s", method, path, body, w.Code, w.Body)
	}
	at := w.Header().Get("Location")
	if w = r.send(userAdmin, http.MethodGet, at, ""); w.Code != http.StatusSeeOther && w.Code != http.StatusNoContent {
		r.t.Fatalf("%s %s %s: its job: %d %s %v", method, path, body, w.Code, w.Body, w.Header())
	}
	return w.Header().Get("Location")
}

// get reads an object.
func get[T any](r rig, path string) (out T) {
	r.t.Helper()
	w := r.send(userAdmin, http.MethodGet, path, "")
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		r.t.Fatalf("%s: %d %s, %v", path, w.Code, w.Body, err)
	}
	return out
}

// cluster makes a cluster.
func (r rig) cluster() string {
	r.t.Helper()
	w := r.send(userAdmin, http.MethodPost, "/clusters", `{"file":true}`)
	return strings.TrimPrefix(w.Header().Get("Location"), "/clusters/")
}

// node makes a peer a node of a cluster, with so many devices, and returns its id.
func (r rig) node(n int, cluster string, devices int) string {
	r.t.Helper()
	at := r.job(http.MethodPost, "/nodes", fmt.Sprintf(`{"zone":%d,"cluster":%q,"hostnames":{"manage":["n%d"],"storage":["192.0.2.%d"]}}`, n, cluster, n, n))
	id := strings.TrimPrefix(at, "/nodes/")
	for d := range devices {
		r.job(http.MethodPost, "/devices", fmt.Sprintf(`{"node":%q,"name":"/dev/sd%c"}`, id, 'b'+d))
	}
	return id
}

// volume makes a volume and returns its record.
func (r rig) volume(body string) *volume.Volume {
	r.t.Helper()
	at := r.job(http.MethodPost, "/volumes", body)
	rec, err := r.findVolume(r.t.Context(), strings.TrimPrefix(at, "/volumes/"))
	if err != nil {
		r.t.Fatal(err)
	}
	return rec.Value
}
