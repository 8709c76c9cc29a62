package heketi

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
)

// node is a node as clients see it: its record, if it has one, and its peer.
type node struct {
	Node
	revision int64 // of the record; 0 if there is none
	peer     store.Record[*peer.Peer]
}

// topology is the clusters, nodes and devices of one moment, each in the order of ids.
type topology struct {
	pool     string // the id of the cluster that is the pool
	clusters []store.Record[*Cluster]
	peers    []store.Record[*peer.Peer]
	nodes    []node
	devices  []store.Record[*device.Device]
}

// topology reads them. A peer that was given devices without Heketi's API is a node too, of the cluster that is the pool.
func (s *service) topology(ctx context.Context) (*topology, error) {
	if err := s.Store.Sync(ctx); err != nil {
		return nil, err
	}
	t, err := readTopology(s.Store)
	return t, err
}

func readTopology(r store.Reader) (t *topology, err error) {
	t = &topology{}
	if t.clusters, err = clusterRecords.List(r); err != nil {
		return nil, err
	}
	if t.devices, err = device.Records.List(r); err != nil {
		return nil, err
	}
	pool, _, err := peer.PoolRecord.Get(r, "")
	if err != nil {
		return nil, err
	}
	t.pool = hexID(pool.Value.ID)
	if err := t.readNodes(r); err != nil {
		return nil, err
	}
	slices.SortFunc(t.clusters, func(a, b store.Record[*Cluster]) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(t.nodes, func(a, b node) int { return cmp.Compare(a.ID, b.ID) })
	return t, nil
}

func (t *topology) readNodes(r store.Reader) error {
	var err error
	if t.peers, err = peer.Records.List(r); err != nil {
		return err
	}
	known, err := nodeRecords.List(r)
	if err != nil {
		return err
	}
	for _, p := range t.peers {
		i := slices.IndexFunc(known, func(n store.Record[*Node]) bool { return n.Value.PeerID == p.ID })
		switch {
		case i >= 0:
			t.nodes = append(t.nodes, node{*known[i].Value, known[i].Revision, p})
		case len(t.devicesOf(p.ID)) > 0:
			t.nodes = append(t.nodes, node{Node{
				ID: hexID(p.ID), PeerID: p.ID, Cluster: t.pool, Manage: []string{p.Value.Name}, Storage: []string{addressOf(p.Value)}, State: heketi.StateOnline,
			}, 0, p})
			t.addCluster(t.pool)
		}
	}
	return nil
}

// addressOf is where clients mount from a peer: Kubernetes takes nothing but an IP address.
func addressOf(p *peer.Peer) string {
	for _, at := range []string{p.ClientAddress, p.PeerAddress} {
		if host, _, err := net.SplitHostPort(at); err == nil && net.ParseIP(p.Host) == nil && usable(net.ParseIP(host)) {
			return host
		}
	}
	return p.Host
}

// usable reports whether other hosts can reach an address.
func usable(ip net.IP) bool { return ip != nil && !ip.IsUnspecified() && !ip.IsLoopback() }

// addCluster adds the cluster that is the pool, if nobody has made it yet.
func (t *topology) addCluster(id string) {
	if t.cluster(id) == nil {
		t.clusters = append(t.clusters, store.Record[*Cluster]{ID: id, Value: &Cluster{ID: id, File: true, Block: true}})
	}
}

func (t *topology) cluster(id string) *store.Record[*Cluster] {
	i := slices.IndexFunc(t.clusters, func(c store.Record[*Cluster]) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &t.clusters[i]
}

func (t *topology) node(id string) *node {
	return t.nodeBy(func(n *node) bool { return n.ID == id })
}

func (t *topology) ofPeer(peerID string) *node {
	return t.nodeBy(func(n *node) bool { return n.PeerID == peerID })
}

func (t *topology) nodeBy(is func(n *node) bool) *node {
	for i := range t.nodes {
		if is(&t.nodes[i]) {
			return &t.nodes[i]
		}
	}
	return nil
}

// in returns the nodes of a cluster.
func (t *topology) in(cluster string) []node {
	var out []node
	for _, n := range t.nodes {
		if n.Cluster == cluster {
			out = append(out, n)
		}
	}
	return out
}

func (t *topology) device(id string) *device.Device {
	i := slices.IndexFunc(t.devices, func(d store.Record[*device.Device]) bool { return d.ID == id })
	if i < 0 {
		return nil
	}
	return t.devices[i].Value
}

func (t *topology) devicesOf(peerID string) []*device.Device {
	var out []*device.Device
	for _, d := range t.devices {
		if d.Value.PeerID == peerID {
			out = append(out, d.Value)
		}
	}
	return out
}

// nameOf is what a peer is called.
func (t *topology) nameOf(peerID string) string {
	if n := t.ofPeer(peerID); n != nil {
		return n.peer.Value.Name
	}
	return peerID
}

// clusterOf is the id of the cluster of a peer; "" if it is in none.
func (t *topology) clusterOf(peerID string) string {
	if n := t.ofPeer(peerID); n != nil {
		return n.Cluster
	}
	return ""
}

// clusterOfPeers is the cluster of each peer that is a node.
func (t *topology) clusterOfPeers() map[string]string {
	out := make(map[string]string, len(t.nodes))
	for _, n := range t.nodes {
		out[n.PeerID] = n.Cluster
	}
	return out
}

// zone is the number of the node's zone. Zones that are not numbers are those of nobody who uses Heketi.
func (n *node) zone() int {
	z, err := strconv.Atoi(n.peer.Value.Metadata[api.ZoneKey])
	if err != nil || z < 1 {
		return 1
	}
	return z
}

// clusterTag is the tag of the devices of a cluster that is not the pool. Volumes have it in their rules, so that they stay in their
// cluster, whichever nodes come into it and leave it later.
const clusterTag = "heketi.cluster"

// rule admits the devices of a cluster.
func (t *topology) rule(cluster string) string { return clusterTag + "=" + t.clusterMark(cluster) }

// clusterMark is the value of the tag for a cluster: none for the pool, to which belongs what has not been put elsewhere.
func (t *topology) clusterMark(cluster string) string {
	if cluster == t.pool {
		return ""
	}
	return cluster
}

// tags are those of the node.
func (n *node) tags() map[string]string {
	out := map[string]string{}
	for k, v := range n.peer.Value.Metadata {
		if tag, ok := strings.CutPrefix(k, api.TagPrefix); ok && tag != clusterTag {
			out[tag] = v
		}
	}
	return out
}
