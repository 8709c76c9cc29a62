package volgen

import (
	"strconv"
	"strings"

	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
)

// Types of translators that the generator treats specially.
const (
	typeClient     = "protocol/client"
	typeServer     = "protocol/server"
	typeIOStats    = "debug/io-stats"
	typeReplicate  = "cluster/replicate"
	typeDisperse   = "cluster/disperse"
	typeDistribute = "cluster/distribute"
)

// Brick returns the volfile of the brick v.Bricks()[i]. It carries the volume's credentials.
func Brick(v *volume.Volume, i int, o Params) string {
	b := v.Bricks()[i]
	s := o.settings(v)
	g := &graph{}
	brickStorage(g, v, b, o, s)
	brickFeatures(g, v, b, o, s)
	brickServer(g, v, b, o, s)
	s.plain(g)
	brickRules(g, b, s)
	return g.text()
}

func brickStorage(g *graph, v *volume.Volume, b volume.Brick, o Params, s settings) {
	shared := 1
	if o.SharedBricks != nil {
		shared = o.SharedBricks(b)
	}
	posix := g.stack(v.Name+"-posix", "storage/posix",
		"directory", b.Path, "volume-id", v.ID, "shared-brick-count", strconv.Itoa(shared))
	if s.on("features.quota", false) {
		posix.set("update-link-count-parent", "on")
	}
	if b.Arbiter {
		g.stack(v.Name+"-arbiter", "features/arbiter")
	}
	g.stack(v.Name+"-trash", "features/trash",
		"trash-dir", ".trashcan", "brick-path", b.Path, "trash-internal-op", "off")
	changelog := g.stack(v.Name+"-changelog", "features/changelog",
		"changelog-brick", b.Path, "changelog-dir", b.Path+"/.glusterfs/changelogs", "changelog-notification", "off")
	stub := g.stack(v.Name+"-bitrot-stub", "features/bitrot-stub", "export", b.Path, "bitrot", "disable")
	if s.on("features.bitrot", false) {
		changelog.set("changelog-notification", "on")
		stub.set("bitrot", "on")
	}
}

func brickFeatures(g *graph, v *volume.Volume, b volume.Brick, o Params, s settings) {
	for _, f := range []string{"access-control", "locks", "worm"} {
		g.stack(v.Name+"-"+f, "features/"+f)
	}
	g.stack(v.Name+"-read-only", "features/read-only", "read-only", "off")
	g.stack(v.Name+"-leases", "features/leases")
	g.stack(v.Name+"-upcall", "features/upcall")
	g.stack(v.Name+"-io-threads", "performance/io-threads")
	g.stack(v.Name+"-selinux", "features/selinux")
	g.stack(v.Name+"-marker", "features/marker",
		"volume-uuid", v.ID, "timestamp-file", o.Dir+"/"+v.Name+"/marker.tstamp", "quota-version", "0")
	g.stack(v.Name+"-barrier", "features/barrier")
	index := g.stack(v.Name+"-index", "features/index", "index-base", b.Path+"/.glusterfs/indices")
	if v.Shape().Type == api.SubvolDisperse {
		index.set("xattrop64-watchlist", "trusted.ec.dirty")
	} else {
		index.set("xattrop-dirty-watchlist", "trusted.afr.dirty")
		index.set("xattrop-pending-watchlist", "trusted.afr."+v.Name+"-")
	}
	g.stack(v.Name+"-quota", "features/quota", "volume-uuid", v.Name, "server-quota", s.get("features.quota", "off"))
}

func brickServer(g *graph, v *volume.Volume, b volume.Brick, o Params, s settings) {
	// The name of this translator is the path: it is what clients ask for and what the portmap is asked by.
	g.stack(b.Path, typeIOStats, "unique-id", b.Path, "volume-id", v.ID)
	g.stack(v.Name+"-server", typeServer,
		"transport-type", "tcp",
		"auth.login."+b.Path+".allow", v.Auth.Username,
		"auth.login."+v.Auth.Username+".password", v.Auth.Password,
		"auth-path", b.Path)
}

func brickRules(g *graph, b volume.Brick, s settings) {
	s.logging(g, "brick")
	server := g.top()
	s.each(func(r *xlator.Row, value string) {
		switch r.Special {
		case "server-auth":
			_, verb, _ := strings.Cut(r.Key, ".")
			server.set("auth.addr."+b.Path+"."+verb, value)
		case "address-family":
			server.set("transport.address-family", value)
		}
	})
}
