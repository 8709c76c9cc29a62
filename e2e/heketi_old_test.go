package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	wire "gd2/pkg/heketi"
)

// oldHeketi is what a Heketi has made on three hosts: a device each, and volumes whose bricks are on these in turn.
type oldHeketi struct {
	heketi
	// mark sets its ids apart: volume groups of several labs are seen on one machine.
	mark    string
	volumes []oldVolume
	devices []string // by number of the host, less one
}

// oldVolume is a volume of some form, each brick of 1 GiB.
type oldVolume struct {
	form        string   // as Heketi calls it
	words       []string // of gluster's volume create
	bricks, gib int
	arbiter     bool // every third brick is one
}

// replica3 is the usual one.
func replica3() oldVolume {
	return oldVolume{form: "replicate", words: []string{"replica", "3"}, bricks: 3, gib: 1}
}

// newOldHeketi lays it all. The volumes are not known to glusterd.
func newOldHeketi(h heketi, volumes ...oldVolume) *oldHeketi {
	h.t.Helper()
	o := &oldHeketi{heketi: h, mark: uuid.NewString()[:8], volumes: volumes, devices: make([]string, 3)}
	h.t.Cleanup(o.free)
	for n := range o.devices {
		o.lay(n + 1)
	}
	return o
}

// id is the id of something of a kind: 32 hex digits.
func (o *oldHeketi) id(kind string, n int) string {
	kind += o.mark
	return kind + fmt.Sprintf("%0*d", 32-len(kind), n)
}

func (o *oldHeketi) cluster() string       { return o.id("c", 1) }
func (o *oldHeketi) volume(v int) string   { return o.id("a", v) }
func (o *oldHeketi) name(v int) string     { return "vol_" + o.volume(v) }
func (o *oldHeketi) brick(v, i int) string { return o.id("b", 100*v+i) }
func (o *oldHeketi) host(i int) int        { return i%3 + 1 }
func (o *oldHeketi) path(v, i int) string  { return o.mountPoint(v, i) + "/brick" }
func (o *oldHeketi) mountPoint(v, i int) string {
	return "/var/lib/heketi/mounts/vg_" + o.id("d", o.host(i)) + "/brick_" + o.brick(v, i)
}

// lay makes what a Heketi leaves on a peer: a volume group, and bricks on filesystems of their own. This kernel has no device
// mapper, so that the filesystems are in files; the daemon finds them mounted, as after a boot with Heketi's lines in fstab.
func (o *oldHeketi) lay(n int) {
	o.t.Helper()
	disk := "/srv/" + o.id("d", n) + ".img"
	o.run(n, "truncate", "-s", "8G", disk)
	o.devices[n-1] = strings.TrimSpace(o.run(n, "losetup", "-f", "--show", disk))
	script := "set -e\npvcreate -qq --yes $1\nvgcreate -qq --physicalextentsize=4M --autobackup=n vg_" + o.id("d", n) + " $1\n"
	for v, form := range o.volumes {
		for i := range form.bricks {
			if o.host(i) == n {
				script += fmt.Sprintf("truncate -s 1G /srv/%[1]s.img\nmkfs.xfs -q -i size=512 /srv/%[1]s.img\nmkdir -p %[2]s\nmount -o loop /srv/%[1]s.img %[2]s\nmkdir %[2]s/brick\n",
					o.brick(v, i), o.mountPoint(v, i))
			}
		}
	}
	o.run(n, "sh", "-c", script, "sh", o.devices[n-1])
}

// free gives the devices back to the machine.
func (o *oldHeketi) free() {
	for n, d := range o.devices {
		if d != "" {
			_ = o.Peer(n+1).Command(context.Background(), "losetup", "-d", d).Run()
			_ = o.Peer(n+1).Command(context.Background(), "sh", "-c", "rm -f /srv/*"+o.mark+"*.img").Run()
		}
		o.devices[n] = "" // it may be another's soon
	}
}

// dump is the database of that Heketi.
func (o *oldHeketi) dump() wire.Dump {
	d := wire.Dump{
		Clusters: map[string]wire.ClusterEntry{}, Nodes: map[string]wire.NodeEntry{}, Devices: map[string]wire.DeviceEntry{},
		Volumes: map[string]wire.VolumeEntry{}, Bricks: map[string]wire.BrickEntry{},
	}
	d.Clusters[o.cluster()] = wire.ClusterEntry{Info: wire.ClusterInfo{ID: o.cluster(), ClusterFlags: wire.ClusterFlags{File: true}}}
	for n := 1; n <= 3; n++ {
		e := wire.NodeEntry{State: wire.StateOnline, Devices: []string{o.id("d", n)}}
		e.Info.ID, e.Info.Zone, e.Info.ClusterID = o.id("e", n), n, o.cluster()
		e.Info.Hostnames = wire.HostAddresses{Manage: []string{o.Peer(n).Name}, Storage: []string{o.Peer(n).Addr}}
		d.Nodes[e.Info.ID] = e
		dev := wire.DeviceEntry{State: wire.StateOnline, NodeId: e.Info.ID, ExtentSize: 4096}
		dev.Info.ID, dev.Info.Name, dev.Info.Tags = o.id("d", n), o.devices[n-1], map[string]string{"tier": "old"}
		d.Devices[dev.Info.ID] = dev
	}
	for v := range o.volumes {
		o.dumpVolume(&d, v)
	}
	return d
}

func (o *oldHeketi) dumpVolume(d *wire.Dump, v int) {
	var e wire.VolumeEntry
	e.Info.Name, e.Info.ID, e.Info.Cluster, e.Info.Size = o.name(v), o.volume(v), o.cluster(), o.volumes[v].gib
	for i := range o.volumes[v].bricks {
		b := wire.BrickEntry{TpSize: 1 << 20, PoolMetadataSize: 8 << 10, SubType: wire.SubTypeNormal, Info: wire.BrickInfo{
			ID: o.brick(v, i), Path: o.path(v, i), DeviceID: o.id("d", o.host(i)), NodeID: o.id("e", o.host(i)), VolumeID: o.volume(v), Size: 1 << 20,
		}}
		if o.volumes[v].arbiter && i%3 == 2 {
			b.SubType = wire.SubTypeArbiter
		}
		d.Bricks[b.Info.ID] = b
		dev := d.Devices[b.Info.DeviceID]
		dev.Bricks = append(dev.Bricks, b.Info.ID)
		d.Devices[b.Info.DeviceID] = dev
		e.Bricks = slices.Insert(e.Bricks, 0, b.Info.ID) // in no order that means anything
	}
	d.Volumes[o.volume(v)] = e
}

// bricksOf names the bricks of a volume, HOST:PATH, in their order.
func (o *oldHeketi) bricksOf(v int) (out []string) {
	for i := range o.volumes[v].bricks {
		out = append(out, o.Peer(o.host(i)).Name+":"+o.path(v, i))
	}
	return out
}

// unmounted demands that no brick of Heketi's is mounted any more.
func (o *oldHeketi) unmounted() {
	o.t.Helper()
	for n := 1; n <= 3; n++ {
		if out, _ := o.Peer(n).Run(o.t.Context(), "grep", "-c", "/heketi/mounts/", "/proc/mounts"); strings.TrimSpace(out) != "0" {
			o.t.Errorf("node%d has %s filesystems of bricks mounted", n, out)
		}
	}
}
