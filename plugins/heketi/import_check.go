package heketi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gd2/glusterd2/device"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

// busyIn are the ids that stand in operations which Heketi has not finished.
func busyIn(pending map[string]map[string]any) map[string]bool {
	out := map[string]bool{}
	var walk func(x any)
	walk = func(x any) {
		switch x := x.(type) {
		case string:
			out[x] = true
		case []any:
			for _, y := range x {
				walk(y)
			}
		case map[string]any:
			for _, y := range x {
				walk(y)
			}
		}
	}
	for _, op := range pending {
		walk(op)
	}
	return out
}

// check refuses a dump that contradicts itself, before anything of it is put on record.
func (i *importer) check() error {
	d := &i.dump
	for _, err := range []error{
		checkIDs("cluster", d.Clusters, func(e heketi.ClusterEntry) string { return e.Info.ID }), checkIDs("node", d.Nodes, func(e heketi.NodeEntry) string { return e.Info.ID }),
		checkIDs("device", d.Devices, func(e heketi.DeviceEntry) string { return e.Info.ID }), checkIDs("volume", d.Volumes, func(e heketi.VolumeEntry) string { return e.Info.ID }),
		checkIDs("brick", d.Bricks, func(e heketi.BrickEntry) string { return e.Info.ID }), i.checkNodes(), i.checkDevices(), i.checkVolumes(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkIDs refuses ids that are none of Heketi's, and entries that say that their id is another.
func checkIDs[T any](kind string, entries map[string]T, own func(T) string) error {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		if _, hex := asUUID(id); !hex || strings.ToLower(id) != id {
			return api.FieldErrorf("dump", "%s %.40q: an id of Heketi's has 32 hex digits", kind, id)
		}
		if is := own(entries[id]); is != "" && is != id {
			return api.FieldErrorf("dump", "the %s %s says of itself that it is %.40q", kind, id, is)
		}
	}
	return nil
}

// hasCluster reports whether a cluster is in the dump or on record.
func (i *importer) hasCluster(id string) bool {
	_, there := i.dump.Clusters[id]
	return there || i.t.cluster(id) != nil
}

func (i *importer) checkNodes() error {
	for _, id := range slices.Sorted(maps.Keys(i.dump.Nodes)) {
		e := i.dump.Nodes[id]
		if err := checkNode(&e.Info.NodeAddRequest); err != nil {
			return api.FieldErrorf("dump", "node %s: %v", id, err)
		}
		if ours(e.State) == "" {
			return api.FieldErrorf("dump", "node %s: its state %.40q is none of Heketi's", id, e.State)
		}
		if !i.hasCluster(e.Info.ClusterID) {
			return api.FieldErrorf("dump", "node %s is of cluster %.40q, which the dump does not have", id, e.Info.ClusterID)
		}
	}
	return nil
}

func (i *importer) checkDevices() error {
	names := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(i.dump.Devices)) {
		e := i.dump.Devices[id]
		at := e.NodeId + e.Info.Name
		if _, there := i.dump.Nodes[e.NodeId]; !there {
			return api.FieldErrorf("dump", "device %s (%.80q) is of node %.40q, which the dump does not have", id, e.Info.Name, e.NodeId)
		}
		if err := device.CheckName(e.Info.Name); err != nil {
			return api.FieldErrorf("dump", "device %s: %v", id, err)
		}
		if err := checkTags(e.Info.Tags); err != nil {
			return api.FieldErrorf("dump", "device %s: %v", id, err)
		}
		if ours(e.State) == "" {
			return api.FieldErrorf("dump", "device %s: its state %.40q is none of Heketi's", id, e.State)
		}
		if names[at] != "" {
			return api.FieldErrorf("dump", "the devices %s and %s are both %s of node %s", names[at], id, e.Info.Name, e.NodeId)
		}
		names[at] = id
	}
	return nil
}

func (i *importer) checkVolumes() error {
	names := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(i.dump.Volumes)) {
		e := i.dump.Volumes[id]
		if err := volume.ValidateName(e.Info.Name); err != nil {
			return api.FieldErrorf("dump", "volume %s: %v", id, err)
		}
		if other := names[e.Info.Name]; other != "" {
			return api.FieldErrorf("dump", "the volumes %s and %s have both the name %s", other, id, e.Info.Name)
		}
		names[e.Info.Name] = id
		if e.Info.Size < 1 || e.Info.Size > maxKiB>>10 || e.Info.Gid < 0 || e.Info.Gid > maxGID {
			return api.FieldErrorf("dump", "volume %s: its size %d GiB, or its gid %d, is none that Heketi gives", e.Info.Name, e.Info.Size, e.Info.Gid)
		}
		if !i.hasCluster(e.Info.Cluster) {
			return api.FieldErrorf("dump", "volume %s is of cluster %.40q, which the dump does not have", e.Info.Name, e.Info.Cluster)
		}
	}
	return nil
}

// packed is a request as it is kept while it is carried out.
func packed(req api.HeketiImportReq) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if err := json.NewEncoder(w).Encode(req); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

// unpacked is the inverse of packed.
func unpacked(text []byte) (req api.HeketiImportReq, err error) {
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err == nil {
		err = json.NewDecoder(r).Decode(&req)
	}
	return req, err
}
