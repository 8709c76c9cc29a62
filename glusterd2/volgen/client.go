package volgen

import (
	"fmt"
	"strconv"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// Client returns the volfile of a mount. A trusted one carries the volume's credentials and is for processes of the
// pool's own hosts.
func Client(v *volume.Volume, o Params, trusted bool) string {
	s := o.settings(v)
	g := &graph{}
	subvols := clusters(g, v, clients(g, v, o, s, trusted, true))
	g.add(v.Name+"-dht", typeDistribute, subvols)
	if s.on("features.shard", false) {
		g.stack(v.Name+"-shard", "features/shard")
	}
	if s.on("features.ctime", true) {
		g.stack(v.Name+"-utime", "features/utime")
	}
	performance(g, v, s)
	g.stack(v.Name, typeIOStats)
	s.plain(g)
	s.logging(g, "client")
	return g.text()
}

// clients adds the translators that talk to the bricks, keyed by the number of the brick's client.
func clients(g *graph, v *volume.Volume, o Params, s settings, trusted, sendGids bool) map[int]*node {
	out := map[int]*node{}
	for _, b := range v.Bricks() {
		n := g.add(clientName(v, b), typeClient, nil,
			"ping-timeout", "42", "remote-host", o.Host(b.PeerID), "remote-subvolume", b.Path,
			"transport-type", "tcp")
		if family, ok := s.set("transport.address-family"); ok {
			n.set("transport.address-family", family)
		}
		if trusted {
			n.set("username", v.Auth.Username)
			n.set("password", v.Auth.Password)
		}
		if sendGids {
			n.set("send-gids", "true")
		}
		out[b.Client] = n
	}
	return out
}

func clientName(v *volume.Volume, b volume.Brick) string {
	return fmt.Sprintf("%s-client-%d", v.Name, b.Client)
}

// clusters adds the translators that protect files across bricks and returns what distribute sees.
func clusters(g *graph, v *volume.Volume, clients map[int]*node) []*node {
	var out []*node
	for i, sub := range v.Subvols {
		var children []*node
		var names []string
		for _, b := range sub.Bricks {
			children = append(children, clients[b.Client])
			names = append(names, clientName(v, b))
		}
		switch sub.Type {
		case api.SubvolReplicate:
			n := g.add(v.SubvolName(i), typeReplicate, children,
				"afr-pending-xattr", strings.Join(names, ","), "volume-id", v.ID)
			if sub.Arbiter > 0 {
				n.set("arbiter-count", strconv.Itoa(sub.Arbiter))
			}
			out = append(out, n)
		case api.SubvolDisperse:
			out = append(out, g.add(v.SubvolName(i), typeDisperse, children,
				"redundancy", strconv.Itoa(sub.Redundancy)))
		default:
			out = append(out, children...)
		}
	}
	return out
}

// performance stacks the caching translators that are on, in glusterd's order.
func performance(g *graph, v *volume.Volume, s settings) {
	s.each(func(r *xlator.Row, value string) {
		if r.Special != "perf" {
			return
		}
		if on, _ := xlator.ParseBool(value); on {
			g.stack(v.Name+"-"+strings.TrimPrefix(r.Xlator, "performance/"), r.Xlator)
		}
	})
}
