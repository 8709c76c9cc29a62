package volgen

import (
	"cmp"
	"slices"
	"strings"

	"gd2/glusterd2/volume"
)

// QuotaDaemonKey is the key by which the quota daemon of a peer fetches its volfile.
const QuotaDaemonKey = "gluster/quotad"

// perBrick begins the keys of volfiles with a single client.
const perBrick = "client_per_brick/"

// BrickClientKey returns the key of the volfile by which a process talks to one brick only, past all others: the crawl
// of a new quota does.
func BrickClientKey(volumeName, host, path string) string {
	return perBrick + volumeName + ".client." + host + "." + volume.Dashes(path) + ".vol"
}

// BrickClient returns the volfile of one client translator, for the brick v.Bricks()[i]. It carries the volume's
// credentials.
func BrickClient(v *volume.Volume, i int, o Params) string {
	b := newBuilder(v, o)
	brick := v.Bricks()[i]
	b.client(b.clientName(brick), brick.Path, true).set("remote-host", o.Host(brick.PeerID))
	b.transport()
	return b.g.text()
}

// QuotaDaemon returns the volfile of the quota daemon, which adds up what the bricks of each volume count. It carries the
// volumes' credentials; without volumes it is empty.
func QuotaDaemon(volumes []*volume.Volume, o Params) string {
	volumes = slices.SortedFunc(slices.Values(volumes), func(a, b *volume.Volume) int { return cmp.Compare(a.Name, b.Name) })
	all := &graph{}
	var tops []*node
	var ids []string
	for _, v := range volumes {
		g := quotaVolume(v, o)
		all.nodes = append(all.nodes, g.nodes...)
		tops = append(tops, g.top())
		ids = append(ids, v.Name+".volume-id", v.Name)
	}
	if len(tops) == 0 {
		return ""
	}
	all.add("quotad", "features/quotad", tops, ids...)
	return all.text()
}

// quotaVolume is one volume in the quota daemon: the daemon knows it by its name, so that is what its top is called.
func quotaVolume(v *volume.Volume, o Params) *graph {
	b := newBuilder(v, o)
	b.s.over = map[string]string{"cluster.nufa": "off", "cluster.switch": "off", "performance.parallel-readdir": "off"}
	b.distribute(b.clusters(b.clients(true)))
	b.options()
	b.transport()
	b.g.top().name = v.Name
	return b.g
}

// Shape is what a running daemon cannot change about its volfile: the graph, and where the bricks are. Told of a new
// volfile it takes over new values of options, but if it finds another shape it goes on with the old one.
func Shape(volfile string) string {
	var b strings.Builder
	for line := range strings.Lines(volfile) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == "option" && !slices.Contains([]string{"remote-host", "remote-subvolume"}, words[1]) {
			continue
		}
		b.WriteString(strings.Join(words, " ") + "\n")
	}
	return b.String()
}
