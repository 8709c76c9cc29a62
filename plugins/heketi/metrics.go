package heketi

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// maxScrapes is how many scrapers are served at once.
const maxScrapes = 4

// collector exports what Heketi exports, under its names. It reads this peer's memory and walks the records once.
type collector struct {
	s *service

	up, clusters, volumes, blockVolumes, nodes, devices       *prometheus.Desc
	size, free, used, sizeBytes, freeBytes, usedBytes, bricks *prometheus.Desc
	stale, failed, fresh, total, inFlight                     *prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

func newCollector(s *service) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("heketi_"+name, help, labels, nil)
	}
	of := []string{"cluster", "hostname", "storage_hostname", "id", "device", "pv_uuid"}
	return &collector{
		s: s, up: d("up", "1 if the pool could be asked."), clusters: d("cluster_count", "Clusters."),
		volumes: d("volumes_count", "Volumes of the cluster.", "cluster"), blockVolumes: d("block_volumes_count", "Block volumes of the cluster.", "cluster"),
		nodes: d("nodes_count", "Nodes of the cluster.", "cluster"), devices: d("device_count", "Devices of the node.", of[:3]...),
		size: d("device_size", "Room on the device in all, in KiB.", of...), sizeBytes: d("device_size_bytes", "Room on the device in all, in bytes.", of...),
		free: d("device_free", "Free room on the device, in KiB.", of...), freeBytes: d("device_free_bytes", "Free room on the device, in bytes.", of...),
		used: d("device_used", "Room on the device that is taken, in KiB.", of...), usedBytes: d("device_used_bytes", "Room on the device that is taken, in bytes.", of...),
		bricks: d("device_brick_count", "Bricks on the device.", of...),
		stale:  d("operations_stale_count", "Operations that nobody carries on: always 0."), failed: d("operations_failed_count", "Operations that wait for an administrator."),
		fresh: d("operations_new_count", "Operations that run."), inFlight: d("operations_inFlight_count", "Operations that run."),
		total: d("operations_total_count", "Operations that have not ended."),
	}
}

// metricsHandler serves the metrics, to everybody, as Heketi does.
func metricsHandler(s *service) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(s))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes})
}

// Describe sends nothing: which families there are depends on the state.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// sender sends a sample.
type sender func(d *prometheus.Desc, v float64, labels ...string)

// Collect reads the state and sends it.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		m, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(d, err)
		}
		ch <- m
	}
	t, err := readTopology(c.s.Store)
	if err == nil {
		err = c.clusterFigures(t, send)
	}
	if err == nil {
		err = c.deviceFigures(t, send)
	}
	if err != nil {
		send(c.up, 0)
		return
	}
	send(c.up, 1)
	c.operations(send)
}

func (c *collector) clusterFigures(t *topology, send sender) error {
	recs, err := volume.Records.List(c.s.Store)
	if err != nil {
		return err
	}
	clusters, count := t.clusterOfPeers(), map[string]int{}
	for _, rec := range recs {
		if made(rec.Value) {
			count[clusters[firstPeer(rec.Value)]]++
		}
	}
	send(c.clusters, float64(len(t.clusters)))
	for _, k := range t.clusters {
		send(c.volumes, float64(count[k.ID]), k.ID)
		send(c.blockVolumes, 0, k.ID)
		send(c.nodes, float64(len(t.in(k.ID))), k.ID)
	}
	return nil
}

func (c *collector) deviceFigures(t *topology, send sender) error {
	uses, err := device.Uses(c.s.Store)
	if err != nil {
		return err
	}
	for _, n := range t.nodes {
		devices := t.devicesOf(n.PeerID)
		labels := []string{n.Cluster, n.Manage[0], n.Storage[0]}
		send(c.devices, float64(len(devices)), labels...)
		for _, d := range devices {
			of := append(labels[:3:3], d.ID, d.Name, d.UUID)
			total, free := d.Size/kib, d.Free(uses[d.ID])/kib
			send(c.size, float64(total), of...)
			send(c.free, float64(free), of...)
			send(c.used, float64(total-free), of...)
			send(c.sizeBytes, float64(total*kib), of...)
			send(c.freeBytes, float64(free*kib), of...)
			send(c.usedBytes, float64((total-free)*kib), of...)
			send(c.bricks, float64(uses[d.ID].Bricks), of...)
		}
	}
	return nil
}

func (c *collector) operations(send sender) {
	var running, stuck float64
	for _, op := range c.s.Engine.Pending() {
		if op.State == api.OperationStuck {
			stuck++
		} else {
			running++
		}
	}
	send(c.stale, 0)
	send(c.failed, stuck)
	send(c.fresh, running)
	send(c.inFlight, running)
	send(c.total, running+stuck)
}
