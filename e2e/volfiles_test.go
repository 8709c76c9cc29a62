package e2e

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// onPurpose are the options whose value differs from glusterd's by intent.
var onPurpose = []struct{ option, why string }{
	{"timestamp-file", "it lies in gd2's own folder, not in glusterd's"},
	{"shared-brick-count", "glusterd writes 0 into a node's copies of other nodes' volfiles; gd2 serves a brick its own only"},
	{"volume-id", "every volume has its own"},
	{"username", "every volume has its own"},
	{"password", "every volume has its own"},
}

// volume ids and passwords also stand inside other values, such as auth.login.<brick>.allow.
var ownIDs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// comparableVolfile is a volfile as a list of lines without indentation and without what differs on purpose. The options of a
// translator are sorted; translators keep their order.
func comparableVolfile(text string) []string {
	var out, options []string
	for line := range strings.Lines(ownIDs.ReplaceAllString(text, "<id>")) {
		line = strings.TrimSpace(line)
		name, isOption := strings.CutPrefix(line, "option ")
		switch {
		case line == "":
		case isOption:
			key, value, _ := strings.Cut(name, " ")
			for _, d := range onPurpose {
				if d.option == key {
					value = "<" + d.why + ">"
				}
			}
			options = append(options, "option "+key+" "+value)
		default:
			slices.Sort(options)
			out = append(out, options...)
			options = nil
			out = append(out, line)
		}
	}
	return out
}

// volfileCase is a volume that both daemons make.
type volfileCase struct {
	name, words string
	bricks      int
	options     []string // name, value, name, value …
}

func volfileCases() []volfileCase {
	return []volfileCase{
		{name: "dist", bricks: 3},
		{name: "rep", words: "replica 3", bricks: 3},
		{name: "arb", words: "replica 3 arbiter 1", bricks: 3},
		{name: "disp", words: "disperse 3 redundancy 1", bricks: 3},
		{name: "dr", words: "replica 3", bricks: 6},
		{name: "opt", words: "replica 3", bricks: 3, options: []string{
			"performance.cache-size", "64MB", "network.ping-timeout", "10", "performance.write-behind", "off",
			"features.shard", "on", "cluster.quorum-type", "none", "auth.allow", "10.77.0.*", "performance.client-io-threads", "on",
		}},
	}
}

func (c volfileCase) create(p pool) []string {
	return slices.Concat([]string{"volume", "create", c.name}, strings.Fields(c.words), p.bricks(c.name, c.bricks))
}

// TestVolfilesMatch makes the same volumes with gd2 and with the C glusterd, and compares what clients, bricks and
// self-heal daemons get: the same translators in the same order with the same options.
func TestVolfilesMatch(t *testing.T) {
	t.Parallel()
	ours := newPool(t, 3, 1)
	theirs := newLab(t, lab.Options{Peers: 3})
	theirs.startGlusterd()
	for _, c := range volfileCases() {
		ours.cli(c.create(ours)...)
		theirs.gluster(c.create(theirs)...)
		for o := range slices.Chunk(c.options, 2) {
			ours.cli("volume", "set", c.name, o[0], o[1])
			theirs.gluster("volume", "set", c.name, o[0], o[1])
		}
		ours.cli("volume", "start", c.name)
		theirs.gluster("volume", "start", c.name)
	}
	for _, c := range volfileCases() {
		t.Run(c.name, func(t *testing.T) { compareVolfiles(t, ours, theirs, c) })
	}
}

func compareVolfiles(t *testing.T, ours, theirs pool, c volfileCase) {
	ours, theirs = ours.in(t), theirs.in(t)
	info, err := ours.rest(1).Volume(t.Context(), c.name)
	ours.must(err)
	dir := "/var/lib/glusterd/vols/" + c.name + "/"
	compare := func(what, served, file string) {
		t.Helper()
		text, err := os.ReadFile(theirs.Peer(1).Path(dir + file))
		theirs.must(err)
		if diff := cmp.Diff(comparableVolfile(string(text)), comparableVolfile(served)); diff != "" {
			t.Errorf("%s of %s: glusterd (-), gd2 (+):\n%s", what, c.name, diff)
		}
	}
	compare("client volfile", ours.volfile(1, "/"+c.name, outside), c.name+".tcp-fuse.vol")
	compare("trusted client volfile", ours.volfile(1, c.name, inside), "trusted-"+c.name+".tcp-fuse.vol")
	if info.Type != api.Distribute {
		compare("self-heal volfile", ours.volfile(1, "shd/"+c.name, inside), c.name+"-shd.vol")
	}
	for _, s := range info.Subvols {
		for _, b := range s.Bricks {
			if b.Hostname != "node1" {
				continue // glusterd keeps the whole volfile of a brick on its own node only
			}
			key := c.name + "." + b.Hostname + "." + strings.ReplaceAll(strings.Trim(b.Path, "/"), "/", "-")
			compare("volfile of brick "+b.Path, ours.volfile(1, key, inside), key+".vol")
		}
	}
}

// From where a volfile is fetched: inside the peer, by the unix socket that only root can use, or over the network
// from a host that is not in the pool.
const (
	inside  = true
	outside = false
)

// volfile fetches a volfile from the daemon of a peer.
func (p pool) volfile(n int, key string, local bool) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	c, err := p.sunrpc(ctx, n, local)
	p.must(err)
	defer c.Close()
	reply, err := c.GetSpec(ctx, gfrpc.SpecRequest{Key: key, Flags: gfrpc.GetSpecFlagServers})
	if err != nil {
		p.t.Fatalf("volfile %s: %v", key, err)
	}
	return reply.Text
}

// startGlusterd starts the C glusterd on every peer and makes a pool of them.
func (p pool) startGlusterd() {
	p.t.Helper()
	for _, peer := range p.Peers() {
		_, err := peer.Run(p.t.Context(), "glusterd", "-p", "/run/glusterd.pid")
		p.must(err)
	}
	for _, peer := range p.Peers()[1:] {
		p.eventually(30*time.Second, func(ctx context.Context) error {
			_, err := p.Peer(1).Run(ctx, "gluster", "--mode=script", "peer", "probe", peer.Name)
			return err
		})
	}
	p.eventually(30*time.Second, func(ctx context.Context) error {
		for _, peer := range p.Peers() {
			out, err := peer.Run(ctx, "gluster", "peer", "status")
			if err != nil {
				return err
			}
			if n := strings.Count(out, "Peer in Cluster (Connected)"); n != len(p.Peers())-1 {
				return fmt.Errorf("%s sees %d peers", peer.Name, n)
			}
		}
		return nil
	})
}

// gluster runs the C glusterd's own command on node1.
func (p pool) gluster(args ...string) string {
	p.t.Helper()
	out, err := p.Peer(1).Run(p.t.Context(), append([]string{"gluster", "--mode=script"}, args...)...)
	p.must(err)
	return out
}
