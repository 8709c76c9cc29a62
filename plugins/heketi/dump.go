package heketi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

func (s *service) dumpRoutes() []route {
	return []route{
		read("/db/dump", forAdmin, s.dump),
		read("/db/check", forAdmin, s.check),
		read("/backup/db", forAdmin, s.backup),
		read("/internal/state/examine/gluster", forAdmin, s.examine),
	}
}

// wanted reports whether an id is in a list; an empty list has all.
func wanted(list []string, id string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, id) })
}

// dumped returns the pool as it is now, and as Heketi would have it in its database.
func (s *service) dumped(ctx context.Context) (*topology, *heketi.Dump, error) {
	t, err := s.topology(ctx)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.dumpOf(t)
	return t, d, err
}

// dump tells all that Heketi would have in its database.
func (s *service) dump(ctx context.Context, _ *request) (reply, error) {
	_, d, err := s.dumped(ctx)
	if err != nil {
		return reply{}, err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "    ")
	if err := enc.Encode(d); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, media: "application/json; charset=UTF-8", body: text.Bytes()}, nil
}

func (s *service) dumpOf(t *topology) (*heketi.Dump, error) {
	d := &heketi.Dump{
		Clusters: map[string]heketi.ClusterEntry{}, Volumes: map[string]heketi.VolumeEntry{}, Bricks: map[string]heketi.BrickEntry{},
		Nodes: map[string]heketi.NodeEntry{}, Devices: map[string]heketi.DeviceEntry{}, BlockVolumes: map[string]any{},
		DbAttributes: map[string]heketi.DbAttributeEntry{}, PendingOperations: map[string]map[string]any{},
	}
	volumes, err := s.volumes(t)
	if err != nil {
		return nil, err
	}
	uses, err := s.uses(t)
	if err != nil {
		return nil, err
	}
	for _, c := range t.clusters {
		d.Clusters[c.ID] = heketi.ClusterEntry{Info: t.clusterInfo(c, volumes)}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		entry := heketi.NodeEntry{State: n.State, Devices: []string{}}
		info := nodeInfo(t, n, uses)
		entry.Info.NodeAddRequest, entry.Info.ID = info.NodeAddRequest, n.ID
		for _, dev := range info.Devices {
			entry.Devices = append(entry.Devices, dev.ID)
			d.Devices[dev.ID] = deviceEntry(t.device(dev.ID), n.ID, dev)
		}
		d.Nodes[n.ID] = entry
	}
	for _, v := range volumes {
		d.Volumes[v.id] = t.volumeEntry(v.Volume)
		for b := range v.All() {
			d.Bricks[hexID(b.ID)] = brickEntry(b, t.brick(b, v.id))
		}
	}
	return d, nil
}

func deviceEntry(d *device.Device, nodeID string, info heketi.DeviceInfo) heketi.DeviceEntry {
	out := heketi.DeviceEntry{State: info.State, Bricks: []string{}, NodeId: nodeID, ExtentSize: d.Unit / kib}
	out.Info.Name, out.Info.Tags, out.Info.Storage, out.Info.ID, out.Info.PvUUID = info.Name, info.Tags, info.Storage, info.ID, info.PvUUID
	for _, b := range info.Bricks {
		out.Bricks = append(out.Bricks, b.ID)
	}
	return out
}

func (t *topology) volumeEntry(v *volume.Volume) heketi.VolumeEntry {
	info := t.volume(v)
	out := heketi.VolumeEntry{Bricks: []string{}, GlusterVolumeOptions: info.GlusterVolumeOptions}
	out.Info.VolumeCreateRequest, out.Info.ID, out.Info.Cluster, out.Info.Mount = info.VolumeCreateRequest, info.ID, info.Cluster, info.Mount
	for _, b := range info.Bricks {
		out.Bricks = append(out.Bricks, b.ID)
	}
	return out
}

func brickEntry(b volume.Brick, info heketi.BrickInfo) heketi.BrickEntry {
	out := heketi.BrickEntry{Info: info, TpSize: b.Pool / kib, PoolMetadataSize: (b.Cost - b.Pool) / kib, SubType: heketi.SubTypeNormal}
	if b.Arbiter {
		out.SubType = heketi.SubTypeArbiter
	}
	return out
}

// check looks for references that lead nowhere, and for devices that give more than they have. There is nothing that could make any;
// if there are some all the same, this shows them.
func (s *service) check(ctx context.Context, _ *request) (reply, error) {
	_, d, err := s.dumped(ctx)
	if err != nil {
		return reply{}, err
	}
	ops, err := s.pending(ctx)
	if err != nil {
		return reply{}, err
	}
	return ok(checkOf(d, ops))
}

func checkOf(d *heketi.Dump, ops []api.Operation) heketi.Check {
	c := heketi.Check{
		Clusters: bucket(d.Clusters, func(heketi.ClusterEntry) string { return "" }), BlockVolumes: bucket(d.BlockVolumes, nil), DbAttributes: bucket(d.DbAttributes, nil),
		Nodes: bucket(d.Nodes, func(n heketi.NodeEntry) string { return missing(d.Clusters, "cluster", n.Info.ClusterID) }),
		Devices: bucket(d.Devices, func(e heketi.DeviceEntry) string {
			if e.Info.Storage.Used > e.Info.Storage.Total {
				return "gives more than it has"
			}
			return missing(d.Nodes, "node", e.NodeId)
		}),
		Bricks: bucket(d.Bricks, func(b heketi.BrickEntry) string {
			return missing(d.Devices, "device", b.Info.DeviceID) + missing(d.Nodes, "node", b.Info.NodeID)
		}),
		Volumes:           bucket(d.Volumes, func(v heketi.VolumeEntry) string { return missing(d.Clusters, "cluster", v.Info.Cluster) }),
		PendingOperations: bucket(d.PendingOperations, nil),
	}
	c.PendingOperations.Total, c.PendingOperations.Ok = len(ops), len(ops)
	for _, b := range []heketi.BucketCheck{c.Clusters, c.Volumes, c.Bricks, c.Nodes, c.Devices} {
		c.TotalInconsistencies += len(b.Inconsistencies)
	}
	return c
}

// bucket checks the entries of a table; wrong says what is not right with one.
func bucket[T any](entries map[string]T, wrong func(T) string) heketi.BucketCheck {
	b := heketi.BucketCheck{Total: len(entries), Inconsistencies: []string{}}
	for id, e := range entries {
		if wrong != nil {
			if text := wrong(e); text != "" {
				b.NotOk++
				b.Inconsistencies = append(b.Inconsistencies, id+" "+text)
				continue
			}
		}
		b.Ok++
	}
	slices.Sort(b.Inconsistencies)
	return b
}

func missing[T any](in map[string]T, what, id string) string {
	if _, there := in[id]; there {
		return ""
	}
	return fmt.Sprintf("names the %s %q, which does not exist; ", what, id)
}

// backup refuses to write a file of Heketi's database: the pool's records are no such thing.
func (s *service) backup(context.Context, *request) (reply, error) {
	return reply{}, api.Errorf(api.NotSupported, "the pool has no database file of Heketi's: use /db/dump, or 'glustercli pool backup' for all records")
}

// examine tells what the pool has beside what it should have. The daemons mend differences by themselves.
func (s *service) examine(ctx context.Context, _ *request) (reply, error) {
	t, d, err := s.dumped(ctx)
	if err != nil {
		return reply{}, err
	}
	report, clusters := []string{}, []map[string]any{}
	for _, c := range t.clusters {
		clusters = append(clusters, map[string]any{"id": c.ID, "nodes": len(t.in(c.ID))})
	}
	statuses, err := s.Volumes.Statuses(ctx)
	if err != nil {
		return reply{}, err
	}
	for _, st := range statuses {
		for _, b := range st.Bricks {
			if !b.Online && st.Info.State == api.VolumeStarted {
				report = append(report, fmt.Sprintf("volume %s: brick %s:%s is offline: %s", st.Info.Name, b.Info.Hostname, b.Info.Path, b.Error))
			}
		}
	}
	return ok(map[string]any{"heketidb": d, "report": report, "clusters": clusters})
}
