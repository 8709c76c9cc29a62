// Package e2e drives real daemons, bricks and mounts from outside: through glustercli, the REST API, the wire of
// GlusterFS and files on mounted volumes and on the bricks themselves. `make e2e` runs it as root.
package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

func TestMain(m *testing.M) {
	if code, first := lab.RunFirstProcess(); first {
		os.Exit(code)
	}
	if os.Getenv("GD2_E2E") == "" {
		fmt.Println("end-to-end tests need root, built programs and GlusterFS: make e2e runs them")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pool is a lab with the means to use it in a test: what fails, fails the test.
type pool struct {
	*lab.Lab
	t *testing.T
	// members is how many of the peers, from node1 on, are in the pool; those beyond are hosts outside.
	members int
}

// newLab lays peers without daemons. If the test fails, the ends of the daemons' logs are shown.
func newLab(t *testing.T, o lab.Options) pool {
	t.Helper()
	if o.Bin == "" {
		o.Bin = "../bin"
	}
	l, err := lab.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	p := pool{Lab: l, t: t, members: o.Peers}
	hung := time.AfterFunc(testLimit(), p.giveUp)
	t.Cleanup(func() {
		if !hung.Stop() {
			t.Errorf("ended after %v", testLimit())
		}
		if t.Failed() {
			p.showLogs()
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// testLimit is far beyond what any test takes.
func testLimit() time.Duration {
	if whole() {
		return lab.Patient(time.Hour)
	}
	return lab.Patient(8 * time.Minute)
}

// giveUp tells where a test hangs and ends its lab. What reads or writes on a mount then gets an error; otherwise it would wait for
// ever, and all other tests with it.
func (p pool) giveUp() {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	fmt.Printf("%s hangs after %v:\n", p.t.Name(), testLimit())
	for _, s := range strings.Split(string(stacks), "\n\n") {
		if strings.Contains(s, "gd2/e2e.") {
			fmt.Println(s)
		}
	}
	p.showLogs()
	if err := p.Close(); err != nil {
		fmt.Println(err)
	}
}

// newPool lays peers, starts their daemons and probes them into one pool. Beside them it lays hosts that are not in it.
func newPool(t *testing.T, n, outside int) pool {
	t.Helper()
	p := newLab(t, lab.Options{Peers: n + outside})
	p.members = n
	p.startAll(n)
	for i := 2; i <= n; i++ {
		p.cli("peer", "probe", p.Peer(i).Name)
	}
	p.waitOnline(n)
	return p
}

// startAll starts the daemons of the first n peers and waits until all are ready.
func (p pool) startAll(n int) {
	p.t.Helper()
	for i := 1; i <= n; i++ {
		p.must(p.Peer(i).Launch(p.t.Context()))
	}
	for i := 1; i <= n; i++ {
		p.must(p.Peer(i).WaitReady(p.t.Context()))
	}
}

// showLogs puts the last lines of each daemon into the test's log, and keeps everything in GD2_E2E_LOGS if that is set.
func (p pool) showLogs() {
	if dir := os.Getenv("GD2_E2E_LOGS"); dir != "" {
		if err := p.SaveLogs(filepath.Join(dir, p.t.Name())); err != nil {
			p.t.Log(err)
		}
	}
	for _, peer := range p.Peers() {
		text, err := os.ReadFile(peer.DaemonLog())
		if err != nil {
			continue
		}
		lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool {
			return strings.Contains(line, "level=debug") || strings.Contains(line, " part=etcd ")
		})
		p.t.Logf("log of %s, its last lines above debug and of gd2 itself:\n%s", peer.Name, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
}

func (p pool) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// eventually waits until check has nothing to complain of.
func (p pool) eventually(limit time.Duration, check func(context.Context) error) {
	p.t.Helper()
	p.must(lab.Eventually(p.t.Context(), limit, check))
}

// persistent makes a request. On an emulated machine a peer may seem to be dead for a moment: there it is repeated, as users would.
func (p pool) persistent(request func() error) error {
	const tries = 5
	for n := 1; ; n++ {
		err := request()
		if err == nil || !api.IsKind(err, api.Unavailable) || n == tries || lab.Patient(1) == 1 {
			return err
		}
		p.t.Logf("tried again: %v", err)
	}
}

// cli runs glustercli on node1.
func (p pool) cli(args ...string) string {
	p.t.Helper()
	return p.cliOn(1, args...)
}

// cliOn runs glustercli on a peer.
func (p pool) cliOn(n int, args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), lab.Patient(2*time.Minute))
	defer cancel()
	out, err := p.Peer(n).CLI(ctx, args...)
	p.must(err)
	return out
}

// rest is a client of a peer's daemon.
func (p pool) rest(n int) *client.Client {
	p.t.Helper()
	c, err := p.Peer(n).Client()
	p.must(err)
	p.t.Cleanup(c.Close)
	return c
}

// waitOnline waits until every one of the first n peers sees n peers online.
func (p pool) waitOnline(n int) {
	p.t.Helper()
	for i := 1; i <= n; i++ {
		c := p.rest(i)
		p.eventually(30*time.Second, func(ctx context.Context) error {
			peers, err := c.Peers(ctx, client.Filter{})
			if err != nil {
				return err
			}
			online := 0
			for _, peer := range peers {
				if peer.Online {
					online++
				}
			}
			if online != n {
				return fmt.Errorf("%s sees %d of %d peers online", p.Peer(i).Name, online, n)
			}
			return nil
		})
	}
}

// waitVoters waits until n peers hold a copy of the store and vote: from then on the pool survives the loss of one of
// three. A peer that has just joined becomes a voter in the background.
func (p pool) waitVoters(n int) {
	p.t.Helper()
	c := p.rest(1)
	p.eventually(60*time.Second, func(ctx context.Context) error { return voters(ctx, c, n) })
}

// voters says how many peers vote, if that is not n.
func voters(ctx context.Context, c *client.Client, n int) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	voters := 0
	for _, m := range s.Store.Members {
		if m.Role == "voter" {
			voters++
		}
	}
	if voters != n {
		return fmt.Errorf("the store has %d of %d voters: %v", voters, n, s.Store.Members)
	}
	return nil
}

// waitBricks waits until every brick and every daemon of a volume is online, and returns its status.
func (p pool) waitBricks(volume string) api.VolumeStatus {
	p.t.Helper()
	var status api.VolumeStatus
	c := p.rest(1)
	p.eventually(60*time.Second, func(ctx context.Context) (err error) {
		if status, err = c.VolumeStatus(ctx, volume); err != nil {
			return err
		}
		for _, b := range status.Bricks {
			if !b.Online || b.Pid == 0 || b.Port == 0 {
				return fmt.Errorf("brick %s:%s is not online: %s", b.Info.Hostname, b.Info.Path, b.Error)
			}
		}
		for _, d := range status.Daemons {
			if !d.Online {
				return fmt.Errorf("%s on %s is not online: %s", d.Name, d.Hostname, d.Error)
			}
		}
		return nil
	})
	return status
}

// create creates and starts a volume, with old gluster's words, and waits for its bricks.
func (p pool) create(volume string, words ...string) api.VolumeStatus {
	p.t.Helper()
	p.cli(append([]string{"volume", "create", volume}, words...)...)
	p.cli("volume", "start", volume)
	return p.waitBricks(volume)
}

// mount mounts a volume on a peer through that peer's own daemon and unmounts it at the end of the test.
func (p pool) mount(n int, volume string, options ...string) string {
	p.t.Helper()
	dir, err := p.Peer(n).Mount(p.t.Context(), "", volume, options...)
	p.must(err)
	return dir
}

// in is the pool as a subtest uses it.
func (p pool) in(t *testing.T) pool {
	p.t = t
	return p
}

// bricks names one brick per peer for a volume: node1:/srv/<name> …, n of them, going around the members.
func (p pool) bricks(name string, n int) []string {
	out := make([]string, 0, n)
	for i := range n {
		suffix := ""
		if i >= p.members {
			suffix = fmt.Sprintf("-%d", i/p.members)
		}
		out = append(out, fmt.Sprintf("%s:/srv/%s%s", p.Peer(i%p.members+1).Name, name, suffix))
	}
	return out
}
