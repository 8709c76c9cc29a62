package heketi

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/peer"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/store"
	"gd2/transaction"
)

func (s *service) nodeRoutes() []route {
	const path = "/nodes" + idPattern
	return []route{
		post("/nodes", forAdmin, s.addNode),
		read(path, forAdmin, s.getNode),
		remove(path, forAdmin, s.deleteNode),
		post(path+"/state", forAdmin, s.setNodeState),
		post(path+"/tags", forAdmin, s.setNodeTags),
	}
}

// addNode makes a peer a node. One that is not in the pool yet is probed.
func (s *service) addNode(_ context.Context, r *request) (reply, error) {
	var req heketi.NodeAddRequest
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	if err := checkNode(&req); err != nil {
		return reply{}, err
	}
	return s.job(r, func(ctx context.Context) error {
		t, err := s.topology(ctx)
		if err != nil {
			return err
		}
		if t.cluster(req.ClusterID) == nil {
			return faultf(http.StatusNotFound, "Cluster id %s does not exist", req.ClusterID)
		}
		if err := t.namesAreFree(req.Hostnames); err != nil {
			return err
		}
		p, err := s.peerOf(ctx, req.Hostnames)
		if err != nil {
			return err
		}
		if other := t.ofPeer(p.ID); other != nil {
			return faultf(http.StatusConflict, "Hostname %s already used by node with id %s", req.Hostnames.Manage[0], other.ID)
		}
		return s.edit(ctx, t.newNode(req, p))
	})
}

// newNode is the change that makes a peer a node.
func (t *topology) newNode(req heketi.NodeAddRequest, p store.Record[*peer.Peer]) editParams {
	n := &Node{ID: hexID(p.ID), PeerID: p.ID, Cluster: req.ClusterID, Manage: req.Hostnames.Manage, Storage: req.Hostnames.Storage, State: heketi.StateOnline}
	changed := *p.Value
	changed.Metadata = inCluster(withTags(p.Value.Metadata, req.Tags), t.clusterMark(req.ClusterID))
	changed.Metadata[api.ZoneKey] = strconv.Itoa(req.Zone)
	changed.NoBricks = false
	return editParams{
		Nodes:  []change[*Node]{{ID: n.ID, New: n}},
		Peers:  []change[*peer.Peer]{{ID: p.ID, New: &changed, Revision: p.Revision}},
		edited: edited{Location: "/nodes/" + n.ID},
	}
}

func checkNode(req *heketi.NodeAddRequest) error {
	switch {
	case req.Zone < 1:
		return invalid("zone", "it must be at least 1")
	case len(req.Hostnames.Manage) == 0:
		return invalid("hostnames.manage", "name the node")
	case len(req.Hostnames.Storage) == 0:
		return invalid("hostnames.storage", "give the address that clients mount from")
	}
	for _, h := range slices.Concat(req.Hostnames.Manage, req.Hostnames.Storage) {
		if err := peer.ValidateHost(h); err != nil {
			return invalid("hostnames", "%v", err)
		}
	}
	if req.ClusterID = strings.ToLower(req.ClusterID); req.ClusterID == "" {
		return invalid("cluster", "say which cluster the node is of")
	}
	return checkTags(req.Tags)
}

func checkTags(tags map[string]string) error {
	if _, ours := tags[clusterTag]; ours {
		return invalid("tags", "the tag %s is set by the cluster of a node", clusterTag)
	}
	if err := device.CheckTags(tags); err != nil {
		return invalid("tags", "%v", err)
	}
	return nil
}

// namesAreFree refuses names that another node has.
func (t *topology) namesAreFree(names heketi.HostAddresses) error {
	for _, h := range slices.Concat(names.Manage, names.Storage) {
		has := t.nodeBy(func(n *node) bool { return slices.Contains(n.Manage, h) || slices.Contains(n.Storage, h) })
		if has != nil {
			return faultf(http.StatusConflict, "Hostname %s already used by node with id %s", h, has.ID)
		}
	}
	return nil
}

// peerOf returns the peer that is called by one of the names, or brings it into the pool.
func (s *service) peerOf(ctx context.Context, names heketi.HostAddresses) (store.Record[*peer.Peer], error) {
	all := slices.Concat(names.Manage, names.Storage)
	for _, h := range all {
		rec, err := peer.Find(s.Store, h)
		if err == nil || !api.IsKind(err, api.NotFound) {
			return rec, err
		}
	}
	joined, err := s.Peers.Add(transaction.Part(ctx), api.PeerAddReq{Addresses: all}) // the job is the change that follows
	if err != nil {
		e := api.AsError(err)
		return store.Record[*peer.Peer]{}, faultf(http.StatusBadRequest, "New Node doesn't have glusterd running or cannot be probed: %s", e.Error())
	}
	if err := s.Store.Sync(ctx); err != nil {
		return store.Record[*peer.Peer]{}, err
	}
	return peer.Find(s.Store, joined.ID)
}

// nodeOf returns the node that a request is about, and all others; Heketi's error if there is none.
func (s *service) nodeOf(ctx context.Context, r *request) (*topology, *node, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return nil, nil, err
	}
	n := t.node(r.id())
	if n == nil {
		return nil, nil, errNoID()
	}
	return t, n, nil
}

func (s *service) getNode(ctx context.Context, r *request) (reply, error) {
	t, n, err := s.nodeOf(ctx, r)
	if err != nil {
		return reply{}, err
	}
	uses, err := s.uses(t)
	if err != nil {
		return reply{}, err
	}
	return ok(nodeInfo(t, n, uses))
}

func nodeInfo(t *topology, n *node, uses *uses) heketi.NodeInfo {
	info := heketi.NodeInfo{
		NodeAddRequest: heketi.NodeAddRequest{
			Zone: n.zone(), Hostnames: heketi.HostAddresses{Manage: n.Manage, Storage: n.Storage}, ClusterID: n.Cluster, Tags: n.tags(),
		},
		ID: n.ID, State: n.State, Devices: []heketi.DeviceInfo{},
	}
	for _, d := range t.devicesOf(n.PeerID) {
		info.Devices = append(info.Devices, uses.device(d))
	}
	return info
}

// deleteNode makes a peer no node any more. It stays in the pool, as if it had never been one: others may need it.
func (s *service) deleteNode(_ context.Context, r *request) (reply, error) {
	return s.job(r, func(ctx context.Context) error {
		t, n, err := s.nodeOf(ctx, r)
		switch {
		case err != nil:
			return err
		case len(t.devicesOf(n.PeerID)) > 0:
			return faultf(http.StatusConflict, "Unable to delete node [%s] because it contains devices", n.ID)
		}
		p := *n.peer.Value
		p.Metadata, p.NoBricks = inCluster(p.Metadata, ""), false
		return s.edit(ctx, editParams{
			Nodes: []change[*Node]{{ID: n.ID, Gone: true, Revision: n.revision}},
			Peers: []change[*peer.Peer]{{ID: p.ID, New: &p, Revision: n.peer.Revision}},
		})
	})
}

func (s *service) setNodeTags(_ context.Context, r *request) (reply, error) {
	var req heketi.TagsChangeRequest
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	var after map[string]string
	err := s.wait(r, func(ctx context.Context) error {
		_, n, err := s.nodeOf(ctx, r)
		if err != nil {
			return err
		}
		if after, err = tagged(n.tags(), req); err != nil {
			return err
		}
		p := *n.peer.Value
		p.Metadata = withTags(p.Metadata, after)
		return s.edit(ctx, editParams{Peers: []change[*peer.Peer]{{ID: p.ID, New: &p, Revision: n.peer.Revision}}})
	})
	if err != nil {
		return reply{}, err
	}
	return ok(after)
}

// tagged is tags after a change.
func tagged(tags map[string]string, req heketi.TagsChangeRequest) (map[string]string, error) {
	out := map[string]string{}
	switch req.Change {
	case heketi.TagsSet:
		maps.Copy(out, req.Tags)
	case heketi.TagsUpdate:
		maps.Copy(out, tags)
		maps.Copy(out, req.Tags)
	case heketi.TagsDelete:
		maps.Copy(out, tags)
		maps.DeleteFunc(out, func(k, _ string) bool { _, gone := req.Tags[k]; return gone })
	default:
		return nil, invalid("change_type", "%q is not one of set, update and delete", req.Change)
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" }) // a tag without a value is none
	return out, checkTags(out)
}

// inCluster is the metadata of a peer whose devices have the tag of a cluster; "" is that of none.
func inCluster(metadata map[string]string, mark string) map[string]string {
	out := maps.Clone(metadata)
	delete(out, api.TagPrefix+clusterTag)
	if mark != "" {
		out[api.TagPrefix+clusterTag] = mark
	}
	return out
}

// withTags is the metadata of a peer with these tags and no others, but that of its cluster.
func withTags(metadata, tags map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, metadata)
	maps.DeleteFunc(out, func(k, _ string) bool { return strings.HasPrefix(k, api.TagPrefix) && k != api.TagPrefix+clusterTag })
	for k, v := range tags {
		out[api.TagPrefix+k] = v
	}
	return out
}
