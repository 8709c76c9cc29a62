package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// ground is what hosts have, or by the store should have, for the bricks that gd2 makes.
type ground struct {
	// Used are the bytes that are taken of each device, by its id.
	Used map[string]uint64
	// Made are the filesystems and what they are made of, as peer/name; Mounts are those that are mounted, Folders where that would be, and
	// Processes the bricks that run, and what moves files, which ends by itself.
	Made, Mounts, Folders, Processes []string
}

// onRecord is the ground as the store has it.
func (p pool) onRecord(ctx context.Context) (ground, error) {
	g := ground{Used: map[string]uint64{}}
	c := p.rest(2)
	devices, err := c.Devices(ctx, "")
	if err != nil {
		return g, err
	}
	kinds := map[string]string{} // by peer
	for _, d := range devices {
		g.Used[d.ID] = d.UsedSize
		kinds[d.PeerID] = d.Provisioner
	}
	volumes, err := c.Volumes(ctx, client.Filter{})
	for _, v := range volumes {
		for _, s := range v.Subvols {
			for _, b := range s.Bricks {
				at := p.hostOf(b.Hostname) + "/" + b.ID
				g.Mounts, g.Folders = append(g.Mounts, at), append(g.Folders, at)
				if v.State == api.VolumeStarted {
					g.Processes = append(g.Processes, at)
				}
				g.Made = append(g.Made, p.hostOf(b.Hostname)+"/brick_"+b.ID)
				if kinds[b.PeerID] == api.ProvisionerLVM {
					g.Made = append(g.Made, p.hostOf(b.Hostname)+"/tp_"+b.ID)
				}
			}
		}
	}
	return g, err
}

// hostOf is the name of the peer that a brick is on.
func (p pool) hostOf(host string) string {
	return p.onPeer(api.BrickStatus{Info: api.BrickInfo{Hostname: host}}).Name
}

// onHosts is the ground as it is.
func (p pool) onHosts(ctx context.Context) (ground, error) {
	g := ground{Used: map[string]uint64{}}
	devices, err := p.rest(2).Devices(ctx, "")
	if err != nil {
		return g, err
	}
	for _, d := range devices {
		look := p.lookIntoImages
		if d.Provisioner == api.ProvisionerLVM {
			look = p.lookIntoGroup
		}
		if err := look(ctx, &g, d); err != nil {
			return g, err
		}
	}
	for _, peer := range p.Peers() {
		if err := lookAtHost(&g, peer); err != nil {
			return g, err
		}
	}
	return g, nil
}

// lookAtHost adds what a peer has mounted, and the bricks that run there.
func lookAtHost(g *ground, peer *lab.Peer) error {
	const bricks = "/run/glusterd2/bricks/"
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", peer.PID()))
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if _, rest, ok := strings.Cut(line, " "+bricks); ok {
			g.Mounts = append(g.Mounts, peer.Name+"/"+strings.Fields(rest)[0])
		}
	}
	folders, err := os.ReadDir(peer.Path(bricks))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, f := range folders {
		g.Folders = append(g.Folders, peer.Name+"/"+f.Name())
	}
	running, err := filepath.Glob(peer.Path("/proc/[0-9]*/cmdline"))
	if err != nil {
		return err
	}
	for _, process := range running {
		text, _ := os.ReadFile(process) // one that has ended has none
		for _, word := range strings.Split(string(text), "\x00") {
			_, rest, _ := strings.Cut(word, bricks)
			if id, ok := strings.CutSuffix(rest, "/brick"); ok {
				g.Processes = append(g.Processes, peer.Name+"/"+id)
			}
			if strings.HasPrefix(word, "rebalance/") { // the volfile of a daemon that moves files
				g.Processes = append(g.Processes, peer.Name+"/"+word)
			}
		}
	}
	return nil
}

// lookIntoImages adds the image files of a device of the provisioner loop.
func (p pool) lookIntoImages(_ context.Context, g *ground, d api.Device) error {
	peer := p.onPeer(api.BrickStatus{Info: api.BrickInfo{Hostname: d.Hostname}})
	dir := peer.Path(d.Device)
	entries, err := os.ReadDir(dir)
	g.Used[d.ID] = 0
	for _, e := range entries {
		if e.Name() == ".gd2-device" {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		g.Used[d.ID] += uint64(info.Size())
		g.Made = append(g.Made, peer.Name+"/"+strings.TrimSuffix(e.Name(), ".img"))
	}
	return err
}

// lookIntoGroup adds the logical volumes of a device of the provisioner lvm, the hidden ones too, but for the two parts of each pool.
func (p pool) lookIntoGroup(ctx context.Context, g *ground, d api.Device) error {
	peer := p.onPeer(api.BrickStatus{Info: api.BrickInfo{Hostname: d.Hostname}})
	group, err := askLVM(ctx, peer, d)
	if err != nil {
		return err
	}
	g.Used[d.ID] = uint64(group.size - group.free)
	for _, name := range group.volumes {
		name = strings.Trim(name, "[]")
		if !strings.HasSuffix(name, "_tdata") && !strings.HasSuffix(name, "_tmeta") {
			g.Made = append(g.Made, peer.Name+"/"+name)
		}
	}
	return nil
}

// group is a volume group as LVM tells it. Sizes are bytes.
type group struct {
	size, free int64
	volumes    []string
}

// askLVM asks LVM on a peer about the volume group of a device, with one command: on an emulated machine each takes its time.
func askLVM(ctx context.Context, peer *lab.Peer, d api.Device) (group, error) {
	out, err := peer.Run(ctx, "lvm", "fullreport", "--all", "--reportformat=json", "--units=b", "--nosuffix", "--configreport=vg", "--options=vg_size,vg_free",
		"--configreport=lv", "--options=lv_name", "--configreport=pv", "--options=pv_name",
		"--configreport=pvseg", "--options=pvseg_start", "--configreport=seg", "--options=seg_start", "vg_"+d.ID)
	if err != nil {
		return group{}, err
	}
	var doc struct {
		Report []struct {
			Groups []struct {
				Size int64 `json:"vg_size,string"`
				Free int64 `json:"vg_free,string"`
			} `json:"vg"`
			Volumes []struct {
				Name string `json:"lv_name"`
			} `json:"lv"`
		} `json:"report"`
	}
	err = json.Unmarshal([]byte(out), &doc)
	if err == nil && (len(doc.Report) != 1 || len(doc.Report[0].Groups) != 1) {
		err = fmt.Errorf("the volume group of %s on %s: %s", d.Device, peer.Name, out)
	}
	if err != nil {
		return group{}, err
	}
	g := group{size: doc.Report[0].Groups[0].Size, free: doc.Report[0].Groups[0].Free}
	for _, v := range doc.Report[0].Volumes {
		g.volumes = append(g.volumes, v.Name)
	}
	return g, nil
}

// grounded says whether the hosts have exactly what the store says: nothing is left behind, nothing is lost.
func (p pool) grounded(ctx context.Context) error {
	want, err := p.onRecord(ctx)
	if err != nil {
		return err
	}
	have, err := p.onHosts(ctx)
	if err != nil {
		return err
	}
	for _, list := range [][]string{want.Made, want.Mounts, want.Folders, want.Processes, have.Made, have.Mounts, have.Folders, have.Processes} {
		slices.Sort(list)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		return fmt.Errorf("on record (-) and on the hosts (+):\n%s", diff)
	}
	return nil
}

// used adds up what is taken of all devices.
func (p pool) used() (sum uint64) {
	for _, d := range p.devices() {
		sum += d.UsedSize
	}
	return sum
}
