package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// stockXMLOf runs a command with --xml and holds what it prints against a document that glusterd's printed.
func (p pool) stockXMLOf(line, like string) {
	p.t.Helper()
	out, _ := p.stock(1, append(strings.Fields(line), "--xml")...)
	p.sameShape(line, out, like)
}

// stockTask waits until the status of a task says that it is completed.
func (p pool) stockTask(line string) {
	p.t.Helper()
	p.eventually(60*time.Second, func(context.Context) error {
		if out := p.glusterOK(line); !strings.Contains(out, "completed") || strings.Contains(out, "in progress") {
			return errors.New(out)
		}
		return nil
	})
}

// stockBricks changes the bricks of volumes with files on them, which stay whole.
func stockBricks(p pool) {
	p.glusterOK("volume create br node1:/srv/br node2:/srv/br")
	p.glusterOK("volume start br")
	dir := p.mount(1, "br")
	for i := range 20 {
		p.must(os.WriteFile(fmt.Sprintf("%s/file%d", dir, i), []byte("text"), 0o600))
	}
	p.glusterOK("volume add-brick br node3:/srv/br")
	if out := p.glusterOK("volume rebalance br start"); !regexp.MustCompile(`success: Rebalance on br has been started successfully.*\nID: [0-9a-f-]{36}`).MatchString(out) {
		p.t.Error(out)
	}
	p.stockTask("volume rebalance br status")
	p.stockXMLOf("volume rebalance br status", "rebalance-status")
	p.stockXMLOf("volume status br", "volume-status-task")
	p.stockXMLOf("volume remove-brick br node3:/srv/br start", "removebrick-start")
	p.stockTask("volume remove-brick br node3:/srv/br status")
	p.stockXMLOf("volume remove-brick br node3:/srv/br status", "removebrick-status")
	p.glusterOK("volume remove-brick br node3:/srv/br stop")
	if out, code := p.stock(1, strings.Fields("volume remove-brick br node3:/srv/br commit")...); code == 0 || !strings.Contains(out, "remove-brick not started for volume br.") {
		p.t.Errorf("commit of nothing: exit code %d: %s", code, out)
	}
	p.glusterOK("volume remove-brick br node3:/srv/br start")
	p.stockTask("volume remove-brick br node3:/srv/br status")
	p.stockXMLOf("volume remove-brick br node3:/srv/br commit", "removebrick-commit")
	names, err := os.ReadDir(dir)
	p.must(err)
	if info := p.glusterOK("volume info br"); len(names) != 20 || strings.Contains(info, "node3") {
		p.t.Errorf("%d files; %s", len(names), info)
	}
	p.must(p.Peer(1).Unmount(p.t.Context(), "br"))

	p.glusterOK("volume create rp replica 3 node1:/srv/rp node2:/srv/rp node3:/srv/rp")
	p.glusterOK("volume start rp")
	p.waitBricks("rp")
	p.stockXMLOf("volume replace-brick rp node3:/srv/rp node3:/srv/rpnew commit force", "replacebrick")
	if out := p.glusterOK("volume reset-brick rp node3:/srv/rpnew start"); !strings.Contains(out, "volume reset-brick: success: reset-brick start operation successful") {
		p.t.Error(out)
	}
	p.glusterOK("volume reset-brick rp node3:/srv/rpnew node3:/srv/rpnew commit force")
	p.glusterOK("volume remove-brick rp replica 2 node3:/srv/rpnew force")
	p.glusterOK("volume add-brick rp replica 3 node3:/srv/rp2")
	p.waitBricks("rp")
	if info := p.glusterOK("volume info rp"); !strings.Contains(info, "1 x 3 = 3") || !strings.Contains(info, "Brick3: node3:/srv/rp2") {
		p.t.Error(info)
	}
}

// stockLooks looks at a volume in every way that gluster has.
func stockLooks(p pool) {
	p.glusterOK("volume create lo replica 3 node1:/srv/lo node2:/srv/lo node3:/srv/lo")
	p.glusterOK("volume start lo")
	p.waitBricks("lo")
	p.glusterOK("volume profile lo start")
	dir := p.mount(1, "lo")
	f, err := os.Create(dir + "/file")
	p.must(err)
	defer f.Close()
	_, err = f.Write(make([]byte, 1<<20)) // too much to be kept with its name: reading it opens it on the bricks
	p.must(errors.Join(err, f.Sync()))
	_, err = os.ReadFile(dir + "/file")
	p.must(err)
	for _, c := range []struct{ line, like string }{
		{"volume profile lo info", "profile-info"}, {"volume top lo open", "top-open"}, {"volume top lo write", "top-read"},
		{"volume top lo write-perf bs 4096 count 10", "top-read-perf"},
		{"volume status lo clients", "volume-status-clients"}, {"volume status lo mem", "volume-status-mem"},
		{"volume status lo client-list", "volume-status-client-list"}, {"volume status lo callpool", "volume-status-callpool"},
		{"volume status lo fd", "volume-status-fd"}, {"volume status lo tasks", "volume-status-tasks"},
		{"volume heal lo info", "heal-info"}, {"volume heal lo info summary", "heal-info-summary"}, {"volume heal lo info split-brain", "heal-info-splitbrain"},
	} {
		p.stockXMLOf(c.line, c.like)
	}
	for _, c := range []struct{ line, want string }{
		{"volume status lo client-list", "fuse "},
		{"volume status lo inode", "Inode tables for volume lo"},
		{"volume status lo shd mem", "Self-heal Daemon : node2"},
		{"volume status all", "Status of volume: lo"},
		{"volume profile lo info clear", "Cleared stats."},
		{"volume profile lo stop", "Stopping volume profile on lo has been successful"},
		{"volume top lo clear", "Cleared stats for brick node1:/srv/lo"},
		{"volume heal lo", "Launching heal operation to perform index self heal on volume lo has been successful"},
		{"volume heal lo full", "to perform full self heal on volume lo has been successful"},
		{"volume heal lo statistics", "Type of crawl: INDEX"},
		{"volume heal lo statistics heal-count", "Number of entries: 0"},
		{"volume heal lo disable", "Disable heal on volume lo has been successful"},
		{"volume heal lo enable", "Enable heal on volume lo has been successful"},
		{"volume statedump lo", "volume statedump: success"},
		{"volume log lo rotate", "volume log-rotate: success"},
		{"volume barrier lo enable", "volume barrier: command successful"},
		{"volume barrier lo disable", "volume barrier: command successful"},
		{"volume clear-locks lo /file kind all inode", "No locks cleared."},
		{"volume sync node2 all", "volume sync: success"},
		{"volume set help", "Option: performance.cache-size"},
		{"system:: portmap brick2port /srv/lo", "49"},
	} {
		if out := p.glusterOK(c.line); !strings.Contains(out, c.want) {
			p.t.Errorf("gluster %s: %q, want %q", c.line, out, c.want)
		}
	}
	p.glusterOK("system:: fsm log")
	p.glusterOK("get-state glusterd odir /tmp file state")
	state, err := os.ReadFile(p.Peer(1).Path("/tmp/state"))
	p.must(err)
	for _, want := range []string{"[Global]\nMYUUID: ", ".name: lo\n", ".Brick3.path: node3:/srv/lo\n", "Peer2.connected: Connected\n"} {
		if !strings.Contains(string(state), want) {
			p.t.Errorf("get-state has no %q: %s", want, state)
		}
	}
	p.must(f.Close())
	p.must(p.Peer(1).Unmount(p.t.Context(), "lo"))
}

// stockQuota sets limits and lists them: gluster asks the quota daemon and the volume by itself.
func stockQuota(p pool) {
	p.glusterOK("volume create qu node1:/srv/qu node2:/srv/qu")
	p.glusterOK("volume start qu")
	if out, code := p.stock(1, strings.Fields("volume quota qu list")...); code == 0 || !strings.Contains(out, "Quota is disabled, please enable quota") {
		p.t.Errorf("exit code %d: %s", code, out)
	}
	p.glusterOK("volume quota qu enable")
	p.waitBricks("qu")
	dir := p.mount(1, "qu")
	p.must(os.Mkdir(dir+"/dir", 0o755))
	p.glusterOK("volume quota qu limit-usage /dir 100MB 70%")
	p.glusterOK("volume quota qu limit-objects /dir 100")
	p.glusterOK("volume inode-quota qu enable")
	p.glusterOK("volume quota qu soft-timeout 30")
	p.stockXMLOf("volume quota qu list", "quota-list")
	for line, want := range map[string]string{
		"volume quota qu list":                "/dir                                     100.0MB     70%(70.0MB)",
		"volume quota qu list /dir":           "/dir                                     100.0MB     70%(70.0MB)",
		"volume quota qu list-objects":        "/dir                                           100",
		"volume get qu features.soft-timeout": "30",
	} {
		if out := p.glusterOK(line); !strings.Contains(out, want) {
			p.t.Errorf("gluster %s: %s", line, out)
		}
	}
	p.glusterOK("volume quota qu remove /dir")
	p.must(p.Peer(1).Unmount(p.t.Context(), "qu"))
	p.glusterOK("volume quota qu disable")
}
