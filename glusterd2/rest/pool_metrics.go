package rest

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gd2/pkg/api"
)

// measureTimeout bounds one reading of the state: Prometheus waits 10 seconds by default.
const measureTimeout = 8 * time.Second

// poolCollector exports the state of the pool. The families gluster_… have the names and labels of gluster-prometheus,
// with their inconsistencies, so that its dashboards and alerts work; glusterd2_… are gd2's own.
type poolCollector struct {
	services Services

	peerCount, peerConnected                            *prometheus.Desc
	volumeTotal, volumeCreated, volumeStarted           *prometheus.Desc
	volumeBricks, volumeUp, brickUp                     *prometheus.Desc
	capacityUsed, capacityFree, capacityTotal           *prometheus.Desc
	inodesTotal, inodesFree, inodesUsed                 *prometheus.Desc
	subvolUsed, subvolTotal                             *prometheus.Desc
	transactions, connections                           *prometheus.Desc
	storeRevision, storeSize, storeMembers, storeLeader *prometheus.Desc
	storeInUse, storeQuota, storeQuorum, storeHealthy   *prometheus.Desc
	storeTerm, storeLag, storeReachable, storeSnapshot  *prometheus.Desc
	storeAlarms                                         *prometheus.Desc
}

var _ prometheus.Collector = (*poolCollector)(nil)

func newPoolCollector(s Services) *poolCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	brick := []string{"cluster_id", "host", "id", "brick_path", "volume", "subvolume"}
	return &poolCollector{
		services:       s,
		peerCount:      d("gluster_peer_count", "Peers in the pool.", "instance"),
		peerConnected:  d("gluster_peer_connected", "1 if the peer is online.", "instance", "hostname", "uuid"),
		volumeTotal:    d("gluster_volume_total_count", "Volumes.", "cluster_id"),
		volumeCreated:  d("gluster_volume_created_count", "Volumes that have never been started.", "cluster_id"),
		volumeStarted:  d("gluster_volume_started_count", "Volumes that are started.", "cluster_id"),
		volumeBricks:   d("gluster_volume_brick_count", "Bricks of the volume.", "cluster_id", "volume"),
		volumeUp:       d("gluster_volume_up", "1 if every subvolume can serve clients.", "cluster_id", "volume"),
		brickUp:        d("gluster_brick_up", "1 if the brick is online.", "cluster_id", "volume", "hostname", "brick_path", "peer_id", "pid"),
		capacityUsed:   d("gluster_brick_capacity_used_bytes", "Bytes used on the brick's file system.", brick...),
		capacityFree:   d("gluster_brick_capacity_free_bytes", "Bytes free on the brick's file system.", brick...),
		capacityTotal:  d("gluster_brick_capacity_bytes_total", "Size of the brick's file system.", brick...),
		inodesTotal:    d("gluster_brick_inodes_total", "Inodes of the brick's file system.", brick...),
		inodesFree:     d("gluster_brick_inodes_free", "Inodes free on the brick's file system.", brick...),
		inodesUsed:     d("gluster_brick_inodes_used", "Inodes used on the brick's file system.", brick...),
		subvolUsed:     d("gluster_subvol_capacity_used_bytes", "Bytes used in the subvolume, as clients see it.", "cluster_id", "volume", "subvolume"),
		subvolTotal:    d("gluster_subvol_capacity_total_bytes", "Size of the subvolume, as clients see it.", "cluster_id", "volume", "subvolume"),
		transactions:   d("glusterd2_transactions", "Transactions on record, by state.", "state"),
		connections:    d("glusterd2_sunrpc_connections", "Open SunRPC connections, by kind of client.", "kind"),
		storeRevision:  d("glusterd2_store_revision", "Revision of the store that this peer has."),
		storeSize:      d("glusterd2_store_db_bytes", "What the store's database takes on disk: that of the leader, or of the fullest member."),
		storeInUse:     d("glusterd2_store_db_in_use_bytes", "What that database holds."),
		storeQuota:     d("glusterd2_store_quota_bytes", "What that database may take; changes are refused from 90 % on."),
		storeQuorum:    d("glusterd2_store_quorum", "1 if this peer knows of a leader that a quorum follows."),
		storeHealthy:   d("glusterd2_store_healthy", "1 if nobody has to look after the store."),
		storeTerm:      d("glusterd2_store_term", "Raft's term; it grows with each election."),
		storeLag:       d("glusterd2_store_lag_entries", "Log entries by which a member is behind the leader.", "peer_id"),
		storeReachable: d("glusterd2_store_member_reachable", "1 if this peer reaches the member.", "peer_id", "role"),
		storeSnapshot:  d("glusterd2_store_snapshot_age_seconds", "Age of the newest snapshot on this peer's disk; absent if there is none."),
		storeAlarms:    d("glusterd2_store_alarms", "Alarms that etcd has raised."),
		storeMembers:   d("glusterd2_store_members", "Peers that hold a copy of the store, by role.", "role"),
		storeLeader:    d("glusterd2_store_leader", "1 if this peer leads the store.", "peer_id"),
	}
}

// Describe sends nothing: which families there are depends on the state, and the names are checked at each scrape.
func (c *poolCollector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the state and sends it.
func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), measureTimeout)
	defer cancel()
	m := c.services.Metrics.Measure(ctx)
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		metric, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...)
		if err != nil { // a label that is not UTF-8 costs its sample, not the daemon
			metric = prometheus.NewInvalidMetric(d, err)
		}
		ch <- metric
	}
	c.peers(m, send)
	c.volumes(m, send)
	c.daemon(m, send)
}

type sender func(d *prometheus.Desc, v float64, labels ...string)

func (c *poolCollector) peers(m Measurements, send sender) {
	instance := c.services.System.PeerID()
	for _, p := range m.Peers {
		if p.ID == instance && p.Name != "" {
			instance = p.Name
			break
		}
	}
	send(c.peerCount, float64(len(m.Peers)), instance)
	for _, p := range m.Peers {
		send(c.peerConnected, truth(p.Online), instance, p.Name, p.ID)
	}
}

func (c *poolCollector) volumes(m Measurements, send sender) {
	cluster := c.services.System.ClusterID()
	count := map[string]int{}
	for i := range m.Volumes {
		v := &m.Volumes[i]
		count[v.Info.State]++
		bricks := 0
		names := map[string]string{}
		for _, s := range v.Info.Subvols {
			bricks += len(s.Bricks)
			for _, b := range s.Bricks {
				names[b.ID] = s.Name
			}
		}
		send(c.volumeBricks, float64(bricks), cluster, v.Info.Name)
		send(c.volumeUp, truth(v.Online), cluster, v.Info.Name)
		for _, b := range v.Bricks {
			c.brick(b, cluster, v.Info.Name, names[b.Info.ID], send)
		}
		c.subvols(v, cluster, send)
	}
	send(c.volumeTotal, float64(len(m.Volumes)), cluster)
	send(c.volumeCreated, float64(count[api.VolumeCreated]), cluster)
	send(c.volumeStarted, float64(count[api.VolumeStarted]), cluster)
}

func (c *poolCollector) brick(b api.BrickStatus, cluster, volume, subvol string, send sender) {
	send(c.brickUp, truth(b.Online), cluster, volume, b.Info.Hostname, b.Info.Path, b.Info.PeerID, strconv.Itoa(b.Pid))
	if b.Size.Capacity == 0 { // not known: no figure is better than a wrong one
		return
	}
	labels := []string{cluster, b.Info.Hostname, b.Info.ID, b.Info.Path, volume, subvol}
	send(c.capacityUsed, float64(b.Size.Used), labels...)
	send(c.capacityFree, float64(b.Size.Free), labels...)
	send(c.capacityTotal, float64(b.Size.Capacity), labels...)
	send(c.inodesTotal, float64(b.Inodes.Total), labels...)
	send(c.inodesFree, float64(b.Inodes.Free), labels...)
	send(c.inodesUsed, float64(b.Inodes.Used), labels...)
}

// subvols exports the room of the subvolumes whose bricks' figures are all known.
func (c *poolCollector) subvols(v *api.VolumeStatus, cluster string, send sender) {
	sizes := map[string]api.SizeInfo{}
	for _, b := range v.Bricks {
		if b.Size.Capacity > 0 {
			sizes[b.Info.ID] = b.Size
		}
	}
	for _, s := range v.Info.Subvols {
		if room, ok := subvolRoom(s, sizes); ok {
			send(c.subvolUsed, float64(room.Used), cluster, v.Info.Name, s.Name)
			send(c.subvolTotal, float64(room.Capacity), cluster, v.Info.Name, s.Name)
		}
	}
}

// subvolRoom is what clients can store in a subvolume: as much as its smallest brick, or that many times its data
// bricks where the data is dispersed. An arbiter holds no data.
func subvolRoom(s api.SubvolInfo, sizes map[string]api.SizeInfo) (room api.SizeInfo, ok bool) {
	for _, b := range s.Bricks {
		if b.Type == api.BrickTypeArbiter {
			continue
		}
		size, known := sizes[b.ID]
		if !known {
			return room, false
		}
		if !ok || size.Capacity < room.Capacity {
			room.Capacity = size.Capacity
		}
		room.Used = max(room.Used, size.Used)
		ok = true
	}
	if data := uint64(max(s.DisperseDataCount, 0)); data > 1 {
		room.Capacity *= data
		room.Used *= data
	}
	return room, ok
}

func (c *poolCollector) daemon(m Measurements, send sender) {
	for state, n := range m.Transactions {
		send(c.transactions, float64(n), state)
	}
	for kind, n := range m.Connections {
		send(c.connections, float64(n), kind)
	}
	c.store(m.Store, send)
}

func (c *poolCollector) store(st api.StoreStatus, send sender) {
	send(c.storeRevision, float64(st.Revision))
	send(c.storeSize, float64(st.DBBytes))
	send(c.storeInUse, float64(st.DBInUseBytes))
	send(c.storeQuota, float64(st.QuotaBytes))
	send(c.storeQuorum, truth(st.Leader != "" && !st.Stale))
	send(c.storeHealthy, truth(st.Healthy))
	send(c.storeTerm, float64(st.Term))
	send(c.storeAlarms, float64(len(st.Alarms)))
	if st.LastSnapshot != "" {
		send(c.storeSnapshot, float64(st.SnapshotAge))
	}
	roles := map[string]int{}
	for _, member := range st.Members {
		roles[member.Role]++
		send(c.storeReachable, truth(member.Reachable), member.PeerID, member.Role)
		if member.Reachable {
			send(c.storeLag, float64(member.Lag), member.PeerID)
		}
	}
	for role, n := range roles {
		send(c.storeMembers, float64(n), role)
	}
	self := c.services.System.PeerID()
	send(c.storeLeader, truth(st.Leader == self), self)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
