package workdir

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// The formats of this file are those of glusterd 10.3's files of the same names: KEY=VALUE lines.

// lines writes pairs, each on a line of its own.
func lines(pairs ...any) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%v=%v\n", pairs[i], pairs[i+1])
	}
	return b.String()
}

// nodeInfo is glusterd.info: who this peer is.
func nodeInfo(peerID string) string {
	return lines("UUID", peerID, "operating-version", xlator.MaxOpVersion)
}

// befriended is the state of a peer that is a full member.
const befriended = 3

// peerInfo is peers/UUID.
func peerInfo(p *peer.Peer) string {
	return lines("uuid", p.ID, "state", befriended, "hostname1", p.Host)
}

// optionsText is the file of the options for all volumes.
func optionsText(options map[string]string) string {
	return lines("global-option-version", len(options)) + optionLines(options)
}

func optionLines(options map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(options)) {
		b.WriteString(lines(k, options[k]))
	}
	return b.String()
}

// typeNumber is a volume's type as glusterd numbers it.
func typeNumber(s volume.Subvol) int {
	return map[string]int{api.SubvolReplicate: 2, api.SubvolDisperse: 4}[s.Type]
}

// stateNumber is a volume's state as glusterd numbers it.
func stateNumber(s volume.State) int {
	return map[volume.State]int{volume.Started: 1, volume.Stopped: 2}[s]
}

// subCount is how many bricks keep the same files; glusterd has 0 where one brick does.
func subCount(s volume.Subvol) int {
	if s.Type == api.SubvolDistribute {
		return 0
	}
	return max(s.Replica, s.Disperse)
}

// noSnapshot is what glusterd writes for a volume that was not restored from a snapshot.
const noSnapshot = "00000000-0000-0000-0000-000000000000"

// volumeInfo is vols/VOLUME/info. version grows with every change. hosts are those of the bricks, in order.
func volumeInfo(v *volume.Volume, version int64, hosts []string, opVersion, clientOpVersion int) string {
	shape := v.Shape()
	text := lines("type", typeNumber(shape), "count", len(v.Bricks()), "status", stateNumber(v.State), "sub_count", subCount(shape),
		"replica_count", max(shape.Replica, 1))
	if shape.Arbiter > 0 {
		text += lines("arbiter_count", shape.Arbiter)
	}
	text += lines("disperse_count", shape.Disperse, "redundancy_count", shape.Redundancy, "version", version, "transport-type", 0,
		"volume-id", v.ID, "username", v.Auth.Username, "password", v.Auth.Password, "op-version", opVersion,
		"client-op-version", clientOpVersion, "quota-version", v.QuotaVersion, "tier-enabled", 0, "parent_volname", "N/A",
		"restored_from_snap", noSnapshot, "snap-max-hard-limit", 256)
	text += optionLines(v.Options)
	for i, b := range v.Bricks() {
		text += lines(fmt.Sprint("brick-", i), brickName(hosts[i], b))
	}
	return text
}

// brickName is what a brick is called in info, and its file.
func brickName(host string, b volume.Brick) string { return host + ":-" + volume.Dashes(b.Path) }

// brickFiles are the files below bricks. Ports are not in them: glusterd itself does not go by those of its files.
func brickFiles(v *volume.Volume, hosts []string) map[string]string {
	files := map[string]string{}
	for i, b := range v.Bricks() {
		decommissioned := 0
		if b.Leaving {
			decommissioned = 1
		}
		files[brickName(hosts[i], b)] = lines("uuid", b.PeerID, "hostname", hosts[i], "path", b.Path, "real_path", b.Path, "listen-port", 0,
			"rdma.listen-port", 0, "decommissioned", decommissioned, "brick-id", v.ClientName(b), "mount_dir", b.Path, "snap-status", 0, "brick-fsid", 0)
	}
	return files
}
