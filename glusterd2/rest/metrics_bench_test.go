package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"gd2/pkg/api"
)

// crowded is a pool of many started volumes with three copies, one of them on this peer.
func crowded(volumes int) Measurements {
	m := measured()
	m.Volumes = m.Volumes[:0]
	for n := range volumes {
		v := api.VolumeStatus{Info: api.VolumeInfo{Name: fmt.Sprintf("gv%d", n), State: api.VolumeStarted}, Online: true}
		var bricks []api.BrickInfo
		for p := range 3 {
			id := fmt.Sprintf("6f1c26a3-0000-4aed-%04d-%012d", p, n)
			bricks = append(bricks, api.BrickInfo{ID: id, Path: "/run/glusterd2/bricks/" + id + "/brick", PeerID: fmt.Sprintf("peer-%d", p), Hostname: fmt.Sprintf("n%d", p)})
		}
		v.Info.Subvols = []api.SubvolInfo{{Name: "s0", Bricks: bricks}}
		v.Bricks = []api.BrickStatus{{
			Info: bricks[0], Online: true, Pid: 1000 + n, Size: api.SizeInfo{Capacity: 10 << 30, Used: 1 << 30, Free: 9 << 30},
			Inodes: api.InodeInfo{Total: 100000, Used: 10, Free: 99990},
		}}
		m.Volumes = append(m.Volumes, v)
	}
	return m
}

// BenchmarkMetrics answers a scrape in a pool of 10,000 volumes, each with a brick on this peer.
func BenchmarkMetrics(b *testing.B) {
	f := &fake{measured: crowded(10000)}
	handler := newMetrics(f.services()).handler()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
		b.ReportMetric(float64(w.Body.Len()), "bytes")
	}
}
