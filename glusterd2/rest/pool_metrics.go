package rest

import (
	"github.com/prometheus/client_golang/prometheus"

	"gd2/pkg/api"
)

// poolCollector exports the state of the pool at one scrape, but for what there is of each volume: see volumeText. The families gluster_… have the names and labels of gluster-prometheus,
// with their inconsistencies, so that its dashboards and alerts work; glusterd2_… are gd2's own.
type poolCollector struct {
	services Services
	m        Measurements

	peerCount, peerConnected                            *prometheus.Desc
	volumeTotal, volumeCreated, volumeStarted           *prometheus.Desc
	transactions, connections                           *prometheus.Desc
	storeRevision, storeSize, storeMembers, storeLeader *prometheus.Desc
	storeRecords, storeRecordBytes                      *prometheus.Desc
	storeInUse, storeQuota, storeQuorum, storeHealthy   *prometheus.Desc
	storeTerm, storeLag, storeReachable, storeSnapshot  *prometheus.Desc
	storeAlarms                                         *prometheus.Desc
}

var _ prometheus.Collector = (*poolCollector)(nil)

func newPoolCollector(s Services, m Measurements) *poolCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &poolCollector{
		services: s, m: m,
		peerCount:        d("gluster_peer_count", "Peers in the pool.", "instance"),
		peerConnected:    d("gluster_peer_connected", "1 if the peer is online.", "instance", "hostname", "uuid"),
		volumeTotal:      d("gluster_volume_total_count", "Volumes.", "cluster_id"),
		volumeCreated:    d("gluster_volume_created_count", "Volumes that have never been started.", "cluster_id"),
		volumeStarted:    d("gluster_volume_started_count", "Volumes that are started.", "cluster_id"),
		transactions:     d("glusterd2_transactions", "Transactions on record, by state.", "state"),
		connections:      d("glusterd2_sunrpc_connections", "Open SunRPC connections, by kind of client.", "kind"),
		storeRevision:    d("glusterd2_store_revision", "Revision of the store that this peer has."),
		storeSize:        d("glusterd2_store_db_bytes", "What the store's database takes on disk: that of the leader, or of the fullest member."),
		storeInUse:       d("glusterd2_store_db_in_use_bytes", "What that database holds."),
		storeRecords:     d("glusterd2_store_records", "Records in this peer's copy of the store."),
		storeRecordBytes: d("glusterd2_store_record_bytes", "What those take, without history."),
		storeQuota:       d("glusterd2_store_quota_bytes", "What that database may take; changes are refused from 90 % on."),
		storeQuorum:      d("glusterd2_store_quorum", "1 if this peer knows of a leader that a quorum follows."),
		storeHealthy:     d("glusterd2_store_healthy", "1 if nobody has to look after the store."),
		storeTerm:        d("glusterd2_store_term", "Raft's term; it grows with each election."),
		storeLag:         d("glusterd2_store_lag_entries", "Log entries by which a member is behind the leader.", "peer_id"),
		storeReachable:   d("glusterd2_store_member_reachable", "1 if this peer reaches the member.", "peer_id", "role"),
		storeSnapshot:    d("glusterd2_store_snapshot_age_seconds", "Age of the newest snapshot on this peer's disk; absent if there is none."),
		storeAlarms:      d("glusterd2_store_alarms", "Alarms that etcd has raised."),
		storeMembers:     d("glusterd2_store_members", "Peers that hold a copy of the store, by role.", "role"),
		storeLeader:      d("glusterd2_store_leader", "1 if this peer leads the store.", "peer_id"),
	}
}

// Describe sends nothing: which families there are depends on the state, and the names are checked at each scrape.
func (c *poolCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the state.
func (c *poolCollector) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, v float64, labels ...string) {
		metric, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...)
		if err != nil { // a label that is not UTF-8 costs its sample, not the daemon
			metric = prometheus.NewInvalidMetric(d, err)
		}
		ch <- metric
	}
	c.peers(c.m, send)
	c.volumes(c.m, send)
	c.daemon(c.m, send)
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
		count[m.Volumes[i].Info.State]++
	}
	send(c.volumeTotal, float64(len(m.Volumes)), cluster)
	send(c.volumeCreated, float64(count[api.VolumeCreated]), cluster)
	send(c.volumeStarted, float64(count[api.VolumeStarted]), cluster)
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
	send(c.storeRecords, float64(st.Records))
	send(c.storeRecordBytes, float64(st.RecordBytes))
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
