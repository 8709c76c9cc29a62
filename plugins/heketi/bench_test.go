package heketi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/glusterd2/plugin"
	"gd2/glusterd2/volume"
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

// BenchmarkCreate makes volumes by 32 clients at once, each of which waits for the end of its job, on hosts that do nothing.
func BenchmarkCreate(b *testing.B) {
	r := newRig(b)
	r.disks.size = 1 << 50
	cluster := r.cluster()
	for n := 1; n <= 3; n++ {
		r.node(n, cluster, 10)
	}
	b.SetParallelism(32 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := r.send(userUser, http.MethodPost, "/volumes", `{"size":1,"durability":{"type":"replicate","replicate":{"replica":3}}}`)
			if w.Code != http.StatusAccepted {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
			if w = r.send(userUser, http.MethodGet, w.Header().Get("Location"), ""); w.Code != http.StatusSeeOther {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "volumes/s")
}
