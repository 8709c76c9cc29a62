package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestProvisionCrash kills the daemon of each peer at points of all that makes, moves and removes bricks of a size, and around each
// program that does. Afterwards the hosts have what the store says, to the byte: no image, mount, brick, process or reservation is
// left behind or lost. A usual run has a sample of the points; with GD2_E2E_WHOLE they are all.
func TestProvisionCrash(t *testing.T) {
	t.Parallel()
	p := newCrashPool(t)
	for n := 1; n <= 3; n++ {
		p.must(os.Mkdir(p.Peer(n).Path("/srv/disk"), 0o755))
		p.cli("device", "add", p.Peer(n).Name, "/srv/disk", "--provisioner", "loop")
	}
	free := p.freeOfDisks()
	for n := 1; n <= 3; n++ {
		create, remove := p.sizedCrashes(n)
		if n == 2 {
			create.runs = []string{"mkfs.xfs", "mount"}
		}
		grow := p.growCrash(n)
		if n == 3 {
			grow.runs = []string{"losetup", "xfs_growfs"}
		}
		more := p.moreCrash(n)
		more.seldom = n > 1
		for _, c := range []crashed{create, grow, more, remove} {
			c.sampled = 2
			c.run(t)
		}
	}
	p.moveCrashes(t)
	p.filesCrashes(t)
	p.heketiCrashes(t)
	p.importCrashes(t)
	p.eventually(30*time.Second, func(context.Context) error {
		for i, now := range p.freeOfDisks() {
			if now+200<<20 < free[i] { // logs and stores grow; an image that is open still, though it has no name, is larger
				return fmt.Errorf("the disk of node%d has %d MiB free, and had %d", i+1, now>>20, free[i]>>20)
			}
		}
		return nil
	})
}

// freeOfDisks is what the filesystems below the devices have free, in bytes.
func (p pool) freeOfDisks() []uint64 {
	p.t.Helper()
	out := make([]uint64, 3)
	for i := range out {
		var st unix.Statfs_t
		p.must(unix.Statfs(p.Peer(i+1).Path("/srv/disk"), &st))
		out[i] = st.Bfree * uint64(st.Bsize)
	}
	return out
}

// newCrashPool is a pool of three voters whose daemons can be told where to die, and serve Heketi's API.
func newCrashPool(t *testing.T) pool {
	t.Helper()
	p := newLab(t, lab.Options{Peers: 3, Bin: failpointBin(t), Config: heketiConfig})
	p.startAll(3)
	for i := 2; i <= 3; i++ {
		p.cli("peer", "probe", p.Peer(i).Name)
	}
	p.waitOnline(3)
	p.waitVoters(3)
	return p
}

// sizedCrashes are the requests about a volume of a size, during which the daemon of a peer is killed.
func (p pool) sizedCrashes(victim int) (create, remove crashed) {
	create = crashed{pool: p, victim: victim, world: pool.sizedWorld, clear: pool.dropSized}
	remove = create
	create.what, create.request, create.after = fmt.Sprintf("create-%d", victim), createSized, "Created, 300 MiB, as on record"
	create.prepare = func(pool, string) {}
	remove.what, remove.after = fmt.Sprintf("delete-%d", victim), "absent, as on record"
	remove.prepare = pool.makeSized
	remove.request = func(ctx context.Context, c *client.Client, name string) error { return c.VolumeDelete(ctx, name) }
	return create, remove
}

// createSized makes a volume with a brick on each of the three peers.
func createSized(ctx context.Context, c *client.Client, name string) error {
	_, err := c.VolumeCreate(ctx, api.VolumeCreateReq{Name: name, SmartVolumeFields: api.SmartVolumeFields{Size: 300 << 20, ReplicaCount: 3}})
	return err
}

func (p pool) makeSized(name string) {
	p.t.Helper()
	p.must(p.persistent(func() error { return createSized(p.t.Context(), p.rest(2), name) }))
}

// dropSized deletes a volume that may be there, and may be started.
func (p pool) dropSized(name string) {
	p.t.Helper()
	err := p.persistent(func() error {
		c := p.rest(2)
		v, err := c.Volume(p.t.Context(), name)
		if err == nil && v.State == api.VolumeStarted {
			_, err = c.VolumeStop(p.t.Context(), name, api.VolumeStopReq{})
		}
		if err != nil {
			return err
		}
		return c.VolumeDelete(p.t.Context(), name)
	})
	if err != nil && !api.IsKind(err, api.NotFound) {
		p.t.Fatal(err)
	}
}

// growCrash is the growth of the bricks of a volume of a size, during which the daemon of a peer is killed.
func (p pool) growCrash(victim int) crashed {
	_, c := p.sizedCrashes(victim)
	c.what, c.after = fmt.Sprintf("grow-%d", victim), "Created, 340 MiB, as on record"
	c.request = expandSized(api.VolumeExpandReq{Size: 40 << 20})
	return c
}

// moreCrash is the growth of a volume of a size that serves, by another subvolume.
func (p pool) moreCrash(victim int) crashed {
	_, c := p.sizedCrashes(victim)
	c.what, c.after = fmt.Sprintf("more-%d", victim), "Started, 600 MiB, 6 bricks serve, as on record"
	c.prepare = func(p pool, name string) {
		p.t.Helper()
		p.makeSized(name)
		_, err := p.rest(2).VolumeStart(p.t.Context(), name, api.VolumeStartReq{})
		p.must(err)
	}
	c.request = expandSized(api.VolumeExpandReq{Size: 300 << 20, DistributeCount: 2})
	return c
}

func expandSized(req api.VolumeExpandReq) func(context.Context, *client.Client, string) error {
	return func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeExpand(ctx, name, req)
		return err
	}
}

// run makes a test of its own of the crashes of a request.
func (c crashed) run(t *testing.T) {
	if c.seldom && !whole() {
		return
	}
	t.Run(c.what, func(t *testing.T) {
		c.t = t
		c.sweep()
	})
}

// sizedWorld describes a volume of a size, and whether the hosts have what the store says. What cannot be told yet is no description.
func (p pool) sizedWorld(name string) string {
	p.t.Helper()
	v, err := p.rest(2).Volume(p.t.Context(), name)
	text := "absent"
	switch {
	case err == nil:
		text = fmt.Sprintf("%s, %d MiB", v.State, v.Capacity>>20)
	case !api.IsKind(err, api.NotFound):
		return err.Error()
	}
	if v.State == api.VolumeStarted {
		serve, err := p.serving(name)
		if err != nil {
			return err.Error()
		}
		text += fmt.Sprintf(", %d bricks serve", serve)
	}
	if err := p.grounded(p.t.Context()); err != nil {
		return text + ", not as on record: " + err.Error()
	}
	return text + ", as on record"
}

// serving counts the bricks of a volume that serve, as node2 knows.
func (p pool) serving(name string) (n int, err error) {
	p.t.Helper()
	bricks, err := p.rest(2).VolumeBricks(p.t.Context(), name)
	for _, b := range bricks {
		if b.Online {
			n++
		}
	}
	return n, err
}
