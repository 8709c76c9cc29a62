package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// Where a daemon that was built with failpoints looks for the point at which to die, and notes those that it passes.
const (
	failpointFile  = "/run/glusterd2/failpoint"
	failpointTrace = "/run/glusterd2/failpoint.trace"
)

// failpointBin makes a folder with a daemon that can be told where to die, and glustercli. GD2_E2E_FAILPOINTS names one that is there.
func failpointBin(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("GD2_E2E_FAILPOINTS"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	for _, argv := range [][]string{
		{"go", "build", "-trimpath", "-tags", "failpoints", "-o", filepath.Join(dir, "glusterd2"), "gd2/glusterd2"},
		{"cp", "../bin/glustercli", filepath.Join(dir, "glustercli")},
	} {
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", argv, err, out)
		}
	}
	return dir
}

// crashed is a request to node1 during which a daemon is killed at each point that it passes, one after the other.
type crashed struct {
	pool
	what string
	// victim is the number of the peer whose daemon is killed; 0 means node1, the coordinator.
	victim int
	// runs are the programs that the victim's daemon runs for the request: it is also killed before and after each of them, or with
	// onlyRuns nowhere else.
	runs     []string
	onlyRuns bool
	// prepare makes what the request needs, without a crash; request asks node n; world describes what it changes; after is the
	// world when the request was carried out.
	prepare func(p pool, name string)
	request func(ctx context.Context, c *client.Client, name string) error
	world   func(p pool, name string) string
	after   string
	// clear removes what is left, so that the next point begins like this one.
	clear func(p pool, name string)
	// ask, if it is there, asks node n by other means than request. Its client stays until it has its answer.
	ask func(ctx context.Context, n int, name string) error
	// sampled is at how many of the points the victim is killed unless the whole sweep is wanted; 0 means at all.
	sampled int
	// alone says that no other peer takes over, which takes seconds, unless the whole sweep is wanted.
	alone bool
	// seldom says that it belongs to the whole sweep only.
	seldom bool
}

// whole says that every point is wanted where a usual run has a sample of them.
func whole() bool { return os.Getenv("GD2_E2E_WHOLE") != "" }

// sample picks points of the whole way; different ones for each victim.
func (c crashed) sample(points []string) []string {
	if c.sampled == 0 || c.sampled >= len(points) || whole() {
		return points
	}
	out := make([]string, c.sampled)
	for i := range out {
		out[i] = points[(i*len(points)+c.victim*len(points)/4)/c.sampled%len(points)]
	}
	return out
}

// asks makes the request of node n.
func (c crashed) asks(ctx context.Context, n int, name string) error {
	if c.ask != nil {
		return c.ask(ctx, n, name)
	}
	return c.request(ctx, c.rest(n), name)
}

// dies is the peer whose daemon is killed.
func (c crashed) dies() *lab.Peer { return c.Peer(max(c.victim, 1)) }

// points carries the request out without a crash and returns the points that the victim passes.
func (c crashed) points() []string {
	c.t.Helper()
	name := c.what + "-clean"
	c.prepare(c.pool, name)
	trace := c.dies().Path(failpointTrace)
	c.must(os.WriteFile(trace, nil, 0o600))
	c.must(c.persistent(func() error { return c.asks(c.t.Context(), 1, name) }))
	text, err := os.ReadFile(trace)
	c.must(err)
	c.must(os.Remove(trace))
	c.eventually(60*time.Second, func(context.Context) error {
		if got := c.world(c.pool, name); got != c.after {
			return fmt.Errorf("%s without a crash: %s, want %s", c.what, got, c.after)
		}
		return nil
	})
	c.clear(c.pool, name)
	var out []string
	for _, p := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) < 2 {
		c.t.Fatalf("%s passes only %q", c.what, out)
	}
	if c.onlyRuns {
		out = nil
	}
	for _, program := range c.runs {
		out = append(out, "before "+program, "after "+program)
	}
	return out
}

// arm sees to it that the victim dies at a point.
func (c crashed) arm(point string) {
	c.t.Helper()
	when, program, _ := strings.Cut(point, " ")
	if slices.Contains(c.runs, program) && (when == "before" || when == "after") {
		c.must(c.dies().Ambush(program, when == "after"))
		return
	}
	c.must(os.WriteFile(c.dies().Path(failpointFile), []byte(point), 0o600))
}

// sweep kills the victim at every point. In the middle of each request another peer takes over from node1, else it comes back by itself.
func (c crashed) sweep() {
	c.t.Helper()
	all := c.points()
	points := c.sample(all)
	c.t.Logf("%s passes %q, and is killed at %d of these", c.what, all, len(points))
	for i, point := range points {
		start := time.Now()
		c.crash(fmt.Sprintf("%s-%d", c.what, i), point, c.dies() == c.Peer(1) && i == len(points)/2 && (!c.alone || whole()))
		c.t.Logf("%s: killed at %q: %.1fs", c.what, point, time.Since(start).Seconds())
		if c.t.Failed() {
			return
		}
	}
}

func (c crashed) crash(name, point string, adopted bool) {
	c.t.Helper()
	c.prepare(c.pool, name)
	before := c.world(c.pool, name)
	key := name + "-" + strings.ReplaceAll(point, " ", "-")
	since := c.newest()
	c.arm(point)
	ctx, cancel := context.WithCancel(client.WithKey(c.t.Context(), key))
	defer cancel()
	asked := make(chan error, 1)
	go func() { asked <- c.asks(ctx, 1, name) }()
	c.eventually(60*time.Second, func(context.Context) error {
		if c.dies().Running() {
			return fmt.Errorf("%s has not died", c.dies().Name)
		}
		return nil
	})
	if c.ask == nil {
		cancel()
	}
	if adopted {
		c.awaitAdoption(since)
	}
	c.must(c.dies().Start(c.t.Context()))
	told := <-asked
	c.t.Logf("the client of node1 was told: %v", told)
	c.awaitEnd(since)
	got := ""
	c.eventually(120*time.Second, func(context.Context) error {
		if got = c.world(c.pool, name); got != before && got != c.after {
			return fmt.Errorf("killed at %q: the world is %s, neither as before, %s, nor as after, %s", point, got, before, c.after)
		}
		return nil
	})
	if told == nil && got != c.after || errors.Is(told, errUndone) && got != before {
		c.t.Errorf("killed at %q: the client was told %v, but the world is %s", point, told, got)
	}
	c.says(since, got == c.after)
	if err := c.persistent(func() error { return c.asks(client.WithKey(c.t.Context(), key), 2, name) }); err != nil {
		c.t.Fatalf("killed at %q: the same request with its key, to another peer: %v", point, err)
	}
	c.eventually(30*time.Second, func(context.Context) error {
		if got := c.world(c.pool, name); got != c.after {
			return fmt.Errorf("killed at %q, and asked again: %s, want %s", point, got, c.after)
		}
		return nil
	})
	c.clear(c.pool, name)
}

// newest is the id of the newest operation, before which the test does not look.
func (c crashed) newest() string {
	c.t.Helper()
	list, err := c.rest(2).Operations(c.t.Context(), client.OperationFilter{Limit: 1})
	c.must(err)
	if len(list.Operations) == 0 {
		return ""
	}
	return list.Operations[0].ID
}

// began lists the operations that began after one, as node2 knows them.
func (c crashed) began(ctx context.Context, since string) ([]api.Operation, error) {
	list, err := c.rest(2).Operations(ctx, client.OperationFilter{Limit: 20})
	return slices.DeleteFunc(list.Operations, func(o api.Operation) bool { return o.ID <= since }), err
}

// awaitAdoption waits until no operation that has not ended belongs to node1.
func (c crashed) awaitAdoption(since string) {
	c.t.Helper()
	self, err := c.rest(2).Peers(c.t.Context(), client.Filter{})
	c.must(err)
	i := slices.IndexFunc(self, func(p api.Peer) bool { return p.Name == "node1" })
	c.eventually(60*time.Second, func(ctx context.Context) error {
		ops, err := c.began(ctx, since)
		for _, o := range ops {
			if !o.Ended() && o.Coordinator == self[i].ID {
				return fmt.Errorf("no peer has taken over %s (%s, %s)", o.ID, o.Operation, o.State)
			}
		}
		return err
	})
}

// awaitEnd waits until every operation has ended and no lock is held.
func (c crashed) awaitEnd(since string) {
	c.t.Helper()
	c.eventually(90*time.Second, func(ctx context.Context) error {
		ops, err := c.began(ctx, since)
		for _, o := range ops {
			if !o.Ended() {
				return fmt.Errorf("%s (%s) is %s: %s %v", o.ID, o.Operation, o.State, o.Error, o.PeerErrors)
			}
		}
		return err
	})
}

// says checks that the operation says what has become of the world: the last one that began is the one that decides. Parts
// of another, and what peers do by themselves, do not.
func (c crashed) says(since string, done bool) {
	c.t.Helper()
	ops, err := c.began(c.t.Context(), since)
	c.must(err)
	i := slices.IndexFunc(ops, func(o api.Operation) bool {
		own := slices.ContainsFunc([]string{"volume.", "quota.", "heketi.import", "peer.probe", "peer.detach"}, func(kind string) bool { return strings.HasPrefix(o.Operation, kind) })
		return o.PartOf == "" && own
	})
	if i < 0 {
		return
	}
	if said := ops[i].State == api.OperationDone; said != done {
		c.t.Errorf("operation %s (%s) says %s, but the world is as after: %v", ops[i].ID, ops[i].Operation, ops[i].State, done)
	}
}

// TestCrashSweep kills the coordinating daemon at every event of volume create, start, option set, stop and delete, of changes of bricks
// and of the quota, of probe and of detach, with real processes and bricks. After its restart, or once another peer has taken over, the world is as before or as
// after, the operation says which, no lock is left, and the same request with its key is answered as if nothing had happened.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	p := newLab(t, lab.Options{Peers: 4, Bin: failpointBin(t)})
	p.members = 3
	p.startAll(4)
	for i := 2; i <= 3; i++ {
		p.cli("peer", "probe", p.Peer(i).Name)
	}
	p.waitOnline(3)
	p.waitVoters(3) // so that the store goes on without node1
	for _, c := range slices.Concat(p.volumeCrashes(), p.brickCrashes(), p.peerCrashes()) {
		c.run(t)
	}
}

// volumeCrashes are the requests about volumes.
func (p pool) volumeCrashes() []crashed {
	req := func(name string) api.VolumeCreateReq {
		sub := api.SubvolReq{Type: "replicate", ReplicaCount: 3}
		for i := 1; i <= 3; i++ {
			sub.Bricks = append(sub.Bricks, api.BrickReq{PeerID: p.Peer(i).Name, Path: "/srv/" + name})
		}
		return api.VolumeCreateReq{Name: name, Subvols: []api.SubvolReq{sub}, Force: true}
	}
	made := func(p pool, name string) {
		p.t.Helper()
		_, err := p.rest(2).VolumeCreate(p.t.Context(), req(name))
		p.must(err)
	}
	started := func(p pool, name string) {
		p.t.Helper()
		made(p, name)
		_, err := p.rest(2).VolumeStart(p.t.Context(), name, api.VolumeStartReq{})
		p.must(err)
	}
	base := crashed{pool: p, world: pool.volumeWorld, clear: cleared}
	create, start, set, stop, remove := base, base, base, base, base
	start.alone, remove.alone = true, true
	create.what, create.after, create.prepare = "create", "Created, bricks 3, processes 0, cache ", func(pool, string) {}
	create.request = func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeCreate(ctx, req(name))
		return err
	}
	start.what, start.after, start.prepare = "start", "Started, bricks 3, processes 3, cache ", made
	start.request = func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeStart(ctx, name, api.VolumeStartReq{})
		return err
	}
	set.what, set.after, set.prepare = "set", "Started, bricks 3, processes 3, cache 64MB", started
	set.request = func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeSet(ctx, name, api.VolumeOptionReq{Options: map[string]string{"performance.cache-size": "64MB"}})
		return err
	}
	stop.what, stop.after, stop.prepare = "stop", "Stopped, bricks 3, processes 0, cache ", started
	stop.request = func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeStop(ctx, name, api.VolumeStopReq{})
		return err
	}
	remove.what, remove.after, remove.prepare = "delete", "absent, bricks 3, processes 0, cache ", made
	remove.request = func(ctx context.Context, c *client.Client, name string) error { return c.VolumeDelete(ctx, name) }
	return []crashed{create, start, set, stop, remove}
}

// volumeWorld describes a volume: its record as node2 and node3 have it, its brick folders with the mark of a volume, its brick
// processes, and the option that the test sets. The brick of a deleted volume keeps its mark, as glusterd leaves it.
func (p pool) volumeWorld(name string) string {
	p.t.Helper()
	state, cache := "", ""
	for _, n := range []int{2, 3} {
		v, err := p.rest(n).Volume(p.t.Context(), name)
		now := v.State
		if api.IsKind(err, api.NotFound) {
			now, err = "absent", nil
		}
		p.must(err)
		if state != "" && now != state {
			now = "different on node2 and node3"
		}
		state, cache = now, v.Options["performance.cache-size"]
	}
	bricks, processes := 0, 0
	for i := 1; i <= 3; i++ {
		_, err := unix.Getxattr(p.Peer(i).Path("/srv/"+name), "trusted.glusterfs.volume-id", make([]byte, 16))
		if err == nil {
			bricks++
		}
		processes += p.brickProcesses(i, name)
	}
	return fmt.Sprintf("%s, bricks %d, processes %d, cache %s", state, bricks, processes, cache)
}

// peerCrashes are the requests about peers: node4 is probed, and detached.
func (p pool) peerCrashes() []crashed {
	probe := func(ctx context.Context, c *client.Client, _ string) error {
		_, err := c.PeerAdd(ctx, api.PeerAddReq{Addresses: []string{"node4"}})
		return err
	}
	detach := func(ctx context.Context, c *client.Client, _ string) error {
		return c.PeerRemove(ctx, p.peerID(4), false)
	}
	outside := func(p pool, _ string) {
		p.t.Helper()
		if p.peerWorld("") == peerInside {
			p.must(detach(p.t.Context(), p.rest(2), ""))
		}
		p.eventually(30*time.Second, func(ctx context.Context) error {
			_, err := p.rest(4).Reset(ctx, api.PeerResetReq{})
			if api.IsKind(err, api.State) && strings.Contains(err.Error(), "alone") {
				return nil
			}
			return err
		})
	}
	inside := func(p pool, _ string) {
		p.t.Helper()
		if p.peerWorld("") != peerInside {
			outside(p, "")
			p.must(probe(p.t.Context(), p.rest(2), ""))
		}
	}
	nothing := func(pool, string) {}
	base := crashed{pool: p, world: func(p pool, _ string) string { return p.peerWorld("") }, clear: nothing}
	add, remove := base, base
	add.what, add.after, add.prepare, add.request = "probe", peerInside, outside, probe
	remove.what, remove.after, remove.prepare, remove.request = "detach", peerOutside, inside, detach
	return []crashed{add, remove}
}

// What peerWorld says.
const (
	peerInside  = "node2 and node3 have 4 peers, node4 works among them"
	peerOutside = "node2 and node3 have 3 peers, node4 does not work among them"
)

// peerWorld describes whether node4 is in the pool, as node2 and node3 say.
func (p pool) peerWorld(string) string {
	p.t.Helper()
	counts, works := []int{}, false
	for _, n := range []int{2, 3} {
		peers, err := p.rest(n).Peers(p.t.Context(), client.Filter{})
		p.must(err)
		counts = append(counts, len(peers))
		works = slices.ContainsFunc(peers, func(q api.Peer) bool { return q.Name == "node4" && q.Online })
	}
	if counts[0] != counts[1] {
		return fmt.Sprintf("node2 and node3 disagree: %v", counts)
	}
	verb := "works"
	if !works {
		verb = "does not work"
	}
	return fmt.Sprintf("node2 and node3 have %d peers, node4 %s among them", counts[0], verb)
}

// peerID is the id of a peer, as the peer itself says.
func (p pool) peerID(n int) string {
	p.t.Helper()
	c := p.rest(n)
	_, err := c.Version(p.t.Context())
	p.must(err)
	return c.PeerID()
}
