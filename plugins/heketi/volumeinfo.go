package heketi

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/heketi"
)

const gib = 1 << 30

// volume is a volume as clients see it.
func (t *topology) volume(v *volume.Volume) heketi.VolumeInfo {
	id := volumeID(v)
	info := heketi.VolumeInfo{
		VolumeCreateRequest: heketi.VolumeCreateRequest{
			Size: int((v.Capacity + gib - 1) / gib), Name: v.Name, Durability: durabilityOf(v), Gid: int64(v.GID),
			GlusterVolumeOptions: optionsOf(v), Snapshot: snapshotOf(v),
		},
		ID: id, Cluster: t.clusterOf(firstPeer(v)), Mount: t.mountOf(v), Bricks: []heketi.BrickInfo{},
	}
	if v.Capacity%gib != 0 {
		info.SizeMB = int(v.Capacity >> 20)
	}
	for b := range v.All() {
		info.Bricks = append(info.Bricks, t.brick(b, id))
	}
	return info
}

// durabilityOf is how a volume keeps its files. What it does not use is shown with the defaults, as in Heketi.
func durabilityOf(v *volume.Volume) heketi.Durability {
	d := heketi.Durability{Disperse: heketi.DisperseDurability{Data: defaultData, Redundancy: defaultRedundant}}
	switch s := v.Shape(); s.Type {
	case api.SubvolReplicate:
		d.Type, d.Replicate.Replica = heketi.DurabilityReplica, s.Replica
	case api.SubvolDisperse:
		d.Type = heketi.DurabilityDisperse
		d.Disperse = heketi.DisperseDurability{Data: s.Disperse - s.Redundancy, Redundancy: s.Redundancy}
	default:
		d.Type = heketi.DurabilityNone
	}
	return d
}

// optionsOf are the options that were set, as "KEY VALUE".
func optionsOf(v *volume.Volume) []string {
	preset := xlator.CreateOptions(v.Shape().Type)
	var out []string
	for _, k := range slices.Sorted(maps.Keys(v.Options)) {
		if preset[k] != v.Options[k] {
			out = append(out, k+" "+v.Options[k])
		}
	}
	return out
}

func snapshotOf(v *volume.Volume) heketi.Snapshot {
	factor, err := strconv.ParseFloat(v.Metadata[metaFactor], 32)
	if err != nil {
		return heketi.Snapshot{Factor: 1}
	}
	return heketi.Snapshot{Enable: true, Factor: float32(factor)}
}

// mountOf is what a client mounts: a node of the volume's cluster, and others to ask if that is away.
func (t *topology) mountOf(v *volume.Volume) heketi.Mount {
	hosts, others := []string{}, []string{}
	for _, n := range t.in(t.clusterOf(firstPeer(v))) {
		if n.State == heketi.StateOnline {
			hosts = append(hosts, n.Storage...)
		} else {
			others = append(others, n.Storage...)
		}
	}
	if len(hosts) == 0 {
		hosts = others // a node that gets no bricks can be mounted from all the same
	}
	m := heketi.GlusterFSMount{Hosts: hosts, Options: map[string]string{"backup-volfile-servers": ""}}
	if len(hosts) > 0 {
		m.Device = hosts[0] + ":" + v.Name
		m.Options["backup-volfile-servers"] = strings.Join(hosts[1:], ",")
	}
	return heketi.Mount{GlusterFS: m}
}
