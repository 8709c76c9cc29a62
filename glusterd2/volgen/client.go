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
	b := newBuilder(v, o)
	if b.s.on("server.root-squash", false) {
		// Reads on anonymous descriptors would pass although the squashed user may not open the file.
		b.s.over = map[string]string{"performance.read-after-open": "yes"}
	}
	b.distribute(b.clusters(b.clients(trusted)))
	b.clientFeatures()
	b.performance()
	b.debug("client")
	if b.s.on("features.uss", false) {
		b.snapshots(trusted)
	}
	b.g.stack(v.Name, typeIOStats)
	b.options()
	if b.parallelReaddir() {
		b.shareReaddirCache()
	}
	b.g.apply(typeClient, "send-gids", b.sendGids())
	b.transport()
	b.logging("client")
	return b.g.text()
}

// sendGids says whether clients send the groups of their users; a server that looks them up itself has no use for them.
func (b *builder) sendGids() string {
	if b.s.on("server.manage-gids", false) {
		return "false"
	}
	return b.s.get("client.send-gids", "true")
}

// client adds the translator that talks to one brick or daemon.
func (b *builder) client(name, subvolume string, trusted bool) *node {
	n := b.g.add(name, typeClient, nil, "ping-timeout", "42", "remote-subvolume", subvolume, "transport-type", "tcp")
	if trusted {
		n.set("username", b.v.Auth.Username)
		n.set("password", b.v.Auth.Password)
	}
	return n
}

// clients adds the translators that talk to the bricks, keyed by the number of the brick's client.
func (b *builder) clients(trusted bool) map[int]*node {
	out := map[int]*node{}
	for _, brick := range b.v.Bricks() {
		n := b.client(b.clientName(brick), brick.Path, trusted)
		n.set("remote-host", b.o.Host(brick.PeerID))
		out[brick.Client] = n
	}
	return out
}

func (b *builder) clientName(brick volume.Brick) string {
	return b.v.ClientName(brick)
}

// clusters adds the translators that protect files across bricks and returns what distribute sees.
func (b *builder) clusters(clients map[int]*node) []*node {
	var out []*node
	for i, sub := range b.v.Subvols {
		var children []*node
		var names []string
		for _, brick := range sub.Bricks {
			children = append(children, clients[brick.Client])
			names = append(names, b.v.ChangelogName(brick))
		}
		switch sub.Type {
		case api.SubvolReplicate:
			n := b.g.add(b.v.SubvolName(i), typeReplicate, children,
				"afr-pending-xattr", strings.Join(names, ","), "volume-id", b.v.ID)
			if sub.Arbiter > 0 {
				n.set("arbiter-count", strconv.Itoa(sub.Arbiter))
			}
			out = append(out, n)
		case api.SubvolDisperse:
			out = append(out, b.g.add(b.v.SubvolName(i), typeDisperse, children,
				"redundancy", strconv.Itoa(sub.Redundancy)))
		default:
			out = append(out, children...)
		}
	}
	return out
}

// distribute adds the translator that spreads files over the subvolumes; it is there even for a single one.
func (b *builder) distribute(subvols []*node) {
	if b.parallelReaddir() {
		for i, sub := range subvols {
			subvols[i] = b.g.add(fmt.Sprintf("%s-readdir-ahead-%d", b.v.Name, i), typeReaddirAhead, []*node{sub},
				"performance.readdir-ahead", "on")
		}
	}
	typ := typeDistribute
	switch {
	case b.s.on("cluster.nufa", false):
		typ = "cluster/nufa"
	case b.s.on("cluster.switch", false):
		typ = "cluster/switch"
	}
	n := b.g.add(b.v.Name+"-dht", typ, subvols)
	if leaving := b.leaving(subvols); len(leaving) > 0 {
		n.set("decommissioned-bricks", strings.Join(leaving, ","))
	}
}

// leaving names the children of distribute that get no new files because their bricks are being removed.
func (b *builder) leaving(subvols []*node) []string {
	var out []string
	for i, sub := range b.v.Subvols {
		if sub.Leaving() {
			out = append(out, subvols[i].name)
		}
	}
	return out
}

func (b *builder) parallelReaddir() bool { return b.s.on("performance.parallel-readdir", false) }

// shareReaddirCache splits the limit of the directory cache among the subvolumes, so that it bounds them all together.
func (b *builder) shareReaddirCache() {
	children := 0
	for _, n := range b.g.nodes {
		if n.typ == typeReaddirAhead {
			children++
		}
	}
	limit, ok := xlator.ParseSize(b.s.get("performance.rda-cache-limit", "10MB"))
	if ok && children > 1 && b.s.on("performance.readdir-ahead", false) {
		b.g.apply(typeReaddirAhead, "rda-cache-limit", strconv.FormatInt(limit/int64(children), 10)+"B")
	}
}

// clientFeatures stacks the features above distribute that are on.
func (b *builder) clientFeatures() {
	for _, f := range []struct {
		key, name string
		byDefault bool
		options   []string
	}{
		{"features.cloudsync", "cloudsync", false, nil},
		{"features.shard", "shard", false, nil},
		{"features.ctime", "utime", true, nil},
		{"network.compression", "cdc", false, []string{"mode", "client"}},
	} {
		if b.s.on(f.key, f.byDefault) {
			b.g.stack(b.v.Name+"-"+f.name, "features/"+f.name, f.options...)
		}
	}
}

// performance stacks the caching translators that are on, in the order of the option table.
func (b *builder) performance() {
	b.s.each(func(r *xlator.Row, value string) {
		if r.Special != "perf" || (r.Xlator == typeReaddirAhead && b.parallelReaddir()) {
			return
		}
		if on, _ := xlator.ParseBool(value); on {
			b.g.stack(b.v.Name+"-"+strings.TrimPrefix(r.Xlator, "performance/"), r.Xlator)
		}
	})
}

// snapshots stacks the way to the volume's snapshots. The daemon that serves them is found through the volfile server,
// so its client has no remote-host.
func (b *builder) snapshots(trusted bool) {
	below := b.g.top()
	snapd := b.client(b.v.Name+"-snapd-client", "snapd-"+b.v.Name, trusted)
	b.g.add(b.v.Name+"-snapview-client", "features/snapview-client", []*node{below, snapd})
}
