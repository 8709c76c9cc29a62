package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gd2/pkg/api"
	"gd2/pkg/client"
	"gd2/pkg/heketi"
)

func (a *app) topologyCmd() *cobra.Command {
	return group("topology", "Peers, their devices and what is on them, as a whole", newTopologyLoad(a), newTopologyShow(a))
}

// topologyStep is one thing that a topology file asks for.
type topologyStep struct {
	// Subject is the peer or device, Action what becomes of it: "add", "edit" or "keep".
	Subject string `json:"subject"`
	Action  string `json:"action"`
	Error   string `json:"error,omitempty"`

	// lost is what is lost by it, in words.
	lost string
	do   func(ctx context.Context) error
}

func newTopologyLoad(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "load FILE", Short: "Bring peers and devices into the pool as a file of Heketi's form says", Args: wants(1, 1),
		Long: `Bring the peers and devices of a file in Heketi's form (topology.json) into the pool. What is there already is kept as it is, so that a
file may be loaded again after it has grown. Peers are probed, which needs the pool's secret on them. A device below /dev becomes a volume group,
another one a directory of images; its tag "provisioner" may say otherwise. One with "destroydata": true is wiped if it holds something.`,
		Example: `  glustercli topology load topology.json --dry-run
  glustercli topology load topology.json`,
	}
	c.RunE = a.do("topology load", func(ctx context.Context, args []string) error {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return api.FieldErrorf("file", "the topology cannot be read: %v", err)
		}
		t, err := heketi.ParseTopology(text)
		if err != nil {
			return err
		}
		if len(t.Clusters) > 1 {
			a.note("The file has %d clusters; a pool is one: all their nodes become its peers.", len(t.Clusters))
		}
		steps, err := a.topologySteps(ctx, t)
		if err != nil {
			return err
		}
		if err := a.confirmLoss(ctx, steps); err != nil {
			return err
		}
		failed := 0
		for i := range steps {
			if steps[i].do == nil || a.dryRun {
				continue
			}
			if err := steps[i].do(ctx); err != nil {
				failed, steps[i].Error = failed+1, err.Error()
			}
		}
		if err := a.emit(steps, func(w io.Writer) { a.writeSteps(w, steps) }); err != nil || failed == 0 {
			return err
		}
		return api.Errorf(api.State, "%d of %d could not be done", failed, len(steps))
	})
	return c
}

// confirmLoss asks before disks are wiped.
func (a *app) confirmLoss(ctx context.Context, steps []topologyStep) error {
	var lost []string
	for _, s := range steps {
		if s.lost != "" {
			lost = append(lost, s.lost)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return a.confirm(ctx, strings.Join(lost, ", "))
}

func (a *app) writeSteps(w io.Writer, steps []topologyStep) {
	words := map[string]string{"add": "added", "edit": "changed", "keep": "is there already"}
	if a.dryRun {
		words = map[string]string{"add": "would be added", "edit": "would be changed", "keep": "is there already"}
	}
	for _, s := range steps {
		switch {
		case s.Error != "":
			say(w, "%s: failed: %s\n", s.Subject, s.Error)
		case !a.quiet:
			say(w, "%s: %s\n", s.Subject, words[s.Action])
		}
	}
}

// topologySteps compares a topology with what there is.
func (a *app) topologySteps(ctx context.Context, t heketi.Topology) ([]topologyStep, error) {
	peers, err := a.client.Peers(ctx, client.Filter{})
	if err != nil {
		return nil, err
	}
	devices, err := a.client.Devices(ctx, "")
	if err != nil {
		return nil, err
	}
	var steps []topologyStep
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			i := slices.IndexFunc(peers, func(p api.Peer) bool { return isNode(p, n.Node) })
			if i < 0 {
				steps = append(steps, a.addNode(n.Node))
				steps = append(steps, a.addDevices(n, nil)...)
				continue
			}
			steps = append(steps, a.keepNode(n.Node, peers[i]))
			has := slices.DeleteFunc(slices.Clone(devices), func(d api.Device) bool { return d.PeerID != peers[i].ID })
			steps = append(steps, a.addDevices(n, has)...)
		}
	}
	return steps, nil
}

// isNode reports whether a peer is the node of a topology: one of the names is its.
func isNode(p api.Peer, n heketi.NodeAddRequest) bool {
	return slices.ContainsFunc(nodeNames(n), func(name string) bool { return isPeer(p, name) })
}

func nodeNames(n heketi.NodeAddRequest) []string {
	return slices.Concat(n.Hostnames.Manage, n.Hostnames.Storage)
}

func (a *app) addNode(n heketi.NodeAddRequest) topologyStep {
	req := api.PeerAddReq{Addresses: nodeNames(n), Metadata: map[string]string{}}
	if n.Zone > 0 {
		req.Zone = strconv.Itoa(n.Zone)
	}
	for k, v := range n.Tags {
		req.Metadata[api.TagPrefix+k] = v
	}
	return topologyStep{Subject: "peer " + n.Hostnames.Manage[0], Action: "add", do: func(ctx context.Context) error {
		_, err := a.client.PeerAdd(ctx, req)
		return err
	}}
}

// keepNode gives a peer the zone and the tags that it has none of yet.
func (a *app) keepNode(n heketi.NodeAddRequest, p api.Peer) topologyStep {
	step := topologyStep{Subject: "peer " + n.Hostnames.Manage[0], Action: "keep"}
	edit := api.PeerEditReq{Metadata: map[string]string{}}
	if zone(p) == "" && n.Zone > 0 {
		edit.Zone = strconv.Itoa(n.Zone)
	}
	for k, v := range n.Tags {
		if _, has := p.Metadata[api.TagPrefix+k]; !has {
			edit.Metadata[api.TagPrefix+k] = v
		}
	}
	if edit.Zone == "" && len(edit.Metadata) == 0 {
		return step
	}
	step.Action, step.do = "edit", func(ctx context.Context) error {
		_, err := a.client.PeerEdit(ctx, p.ID, edit)
		return err
	}
	return step
}

// addDevices takes the devices of a node into use that are none of the pool yet.
func (a *app) addDevices(n heketi.TopologyNode, has []api.Device) []topologyStep {
	host := n.Node.Hostnames.Manage[0]
	var steps []topologyStep
	for _, d := range n.Devices {
		step := topologyStep{Subject: "device " + host + ":" + d.Name, Action: "keep"}
		if !slices.ContainsFunc(has, func(h api.Device) bool { return h.Device == d.Name }) {
			if req := d.Request(); req.Wipe != "" {
				step.lost = "everything on " + host + ":" + d.Name + " is lost"
			}
			step.Action, step.do = "add", func(ctx context.Context) error {
				p, err := a.findPeer(ctx, host)
				if err != nil {
					return err
				}
				_, err = a.client.DeviceAdd(ctx, p.ID, d.Request())
				return err
			}
		}
		steps = append(steps, step)
	}
	return steps
}

func newTopologyShow(a *app) *cobra.Command {
	c := &cobra.Command{Use: "show", Aliases: []string{"info"}, Short: "Show zones, peers, devices and bricks as a tree", Args: wants(0, 0)}
	c.RunE = a.do("topology show", func(ctx context.Context, _ []string) error {
		t, err := a.readTree(ctx)
		if err != nil {
			return err
		}
		return a.emit(t, func(w io.Writer) { a.writeTree(w, t) })
	})
	return c
}

// topologyTree is the pool as a tree.
type topologyTree struct {
	Healthy bool           `json:"healthy"`
	Zones   []topologyZone `json:"zones"`
}

type topologyZone struct {
	Zone  string         `json:"zone"`
	Peers []topologyPeer `json:"peers"`
}

type topologyPeer struct {
	Name    string           `json:"name"`
	ID      string           `json:"id"`
	Online  bool             `json:"online"`
	Devices []topologyDevice `json:"devices"`
}

type topologyDevice struct {
	api.Device
	On []topologyBrick `json:"on"`
}

// topologyBrick is a brick on a device, with how its volume is.
type topologyBrick struct {
	Volume string `json:"volume"`
	Path   string `json:"path"`
	Size   uint64 `json:"size"`
	State  string `json:"state"`
	Online string `json:"bricks-online"`
}

func (a *app) readTree(ctx context.Context) (topologyTree, error) {
	st, err := a.client.Status(ctx)
	if err != nil {
		return topologyTree{}, err
	}
	devices, err := a.client.Devices(ctx, "")
	if err != nil {
		return topologyTree{}, err
	}
	volumes, err := a.client.Volumes(ctx, client.Filter{})
	if err != nil {
		return topologyTree{}, err
	}
	return newTree(st, devices, bricksByDevice(volumes, st.Volumes)), nil
}

// bricksByDevice lists the bricks on each device, by its id.
func bricksByDevice(volumes []api.VolumeInfo, health []api.VolumeSummary) map[string][]topologyBrick {
	online := map[string]string{}
	for _, h := range health {
		online[h.Name] = fmt.Sprintf("%d/%d", h.BricksOnline, h.BricksTotal)
	}
	out := map[string][]topologyBrick{}
	for _, v := range volumes {
		for _, s := range v.Subvols {
			for _, b := range s.Bricks {
				if b.Device != "" {
					out[b.Device] = append(out[b.Device], topologyBrick{v.Name, b.Path, b.Size, v.State, online[v.Name]})
				}
			}
		}
	}
	return out
}

func newTree(st api.PoolStatus, devices []api.Device, bricks map[string][]topologyBrick) topologyTree {
	zones := map[string][]topologyPeer{}
	for _, p := range st.Peers {
		node := topologyPeer{Name: peerHost(p), ID: p.ID, Online: p.Online, Devices: []topologyDevice{}}
		for _, d := range devices {
			if d.PeerID == p.ID {
				node.Devices = append(node.Devices, topologyDevice{d, append([]topologyBrick{}, bricks[d.ID]...)})
			}
		}
		zones[zone(p)] = append(zones[zone(p)], node)
	}
	t := topologyTree{Healthy: st.Healthy, Zones: []topologyZone{}}
	for _, z := range slices.Sorted(maps.Keys(zones)) {
		t.Zones = append(t.Zones, topologyZone{z, zones[z]})
	}
	return t
}

func (a *app) writeTree(w io.Writer, t topologyTree) {
	for _, z := range t.Zones {
		name := "zone " + z.Zone
		if z.Zone == "" {
			name = "without a zone: each a zone of its own"
		}
		say(w, "%s\n", name)
		for _, p := range z.Peers {
			say(w, "  %s  %s\n", p.Name, a.good(p.Online, connected(api.Peer{Online: p.Online})))
			for _, d := range p.Devices {
				say(w, "    %s  %s  %s  %s, %s free%s\n", d.Device.Device, d.Provisioner, a.good(d.State == api.DeviceEnabled, d.State), size(d.TotalSize), size(d.FreeSize), tagged(d.Tags))
				for _, b := range d.On {
					say(w, "      %s  %s  %s, %s bricks online\n", b.Volume, size(b.Size), b.State, orDash(b.Online))
				}
			}
		}
	}
}

// tagged writes tags behind something.
func tagged(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	return "  " + strings.ReplaceAll(tags(m), ",", " ")
}

// good paints a word by whether it is good news.
func (a *app) good(ok bool, word string) string {
	if ok {
		return a.colour("32", word)
	}
	return a.colour("31", word)
}
