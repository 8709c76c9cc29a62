package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// stock runs GlusterFS' own command on a peer and returns what it printed and its exit code.
func (p pool) stock(n int, words ...string) (out string, code int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	defer cancel()
	out, err := p.Peer(n).Run(ctx, append([]string{"gluster", "--mode=script"}, words...)...)
	var exit *lab.ExitError
	if errors.As(err, &exit) {
		return exit.Stdout + exit.Stderr, exit.Code
	}
	p.must(err)
	return out, 0
}

// glusterOK is stock on node1 for a command, given in one line, that must succeed.
func (p pool) glusterOK(line string) string {
	p.t.Helper()
	out, code := p.stock(1, strings.Fields(line)...)
	if code != 0 {
		p.t.Fatalf("gluster %s: exit code %d: %s", line, code, out)
	}
	return out
}

// TestStockCLI drives a pool with the command gluster as GlusterFS' package has it, and with nothing else.
func TestStockCLI(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 3})
	p.startAll(3)
	for _, host := range []string{"node2", "node3"} {
		p.glusterOK("peer probe " + host)
	}
	p.waitOnline(3)
	for _, part := range []struct {
		name string
		test func(pool)
	}{
		{"types", stockTypes}, {"xml", stockXML}, {"refusals", stockRefusals}, {"bricks", stockBricks}, {"looks", stockLooks}, {"quota", stockQuota},
		{"side by side", stockParallel}, {"access", stockAccess}, {"without a quorum", stockAlone},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(p.in(t)) })
	}
}

// stockTypes is the life of a volume of each type, with a file on it.
func stockTypes(p pool) {
	for name, words := range map[string]string{
		"dist":  "node1:/srv/dist node2:/srv/dist",
		"rep":   "replica 3 node1:/srv/rep node2:/srv/rep node3:/srv/rep",
		"arb":   "replica 2 arbiter 1 node1:/srv/arb node2:/srv/arb node3:/srv/arb",
		"disp":  "disperse 3 redundancy 1 node1:/srv/disp node2:/srv/disp node3:/srv/disp",
		"drep":  "replica 2 node1:/srv/drep node2:/srv/drep node2:/srv/drep2 node3:/srv/drep2",
		"ddisp": "disperse 3 redundancy 1 node1:/srv/dd node2:/srv/dd node3:/srv/dd node1:/srv/dd2 node2:/srv/dd2 node3:/srv/dd2",
	} {
		p.glusterOK("volume create " + name + " " + words)
		p.glusterOK("volume start " + name)
		p.waitBricks(name)
		dir := p.mount(1, name)
		p.must(os.WriteFile(dir+"/file", []byte(name), 0o600))
		p.must(p.Peer(1).Unmount(p.t.Context(), name))
		if info := p.glusterOK("volume info " + name); !strings.Contains(info, "Status: Started") || !strings.Contains(info, "Volume Name: "+name+"\n") {
			p.t.Errorf("info of %s: %s", name, info)
		}
		p.glusterOK("volume stop " + name)
		p.glusterOK("volume delete " + name)
	}
	if list := p.glusterOK("volume list --xml"); !strings.Contains(list, "<count>0</count>") {
		p.t.Error(list)
	}
}

// stockXML holds what programs read against what glusterd's command printed: the same elements in the same order, with the
// same kinds of values.
func stockXML(p pool) {
	for _, c := range []struct{ line, like string }{
		{"volume create gx replica 3 node1:/srv/gx node2:/srv/gx node3:/srv/gx", "volume-create"},
		{"volume start gx", "volume-start"},
		{"volume create gd node1:/srv/gd", ""},
		{"volume add-brick gd node2:/srv/gd", "addbrick"},
		{"volume create gx node1:/srv/other", "volume-create-exists"},
		{"volume set gx performance.cache-size 64MB", ""},
		{"volume get gx performance.cache-size", "volume-get"},
		{"volume info", "volume-info"},
		{"volume info nosuch", "volume-info-none"},
		{"volume list", "volume-list"},
		{"volume status gx", "volume-status"},
		{"volume status gx detail", "volume-status-detail"},
		{"peer status", "peer-status"},
		{"pool list", "pool-list"},
		{"peer probe node1", "peer-probe-self"},
		{"peer probe nosuchhost", "peer-probe-bad"},
		{"peer detach nosuchhost", "peer-detach-unknown"},
		{"volume stop gx", "volume-stop"},
		{"volume delete gx", "volume-delete"},
	} {
		out, _ := p.stock(1, append(strings.Fields(c.line), "--xml")...)
		if c.like != "" {
			p.sameShape(c.line, out, c.like)
		}
	}
	p.glusterOK("volume delete gd")
}

// stockRefusals are commands that cannot be done: the exit code and the words that scripts look for are glusterd's.
func stockRefusals(p pool) {
	p.glusterOK("volume create no node1:/srv/no")
	for line, want := range map[string]string{
		"volume create no node2:/srv/no":         "Volume no already exists",
		"volume stop no":                         "Volume no is not in the started state",
		"volume start nosuch":                    "Volume nosuch does not exist",
		"volume info nosuch":                     "Volume nosuch does not exist",
		"volume status no":                       "Volume no is not started",
		"volume set no no.such.option 1":         "option : no.such.option does not exist",
		"volume set no performance.cache-size x": "performance.cache-size",
		"peer detach nosuch":                     "nosuch is not part of cluster",
		"snapshot create s no":                   "not possible with gd2 yet",
		"volume bitrot no enable":                "not possible with gd2 yet",
	} {
		if out, code := p.stock(1, strings.Fields(line)...); code != 1 || !strings.Contains(out, want) {
			p.t.Errorf("gluster %s: exit code %d, %q: want 1 and %q", line, code, out, want)
		}
	}
	if out, code := p.stock(2, "peer", "detach", "node1"); code != 255 || !strings.Contains(out, "hosts one or more bricks") {
		p.t.Errorf("detach of a peer with bricks: exit code %d, %q", code, out)
	}
	p.glusterOK("volume delete no")
}

// stockParallel sets eight options of one volume at once. Of glusterd's own, six fail.
func stockParallel(p pool) {
	p.glusterOK("volume create par node1:/srv/par node2:/srv/par")
	p.glusterOK("volume start par")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if out, code := p.stock(i%3+1, "volume", "set", "par", fmt.Sprintf("user.side-by-side-%d", i), "yes"); code != 0 {
				p.t.Errorf("set %d: exit code %d: %s", i, code, out)
			}
		})
	}
	wg.Wait()
	for line, want := range map[string]string{ // refusals that are not about its state
		"volume replace-brick par node1:/srv/par node2:/srv/other commit force": "distributed only",
		"volume status par shd": "Volume par is not Self-heal compatible",
	} {
		if out, code := p.stock(1, strings.Fields(line)...); code != 1 || !strings.Contains(out, want) {
			p.t.Errorf("gluster %s: exit code %d, %q: want 1 and %q", line, code, out, want)
		}
	}
	if info := p.glusterOK("volume info par"); strings.Count(info, "user.side-by-side-") != 8 {
		p.t.Error(info)
	}
}

// stockAccess shows who may do what: over the network nobody changes anything, and a user who is not root gets nothing over
// the socket.
func stockAccess(p pool) {
	for _, words := range []string{"volume list", "volume info par", "volume status par", "pool list"} {
		if out, code := p.stock(3, append([]string{"--remote-host=node1"}, strings.Fields(words)...)...); code != 0 || out == "" {
			p.t.Errorf("%s from afar: exit code %d: %s", words, code, out)
		}
	}
	if out, code := p.stock(3, "--remote-host=node1", "volume", "stop", "par"); code == 0 {
		p.t.Errorf("a volume was stopped from afar: %s", out)
	}
	out, err := p.Peer(1).Run(p.t.Context(), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "gluster", "volume", "list")
	if err == nil || strings.Contains(out, "par") {
		p.t.Errorf("a user who is not root reads %q (%v)", out, err)
	}
	// Nor where the file of the socket lets everybody in.
	_, err = p.Peer(1).Run(p.t.Context(), "chmod", "0777", "/run/glusterd.socket")
	p.must(err)
	out, err = p.Peer(1).Run(p.t.Context(), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "timeout", "20", "gluster", "volume", "list")
	if err == nil || strings.Contains(out, "par") {
		p.t.Errorf("a user who is not root reads %q through an open socket (%v)", out, err)
	}
	if info := p.glusterOK("volume info par"); !strings.Contains(info, "Status: Started") {
		p.t.Error(info)
	}
}

// stockAlone asks a peer that has lost the others: it tells what it knows, as glusterd does, and changes nothing. It comes
// last, since the others stay away.
func stockAlone(p pool) {
	p.must(errors.Join(p.Peer(2).Stop(p.t.Context()), p.Peer(3).Stop(p.t.Context())))
	if info := p.glusterOK("volume info par --xml"); !strings.Contains(info, "<name>par</name>") {
		p.t.Error(info)
	}
	if status := p.glusterOK("peer status"); strings.Count(status, "(Disconnected)") != 2 {
		p.t.Error(status)
	}
	if out, code := p.stock(1, strings.Fields("volume set par user.alone yes")...); code != 1 || !strings.Contains(out, "quorum") {
		p.t.Errorf("set: exit code %d: %s", code, out)
	}
}
