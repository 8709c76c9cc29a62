package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"gd2/e2e/lab"
	"gd2/pkg/api"
	"gd2/pkg/client"
)

// TestProvisionCrash kills the daemon of each peer at each point of the creation, the growth and the deletion of a volume of a size, and
// around each program that makes bricks. Afterwards the hosts have what the store says, to the byte: no image, mount, brick or
// reservation is left behind or lost.
func TestProvisionCrash(t *testing.T) {
	t.Parallel()
	p := newCrashPool(t)
	for n := 1; n <= 3; n++ {
		p.must(os.Mkdir(p.Peer(n).Path("/srv/disk"), 0o755))
		p.cli("device", "add", p.Peer(n).Name, "/srv/disk", "--provisioner", "loop")
	}
	for n := 1; n <= 3; n++ {
		create, remove := p.sizedCrashes(n)
		if n == 2 {
			create.runs = []string{"mkfs.xfs", "mount"}
		}
		grow := p.growCrash(n)
		if n == 3 {
			grow.runs = []string{"losetup", "xfs_growfs"}
		}
		create.run(t)
		grow.run(t)
		remove.run(t)
	}
}

// newCrashPool is a pool of three voters whose daemons can be told where to die.
func newCrashPool(t *testing.T) pool {
	t.Helper()
	p := newLab(t, lab.Options{Peers: 3, Bin: failpointBin(t)})
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
	const size = 300 << 20
	make := func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeCreate(ctx, api.VolumeCreateReq{Name: name, SmartVolumeFields: api.SmartVolumeFields{Size: size, ReplicaCount: 3}})
		return err
	}
	drop := func(ctx context.Context, c *client.Client, name string) error { return c.VolumeDelete(ctx, name) }
	made := func(p pool, name string) {
		p.t.Helper()
		p.must(p.persistent(func() error { return make(p.t.Context(), p.rest(2), name) }))
	}
	dropped := func(p pool, name string) {
		p.t.Helper()
		err := p.persistent(func() error { return drop(p.t.Context(), p.rest(2), name) })
		if err != nil && !api.IsKind(err, api.NotFound) {
			p.t.Fatal(err)
		}
	}
	create = crashed{pool: p, victim: victim, world: pool.sizedWorld, clear: dropped}
	remove = create
	create.what, create.request, create.after = fmt.Sprintf("create-%d", victim), make, "Created, 300 MiB, as on record"
	create.prepare = func(pool, string) {}
	remove.what, remove.request, remove.after = fmt.Sprintf("delete-%d", victim), drop, "absent, as on record"
	remove.prepare = made
	return create, remove
}

// growCrash is the growth of a volume of a size, during which the daemon of a peer is killed.
func (p pool) growCrash(victim int) crashed {
	_, c := p.sizedCrashes(victim)
	c.what, c.after = fmt.Sprintf("grow-%d", victim), "Created, 340 MiB, as on record"
	c.request = func(ctx context.Context, c *client.Client, name string) error {
		_, err := c.VolumeExpand(ctx, name, api.VolumeExpandReq{Size: 40 << 20})
		return err
	}
	return c
}

// run makes a test of its own of the crashes of a request.
func (c crashed) run(t *testing.T) {
	t.Run(c.what, func(t *testing.T) {
		c.t = t
		c.sweep()
	})
}

// sizedWorld describes a volume of a size, and whether the hosts have what the store says.
func (p pool) sizedWorld(name string) string {
	p.t.Helper()
	v, err := p.rest(2).Volume(p.t.Context(), name)
	state := v.State
	if api.IsKind(err, api.NotFound) {
		state, err = "absent", nil
	}
	p.must(err)
	if state == "absent" && p.used() > 0 {
		return fmt.Sprintf("absent, but %d bytes of devices are taken", p.used())
	}
	if err := p.grounded(p.t.Context()); err != nil {
		return state + ", not as on record: " + err.Error()
	}
	if state == "absent" {
		return "absent, as on record"
	}
	return fmt.Sprintf("%s, %d MiB, as on record", state, v.Capacity>>20)
}
