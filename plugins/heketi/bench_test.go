package heketi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/sirupsen/logrus"

	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/config"
	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/plugin"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// benchVolumes is how many volumes a pool has whose metrics are read.
const benchVolumes = 10_000

// fill puts volumes of three copies on record, on thirty devices of three peers.
func fill(b *testing.B, st *store.Store) {
	b.Helper()
	var writes []store.Write
	for n := range 3 {
		id := fmt.Sprintf("p%d", n)
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: id, Host: id}))
		for d := range 10 {
			dev := &device.Device{ID: fmt.Sprintf("d%d-%d", n, d), PeerID: id, Name: fmt.Sprintf("/dev/%d", d), Provisioner: api.ProvisionerLVM, State: api.DeviceEnabled, Size: 1 << 50}
			writes = append(writes, device.Records.Create(dev.ID, dev))
		}
	}
	commit(b, st, writes...)
	for first := 0; first < benchVolumes; first += 50 {
		writes = nil
		for i := first; i < first+50; i++ {
			name := fmt.Sprintf("vol_%032x", i)
			v := &volume.Volume{ID: name, Name: name, State: volume.Started, Capacity: 1 << 30, Subvols: []volume.Subvol{{Type: api.SubvolReplicate, Replica: 3}}}
			for n := range 3 {
				v.Subvols[0].Bricks = append(v.Subvols[0].Bricks, volume.Brick{
					ID: fmt.Sprintf("%s-%d", name, n), PeerID: fmt.Sprintf("p%d", n), Device: fmt.Sprintf("d%d-%d", n, i%10), Path: "/b/" + name, Client: n, Size: 1 << 30, Cost: 1 << 30,
				})
			}
			writes = append(writes, volume.Records.Create(name, v))
		}
		commit(b, st, writes...)
	}
}

// BenchmarkMetrics reads /metrics of a pool with ten thousand volumes.
func BenchmarkMetrics(b *testing.B) {
	var ops Operations
	pool := transactiontest.NewPool(b, transactiontest.Config{Registry: func(string) *transaction.Registry {
		r := transaction.NewRegistry()
		ops = Register(r)
		return r
	}})
	fill(b, pool.Store("p1"))
	h := metricsHandler(newService(plugin.Daemon{Store: pool.Store("p1"), Engine: pool.Engine("p1")}, ops))
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		if text := w.Body.String(); !strings.Contains(text, "} 10000\n") || !strings.Contains(text, "heketi_up 1\n") {
			b.Fatalf("%.2000s", text)
		}
	}
}

// idleHost is the data plane of a peer that has nothing to do.
type idleHost struct{ volumes.Host }

func (idleHost) Prepare(context.Context, *volume.Volume, volumes.Allow) error { return nil }
func (idleHost) Unprepare(context.Context, *volume.Volume) error              { return nil }
func (idleHost) Start(context.Context, *volume.Volume) error                  { return nil }
func (idleHost) Stop(context.Context, *volume.Volume) error                   { return nil }

// member is a peer that is in its pool.
type member struct{ peers.Identity }

func (member) Detached() string { return "" }

// BenchmarkCreate makes volumes by 32 clients at once, each of which waits for the end of its job, on hosts that do nothing.
func BenchmarkCreate(b *testing.B) {
	var ops Operations
	var volumeOps volumes.Operations
	pool := transactiontest.NewPool(b, transactiontest.Config{Registry: func(string) *transaction.Registry {
		r := transaction.NewRegistry()
		ops, volumeOps = Register(r), volumes.Register(r, idleHost{})
		return r
	}, Tune: func(c *transaction.Config) { c.History = 100_000 }})
	st := pool.Store("p1")
	var writes []store.Write
	for _, id := range pool.Peers() {
		writes = append(writes, peer.Records.Create(id, &peer.Peer{ID: id, Name: id, Host: id}))
		for d := range 10 {
			dev := &device.Device{ID: fmt.Sprintf("%s-%d", id, d), PeerID: id, Name: fmt.Sprintf("/dev/%d", d), Provisioner: api.ProvisionerLVM,
				State: api.DeviceEnabled, Size: 1 << 50, Unit: 4 << 20, Mounts: "/run/b"}
			writes = append(writes, device.Records.Create(dev.ID, dev))
		}
	}
	commit(b, st, append(writes, peer.PoolRecord.Create("", peer.Pool{ID: "7d3b6f1e-0000-4000-8000-000000000001"}))...)
	table, err := xlator.Load()
	if err != nil {
		b.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	entry := logrus.NewEntry(log)
	s := newService(plugin.Daemon{
		Store: st, Engine: pool.Engine("p1"), Log: entry, Heketi: config.Heketi{AdminKey: "admin", UserKey: "user"},
		Peers:   peers.New(peers.Config{Store: st, Identity: member{}, Lost: func() string { return "" }, Log: entry}),
		Volumes: volumes.New(volumes.Config{Store: st, Engine: pool.Engine("p1"), Ops: volumeOps, Host: idleHost{}, Table: table, PeerID: "p1", Log: entry}),
	}, ops)
	b.SetParallelism(32 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := ask(s, http.MethodPost, "/volumes", `{"size":1,"durability":{"type":"replicate","replicate":{"replica":3}}}`)
			if w.Code != http.StatusAccepted {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
			if w = ask(s, http.MethodGet, w.Header().Get("Location"), ""); w.Code != http.StatusSeeOther {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "volumes/s")
}

// ask sends a request as Heketi's user does.
func ask(s *service, method, path, body string) *httptest.ResponseRecorder {
	now := time.Now()
	token, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{QSH: qsh(method, path), RegisteredClaims: jwt.RegisteredClaims{
		Issuer: userUser, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}}).SignedString([]byte("user"))
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "bearer "+token)
	w := httptest.NewRecorder()
	s.alone().ServeHTTP(w, r)
	return w
}
