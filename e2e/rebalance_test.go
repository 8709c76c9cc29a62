package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gd2/pkg/api"
)

// fillMany writes many files of one size, in a few folders, for work that takes a while.
func fillMany(t *testing.T, dir string, n int) {
	t.Helper()
	text := make([]byte, 20_000)
	for i := range n {
		name := filepath.Join(dir, fmt.Sprintf("many%d", i%5), fmt.Sprint("file", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		copy(text, fmt.Sprint(i))
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// rebalanced waits until a rebalance is in one of the states.
func (p pool) rebalanced(volume string, states ...string) api.RebalanceStatus {
	p.t.Helper()
	var st api.RebalanceStatus
	c := p.rest(1)
	p.eventually(120*time.Second, func(ctx context.Context) (err error) {
		if st, err = c.RebalanceStatus(ctx, volume); err == nil && !slices.Contains(states, st.State) {
			err = fmt.Errorf("the rebalance is %s: %+v", st.State, st.Nodes)
		}
		return err
	})
	return st
}

// moving waits until the rebalance process of a peer has moved a file, and returns its id there.
func (p pool) moving(n int, volume string) int {
	p.t.Helper()
	c := p.rest(1)
	p.eventually(60*time.Second, func(ctx context.Context) error {
		st, err := c.RebalanceStatus(ctx, volume)
		if err != nil {
			return err
		}
		for _, node := range st.Nodes {
			if node.Host == p.Peer(n).Name && node.Status == "in progress" && node.RebalancedFiles != "0" {
				return nil
			}
		}
		return fmt.Errorf("node%d moves nothing: %+v", n, st.Nodes)
	})
	files, err := filepath.Glob(p.Peer(n).Path("/var/lib/glusterd2/vols/" + volume + "/rebalance/*.pid"))
	p.must(err)
	if len(files) != 1 {
		p.t.Fatalf("pid files of the rebalance on node%d: %q", n, files)
	}
	text, err := os.ReadFile(files[0])
	p.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	p.must(err)
	return pid
}

// regularFiles lists the files with data on a brick: those that only point elsewhere are empty and have the sticky bit alone.
func regularFiles(t *testing.T, dir string) []string {
	t.Helper()
	got, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for name, sum := range got {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err == nil && sum != "dir" && info.Mode().Perm() != 0 {
			files = append(files, name)
		}
	}
	return files
}

// TestExpandRebalance adds bricks to a volume that stays mounted and in use, and spreads its files: the layout alone, then a rebalance
// whose process is killed, one that is stopped, and one that goes on while all daemons are away for a moment.
func TestExpandRebalance(t *testing.T) {
	t.Parallel()
	p := newPool(t, 3, 0)
	p.create("gv0", "node1:/srv/a")
	mount := p.mount(1, "gv0")
	fillTree(t, mount)
	fillMany(t, mount, 1500)
	want, err := readTree(mount)
	p.must(err)

	if _, err := p.Peer(1).CLI(t.Context(), "volume", "rebalance", "gv0", "start"); err == nil {
		t.Error("a volume of one brick was rebalanced")
	}
	p.cli("volume", "add-brick", "gv0", "node2:/srv/b", "node3:/srv/c")
	p.follows(mount, "gv0", 0, 1, 2)
	p.cli("volume", "rebalance", "gv0", "fix-layout", "start")
	for _, node := range p.rebalanced("gv0", "fix-layout completed").Nodes {
		if node.Status != "fix-layout completed" {
			t.Errorf("part of a fix-layout: %+v", node)
		}
	}
	sameTree(t, mount, want) // before that listings may lack folders that are not on the new bricks yet
	if moved := regularFiles(t, p.Peer(2).Path("/srv/b")); len(moved) != 0 {
		t.Errorf("fix-layout moved %q", moved)
	}
	p.cli("volume", "set", "gv0", "cluster.rebal-throttle", "lazy")

	p.cli("volume", "rebalance", "gv0", "start", "force")
	p.must(p.Peer(1).Kill9(t.Context(), p.moving(1, "gv0")))
	st := p.rebalanced("gv0", "failed")
	t.Logf("killed: %+v", st.Nodes)

	p.cli("volume", "rebalance", "gv0", "start", "force")
	p.moving(1, "gv0")
	for _, words := range [][]string{{"stop", "gv0"}, {"rebalance", "gv0", "start"}, {"add-brick", "gv0", "node1:/srv/x"}} {
		if _, err := p.Peer(1).CLI(t.Context(), append([]string{"volume"}, words...)...); err == nil {
			t.Errorf("volume %v during a rebalance", words)
		}
	}
	if text := p.cli("volume", "status", "gv0", "tasks"); !strings.Contains(text, "Rebalance") || !strings.Contains(text, "in progress") {
		t.Errorf("tasks:\n%s", text)
	}
	p.cli("volume", "rebalance", "gv0", "stop")
	p.rebalanced("gv0", "stopped")

	p.cli("volume", "rebalance", "gv0", "start", "force")
	pid := p.moving(1, "gv0")
	for _, peer := range p.Peers() {
		p.must(peer.KillDaemon(t.Context()))
	}
	p.startAll(3)
	p.waitOnline(3)
	if _, err := os.Stat(p.Peer(1).Path(fmt.Sprintf("/proc/%d", pid))); err != nil {
		t.Error("the process did not go on without the daemon")
	}
	done := p.rebalanced("gv0", "completed")
	sameTree(t, mount, want)
	p.spread(want)
	p.must(p.Peer(1).Stop(t.Context()))
	p.must(p.Peer(1).Start(t.Context()))
	again := p.rebalanced("gv0", "completed")
	if len(again.Nodes) != 3 || again.RebalanceID != done.RebalanceID || again.Nodes[0] != done.Nodes[0] {
		t.Errorf("after a restart %+v, before it %+v", again, done)
	}
	p.cli("volume", "stop", "gv0")
	p.cli("volume", "delete", "gv0")
}

// spread checks that the files of a volume are spread over its three bricks, and none is missing. A file may be on two: a process that is
// killed between the last byte of its copy and the end of the original leaves both.
func (p pool) spread(want map[string]string) {
	p.t.Helper()
	all, total := map[string]bool{}, 0
	for i, dir := range []string{"/srv/a", "/srv/b", "/srv/c"} {
		files := regularFiles(p.t, p.Peer(i+1).Path(dir))
		p.t.Logf("brick %d has %d files", i, len(files))
		if len(files) < 300 {
			p.t.Errorf("brick %d has %d files only", i, len(files))
		}
		total += len(files)
		for _, name := range files {
			all[name] = true
		}
	}
	for name, sum := range want {
		if sum != "dir" && !all[name] {
			p.t.Errorf("%s is on no brick", name)
		}
	}
	if twice := total - len(all); twice > 2 {
		p.t.Errorf("%d files are on two bricks", twice)
	}
}
