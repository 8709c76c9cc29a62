package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
)

// TestOptionsLive changes options while a volume is in use and looks into the processes: into the client through the
// .meta folder of its mount, into the brick through a statedump.
func TestOptionsLive(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, 0)
	status := p.create("live", append([]string{"replica", "2"}, p.bricks("live", 2)...)...)
	dir := p.mount(2, "live") // through node2's daemon, which is told by the store
	open, err := os.Create(filepath.Join(dir, "open"))
	p.must(err)
	defer open.Close()
	graph := p.activeGraph(dir)

	// Values of options reach the running translators; the graph stays.
	p.cli("volume", "set", "live", "performance.io-thread-count", "24", "performance.client-io-threads", "on")
	p.meta(dir, "live-io-threads/private", "maximum_threads_count = 24")
	graph = p.newGraph(dir, graph) // client-io-threads added a translator
	for i, b := range status.Bricks {
		p.brickDump(i+1, b.Pid, "maximum_threads_count=24")
	}
	p.cli("volume", "set", "live", "performance.io-thread-count", "20")
	p.meta(dir, "live-io-threads/private", "maximum_threads_count = 20")
	if now := p.activeGraph(dir); now != graph {
		t.Errorf("a new value made a new graph: %s after %s", now, graph)
	}

	// A translator that comes and goes: clients switch, with files open and without a new mount.
	p.cli("volume", "set", "live", "performance.read-ahead", "on")
	graph = p.newGraph(dir, graph)
	p.meta(dir, "live-read-ahead/type", "performance/read-ahead")
	if _, err := open.WriteString("before and after\n"); err != nil {
		t.Errorf("a file that was open when the graph changed: %v", err)
	}
	p.cli("volume", "reset", "live", "performance.read-ahead")
	p.newGraph(dir, graph)
	if _, err := os.Stat(filepath.Join(dir, ".meta/graphs/active/live-read-ahead")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("read-ahead is still there: %v", err)
	}
	for i, b := range p.waitBricks("live").Bricks {
		if b.Pid != status.Bricks[i].Pid {
			t.Errorf("brick %s was restarted", b.Info.Path)
		}
	}
	t.Run("group", func(t *testing.T) { optionGroupsLive(p.in(t), dir) })
	t.Run("bricks", func(t *testing.T) { brickGraphNeedsAStop(p.in(t)) })
}

// optionGroupsLive sets a group that lies as a file where glusterd keeps them, and one of the pool's own that has
// survived a restart of the daemon.
func optionGroupsLive(p pool, dir string) {
	file := p.Peer(1).Path("/var/lib/glusterd/groups/site")
	p.must(os.WriteFile(file, []byte("# of this site\nperformance.io-thread-count=31\n"), 0o644))
	p.cli("volume", "set", "live", "group", "site")
	p.meta(dir, "live-io-threads/private", "maximum_threads_count = 31")
	p.cli("volume", "options-group", "create", "wide", "performance.io-thread-count", "48")
	p.must(p.Peer(1).Stop(p.t.Context()))
	p.must(p.Peer(1).Start(p.t.Context()))
	p.cliOn(2, "volume", "set", "live", "group", "wide")
	p.meta(dir, "live-io-threads/private", "maximum_threads_count = 48")
	p.cli("volume", "set", "live", "group", "virt") // every option of a group of the package is good
	p.cli("volume", "reset", "live")
	p.brickDump(1, p.waitBricks("live").Bricks[0].Pid, "maximum_threads_count=16")
}

// brickGraphNeedsAStop asks for a translator that running bricks cannot take in.
func brickGraphNeedsAStop(p pool) {
	t := p.t
	_, err := p.Peer(1).CLI(t.Context(), "volume", "set", "live", "features.sdfs", "on")
	var exit *lab.ExitError
	if !errors.As(err, &exit) || !strings.Contains(exit.Stderr, "stop the volume") {
		t.Errorf("set features.sdfs on a started volume: %v", err)
	}
	p.cli("volume", "stop", "live")
	p.cli("volume", "set", "live", "features.sdfs", "on")
	p.cli("volume", "start", "live")
	status := p.waitBricks("live")
	p.brickDump(1, status.Bricks[0].Pid, "features/sdfs.live-sdfs")
	out := p.cli("volume", "set", "help", "performance.cache-size")
	if !strings.Contains(out, "performance.quick-read-cache-size") {
		t.Errorf("the help of an option does not come from the translator:\n%s", out)
	}
}

// activeGraph names the graph that a mount uses now.
func (p pool) activeGraph(dir string) string {
	p.t.Helper()
	name, err := os.Readlink(filepath.Join(dir, ".meta/graphs/active"))
	p.must(err)
	return name
}

// newGraph waits until a mount uses another graph, and returns its name.
func (p pool) newGraph(dir, old string) string {
	p.t.Helper()
	var now string
	p.eventually(20*time.Second, func(context.Context) (err error) {
		if now, err = os.Readlink(filepath.Join(dir, ".meta/graphs/active")); err == nil && now == old {
			err = errors.New("the mount still has its old graph")
		}
		return err
	})
	return now
}

// meta waits until a file of a translator of a mount's active graph has some text.
func (p pool) meta(dir, file, want string) {
	p.t.Helper()
	p.eventually(20*time.Second, func(context.Context) error {
		text, err := os.ReadFile(filepath.Join(dir, ".meta/graphs/active", file))
		if err == nil && !strings.Contains(string(text), want) {
			err = fmt.Errorf("%s does not have %q:\n%s", file, want, text)
		}
		return err
	})
}

// brickDump has a process of a peer dump its state until the dump has some text.
func (p pool) brickDump(n, pid int, want string) {
	p.t.Helper()
	p.eventually(30*time.Second, func(ctx context.Context) error {
		if _, err := p.Peer(n).Run(ctx, "/bin/kill", "-USR1", fmt.Sprint(pid)); err != nil {
			return err
		}
		pattern := p.Peer(n).Path(fmt.Sprintf("/run/gluster/*.%d.dump.*", pid))
		return lab.Eventually(ctx, 3*time.Second, func(context.Context) error {
			files, err := filepath.Glob(pattern)
			if err != nil || len(files) == 0 {
				return fmt.Errorf("no dump of process %d: %w", pid, err)
			}
			text, err := os.ReadFile(files[len(files)-1])
			if err == nil && !strings.Contains(string(text), want) {
				err = fmt.Errorf("the dump of process %d does not have %q", pid, want)
			}
			return err
		})
	})
}
