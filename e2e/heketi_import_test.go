package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"gd2/e2e/lab"
	wire "gd2/pkg/heketi"
)

// Ids of what a Heketi has made.
const (
	oldCluster = "c1000000000000000000000000000001"
	oldVolume  = "aa000000000000000000000000000001"
	oldName    = "vol_" + oldVolume
)

// oldID is the id of something of a kind on a peer: 32 hex digits.
func oldID(kind string, n int) string { return kind + fmt.Sprintf("%0*d", 32-len(kind), n) }

// oldHost is where a Heketi has made a volume group and a brick on a peer.
type oldHost struct{ node, device, deviceID, brickID, brick string }

// lay makes what a Heketi leaves on a peer: a volume group, and a brick on a filesystem of its own. This kernel has no device
// mapper, so that the filesystem is in a file; the daemon finds it mounted, as after a boot with Heketi's lines in fstab.
func (h heketi) lay(n int) oldHost {
	h.t.Helper()
	p := h.Peer(n)
	o := oldHost{node: oldID("e", n), deviceID: oldID("d", n), brickID: oldID("b", n)}
	at := "/var/lib/heketi/mounts/vg_" + o.deviceID + "/brick_" + o.brickID
	o.brick = at + "/brick"
	run := func(argv ...string) string {
		h.t.Helper()
		out, err := p.Run(h.t.Context(), argv...)
		h.must(err)
		return strings.TrimSpace(out)
	}
	run("truncate", "-s", "2G", "/srv/disk.img", "/srv/brick.img")
	o.device = run("losetup", "-f", "--show", "/srv/disk.img")
	h.t.Cleanup(func() { _ = p.Command(context.Background(), "losetup", "-d", o.device).Run() })
	run("pvcreate", "-qq", "--yes", o.device)
	run("vgcreate", "-qq", "--physicalextentsize=4M", "--autobackup=n", "vg_"+o.deviceID, o.device)
	run("mkfs.xfs", "-q", "-i", "size=512", "/srv/brick.img")
	run("mkdir", "-p", at)
	run("mount", "-o", "loop", "/srv/brick.img", at)
	run("mkdir", o.brick)
	return o
}

// oldDump is the database of that Heketi.
func (h heketi) oldDump(hosts []oldHost) wire.Dump {
	d := wire.Dump{
		Clusters: map[string]wire.ClusterEntry{}, Nodes: map[string]wire.NodeEntry{}, Devices: map[string]wire.DeviceEntry{},
		Volumes: map[string]wire.VolumeEntry{}, Bricks: map[string]wire.BrickEntry{},
	}
	d.Clusters[oldCluster] = wire.ClusterEntry{Info: wire.ClusterInfo{ID: oldCluster, ClusterFlags: wire.ClusterFlags{File: true}}}
	var v wire.VolumeEntry
	v.Info.Name, v.Info.ID, v.Info.Cluster, v.Info.Size = oldName, oldVolume, oldCluster, 1
	for i, o := range hosts {
		n := wire.NodeEntry{State: wire.StateOnline, Devices: []string{o.deviceID}}
		n.Info.ID, n.Info.Zone, n.Info.ClusterID = o.node, i+1, oldCluster
		n.Info.Hostnames = wire.HostAddresses{Manage: []string{h.Peer(i + 1).Name}, Storage: []string{h.Peer(i + 1).Addr}}
		d.Nodes[o.node] = n
		e := wire.DeviceEntry{State: wire.StateOnline, NodeId: o.node, Bricks: []string{o.brickID}, ExtentSize: 4096}
		e.Info.ID, e.Info.Name, e.Info.Tags = o.deviceID, o.device, map[string]string{"tier": "old"}
		d.Devices[o.deviceID] = e
		d.Bricks[o.brickID] = wire.BrickEntry{TpSize: 1 << 20, PoolMetadataSize: 8 << 10, SubType: wire.SubTypeNormal, Info: wire.BrickInfo{
			ID: o.brickID, Path: o.brick, DeviceID: o.deviceID, NodeID: o.node, VolumeID: oldVolume, Size: 1 << 20,
		}}
		v.Bricks = append([]string{o.brickID}, v.Bricks...) // in no order that means anything
	}
	d.Volumes[oldVolume] = v
	return d
}

// TestHeketiImport takes over what a Heketi and a real glusterd have made: the volume goes on under its old ids, with its files, while
// nothing on the bricks was touched; and it can be given up as any other.
func TestHeketiImport(t *testing.T) {
	t.Parallel()
	h := heketi{pool: newLab(t, lab.Options{Peers: 3, Config: heketiConfig, DiskMiB: 8 << 10}), user: "admin"}.at(1)
	var hosts []oldHost
	create := []string{"volume", "create", oldName, "replica", "3"}
	for n := 1; n <= 3; n++ {
		hosts = append(hosts, h.lay(n))
		create = append(create, h.Peer(n).Name+":"+hosts[n-1].brick)
	}
	h.startGlusterd()
	h.gluster(create...)
	h.gluster("volume", "set", oldName, "user.heketi.id", oldVolume)
	h.gluster("volume", "start", oldName)
	dir := h.mount(1, oldName)
	want := fillTree(t, dir)
	h.must(h.Peer(1).Unmount(t.Context(), oldName))
	for n := 1; n <= 3; n++ { // one of the peer's own: its processes cannot be mistaken for others
		_, err := h.Peer(n).Run(t.Context(), "sh", "-c", `pids=$(cat /run/glusterd.pid $(find /run/gluster -name '*.pid')); kill $pids; for p in $pids; do tail --pid=$p -s 0.05 -f /dev/null; done`)
		h.must(err)
	}
	h.startAll(3)
	for n := 2; n <= 3; n++ {
		h.cli("peer", "probe", h.Peer(n).Name)
	}
	h.waitOnline(3)
	h.imports(hosts)
	h.waitBricks(oldName)
	sameTree(t, h.mount(2, oldName), want)
	h.must(h.Peer(2).Unmount(t.Context(), oldName))
	h.old(hosts)
	h.done("DELETE", "/volumes/"+oldVolume, "{}")
	for n := 1; n <= 3; n++ {
		if out, _ := h.Peer(n).Run(t.Context(), "grep", "-c", "/heketi/mounts/", "/proc/mounts"); strings.TrimSpace(out) != "0" {
			t.Errorf("node%d has %s filesystems of bricks mounted", n, out)
		}
	}
}

// imports carries the import out: planned first, and twice, of which the second changes nothing.
func (h heketi) imports(hosts []oldHost) {
	h.t.Helper()
	text, err := json.Marshal(h.oldDump(hosts))
	h.must(err)
	h.must(os.WriteFile(h.Peer(1).Path("/srv/dump.json"), text, 0o644))
	plan := h.cli("heketi", "import", "/srv/dump.json", "--dry-run")
	for _, part := range []string{"heketi/clusters/" + oldCluster, "heketi/nodes/" + hosts[1].node, "devices/" + hosts[2].deviceID, "volumes/" + oldName} {
		if !strings.Contains(plan, part) {
			h.t.Errorf("the plan does not have %s:\n%s", part, plan)
		}
	}
	if got := h.list("/clusters", "clusters"); len(got) != 0 {
		h.t.Errorf("the plan has changed something: %v", got)
	}
	// With the same key it is the same import, which is not carried out again.
	for key, word := range []string{"adopted", "adopted", "is there already"} {
		out := h.cli("heketi", "import", "/srv/dump.json", "--idempotency-key", fmt.Sprint("import", key/2))
		if strings.Count(out, ": "+word+"\n") != 8 { // a cluster, three nodes, three devices, a volume
			h.t.Errorf("not all %s:\n%s", word, out)
		}
	}
}

// larger makes a disk larger, which Heketi's resync takes in.
func (h heketi) larger(o oldHost) {
	h.t.Helper()
	total := func() float64 {
		return h.get("/devices/"+o.deviceID, append(deviceKeys, "tags", "pv_uuid")...)["storage"].(map[string]any)["total"].(float64)
	}
	before := total()
	for _, argv := range [][]string{{"truncate", "-s", "3G", "/srv/disk.img"}, {"losetup", "-c", o.device}} {
		_, err := h.Peer(1).Run(h.t.Context(), argv...)
		h.must(err)
	}
	h.done("GET", "/devices/"+o.deviceID+"/resync", "")
	if after := total(); after != before+1<<20 {
		h.t.Errorf("%v KiB became %v after a GiB more", before, after)
	}
}

// old looks for what the Heketi had made under the ids that it has there.
func (h heketi) old(hosts []oldHost) {
	h.t.Helper()
	v := h.get("/volumes/"+oldVolume, volumeKeys...)
	if v["name"] != oldName || v["cluster"] != oldCluster || v["size"] != 1.0 || len(v["bricks"].([]any)) != 3 {
		h.t.Errorf("%v", v)
	}
	for n, o := range hosts {
		if got := h.get("/nodes/"+o.node, nodeKeys...); got["zone"] != float64(n+1) || got["cluster"] != oldCluster {
			h.t.Errorf("%v", got)
		}
		d := h.get("/devices/"+o.deviceID, append(deviceKeys, "tags", "pv_uuid")...)
		if d["name"] != o.device || d["storage"].(map[string]any)["used"] != float64(1<<20+8<<10) {
			h.t.Errorf("%v", d)
		}
	}
	h.larger(hosts[0])
	if check := h.ask("GET", "/db/check", ""); !strings.Contains(check.body, `"totalinconsistencies":0`) {
		h.t.Errorf("%s", check.body)
	}
}
