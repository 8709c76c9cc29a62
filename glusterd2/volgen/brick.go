package volgen

import (
	"strconv"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// Brick returns the volfile of the brick v.Bricks()[i]. It carries the volume's credentials.
func Brick(v *volume.Volume, i int, o Params) string { return brickGraph(v, i, o).text() }

func brickGraph(v *volume.Volume, i int, o Params) *graph {
	b := newBuilder(v, o)
	brick := v.Bricks()[i]
	b.brickStorage(brick)
	b.brickChecks()
	b.brickFeatures(brick)
	b.brickServer(brick)
	b.options()
	b.transport()
	b.logging("brick")
	b.brickAuth(brick)
	return b.g
}

// brickStorage stacks what is near the disk.
func (b *builder) brickStorage(brick volume.Brick) {
	shared := 1
	if b.o.SharedBricks != nil {
		shared = b.o.SharedBricks(b.v, brick)
	}
	b.layer("posix", "storage/posix",
		"directory", brick.Path, "volume-id", b.v.ID, "shared-brick-count", strconv.Itoa(shared))
	if b.s.on("features.quota", false) || b.s.on("features.trash", false) {
		// Both find the path of a file by its gfid, for which its parents must be recorded.
		b.g.apply("storage/posix", "update-link-count-parent", "on")
	}
	if brick.Arbiter {
		b.layer("arbiter", "features/arbiter")
	}
	b.layer("trash", "features/trash",
		"trash-dir", ".trashcan", "brick-path", brick.Path, "trash-internal-op", "off")
	bitrot, notify := "disable", "off"
	if b.s.on("features.bitrot", false) {
		bitrot, notify = "on", "on"
	}
	b.layer("changelog", "features/changelog",
		"changelog-brick", brick.Path, "changelog-dir", brick.Path+"/.glusterfs/changelogs",
		"changelog-notification", notify)
	b.layer("bitrot-stub", "features/bitrot-stub", "export", brick.Path, "bitrot", bitrot)
}

// brickChecks stacks what decides who may do what.
func (b *builder) brickChecks() {
	if b.s.on("features.acl", true) {
		b.layer("access-control", "features/access-control")
	}
	b.layer("locks", "features/locks")
	b.layer("worm", "features/worm")
	b.layer("read-only", "features/read-only", "read-only", "off")
	b.layer("leases", "features/leases")
	b.layer("upcall", "features/upcall")
	b.layer("io-threads", "performance/io-threads")
	b.layer("selinux", "features/selinux")
}

// brickFeatures stacks what keeps accounts, and the features that are only there when they are on.
func (b *builder) brickFeatures(brick volume.Brick) {
	v := b.v
	accounts := strconv.Itoa(v.QuotaVersion) // of the quota's xattrs
	b.layer("marker", "features/marker",
		"volume-uuid", v.ID, "timestamp-file", b.o.Dir+"/"+v.Name+"/marker.tstamp", "quota-version", accounts)
	b.layer("barrier", "features/barrier")
	if v.Shape().Type == api.SubvolDisperse {
		b.layer("index", "features/index", "index-base", brick.Path+"/.glusterfs/indices",
			"xattrop64-watchlist", "trusted.ec.dirty")
	} else {
		b.layer("index", "features/index", "index-base", brick.Path+"/.glusterfs/indices",
			"xattrop-dirty-watchlist", "trusted.afr.dirty", "xattrop-pending-watchlist", "trusted.afr."+v.ChangelogBase()+"-")
	}
	b.layer("quota", "features/quota", "volume-uuid", v.Name, "server-quota", b.s.get("features.quota", "off"))
	if b.s.on("network.compression", false) {
		b.layer("cdc", "features/cdc", "mode", "server")
	}
	if b.s.on("features.tag-namespaces", false) {
		b.layer("namespace", "features/namespace")
	}
	if b.s.on("features.sdfs", false) {
		b.layer("sdfs", "features/sdfs", "pass-through", "false")
	}
}

func (b *builder) brickServer(brick volume.Brick) {
	// The name of this translator is the path: it is what clients ask for and what the portmap is asked by.
	b.g.stack(brick.Path, typeIOStats, "unique-id", brick.Path, "volume-id", b.v.ID)
	b.g.stack(b.v.Name+"-server", typeServer,
		"transport-type", "tcp",
		"auth-path", brick.Path,
		"auth.login."+brick.Path+".allow", b.v.Auth.Username,
		"auth.login."+b.v.Auth.Username+".password", b.v.Auth.Password)
}

// brickAuth says who may connect: by address, by login and, over TLS, by the name in the certificate.
func (b *builder) brickAuth(brick volume.Brick) {
	server := b.g.top()
	server.set("auth.addr."+brick.Path+".allow", b.s.get("auth.allow", "*"))
	if reject, ok := b.s.set("auth.reject"); ok {
		server.set("auth.addr."+brick.Path+".reject", reject)
	}
	if names, ok := b.s.set("auth.ssl-allow"); ok {
		server.set("auth.login."+brick.Path+".ssl-allow", names)
	}
}
