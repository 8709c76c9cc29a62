package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gd2/e2e/lab"
	"gd2/pkg/api"
)

const (
	volume     = "gv0"
	mountPoint = "/mnt/" + volume
	brickPath  = "/srv/" + volume
)

// patience is how long the demo waits for what should take a second or two.
const patience = time.Minute

func (d *demo) daemons(ctx context.Context) error {
	d.title("A daemon on every peer")
	for _, p := range d.lab.Peers() {
		fmt.Fprintf(d.out, "%s# systemctl start glusterd2    (here: glusterd2 &)\n", p.Name)
		if err := p.Start(ctx); err != nil {
			return err
		}
	}
	return d.do(ctx, 1, "glustercli version")
}

func (d *demo) peers(ctx context.Context) error {
	d.title("One trusted pool: the peers know each other by the pool-secret in their configuration")
	if err := d.all(ctx, 1, "glustercli peer probe node2", "glustercli peer probe node3"); err != nil {
		return err
	}
	if err := d.until(ctx, func(s api.PoolStatus) error {
		if len(s.Peers) != 3 || !s.Healthy {
			return fmt.Errorf("%d peers, %v", len(s.Peers), s.Warnings)
		}
		return nil
	}); err != nil {
		return err
	}
	return d.do(ctx, 2, "glustercli peer list")
}

func (d *demo) volume(ctx context.Context) error {
	d.title("A volume that keeps three copies of every file")
	return d.all(ctx, 1,
		fmt.Sprintf("glustercli volume create %s replica 3 node1:%s node2:%s node3:%s", volume, brickPath, brickPath, brickPath),
		"glustercli volume start "+volume,
		"glustercli volume info "+volume)
}

func (d *demo) mount(ctx context.Context) error {
	d.title("Mounted by FUSE and written to")
	return d.all(ctx, 1,
		"mkdir -p "+mountPoint+" && mount -t glusterfs node1:/"+volume+" "+mountPoint,
		"for i in {1..50}; do echo \"this is file $i\" > "+mountPoint+"/file$i; done; ls "+mountPoint+" | wc -l",
		"df -h "+mountPoint)
}

func (d *demo) crash(ctx context.Context) error {
	d.title("The brick of node2 dies, and the client goes on writing")
	before, err := d.brick(ctx)
	if err != nil {
		return err
	}
	if err := d.do(ctx, 2, fmt.Sprintf("kill -9 %d    # the brick's process", before.Pid)); err != nil {
		return err
	}
	if err := d.do(ctx, 1, "for i in {51..100}; do echo \"this is file $i\" > "+mountPoint+"/file$i; done; ls "+mountPoint+" | wc -l"); err != nil {
		return err
	}
	began := time.Now()
	err = lab.Eventually(ctx, patience, func(ctx context.Context) error {
		now, err := d.brick(ctx)
		if err == nil && (!now.Online || now.Pid == before.Pid) {
			err = errors.New("the brick is not back")
		}
		return err
	})
	if err != nil {
		return err
	}
	d.say("the daemon of node2 has started the brick again (seen after another %v):", time.Since(began).Round(time.Millisecond))
	return d.do(ctx, 1, "glustercli volume status "+volume)
}

// brick is the state of node2's brick.
func (d *demo) brick(ctx context.Context) (api.BrickStatus, error) {
	c, err := d.lab.Peer(1).Client()
	if err != nil {
		return api.BrickStatus{}, err
	}
	defer c.Close()
	s, err := c.VolumeStatus(ctx, volume)
	if err != nil {
		return api.BrickStatus{}, err
	}
	for _, b := range s.Bricks {
		if b.Info.Hostname == "node2" {
			return b, nil
		}
	}
	return api.BrickStatus{}, errors.New("the volume has no brick on node2")
}

// digest is one number for the names and contents of all files of a folder.
const digest = "find . -name .glusterfs -prune -o -type f -print | sort | xargs sha256sum | sha256sum"

func (d *demo) heal(ctx context.Context) error {
	d.title("What the brick missed is healed: the three bricks hold the same files")
	sums := func(ctx context.Context) ([]string, error) {
		var out []string
		for _, p := range d.lab.Peers() {
			sum, err := p.Run(ctx, "bash", "-c", "cd "+brickPath+" && "+digest)
			if err != nil {
				return nil, err
			}
			out = append(out, sum)
		}
		return out, nil
	}
	began := time.Now()
	err := lab.Eventually(ctx, patience, func(ctx context.Context) error {
		got, err := sums(ctx)
		if err == nil && (got[0] != got[1] || got[0] != got[2]) {
			err = fmt.Errorf("the bricks differ: %s", strings.Join(got, " "))
		}
		return err
	})
	if err != nil {
		return err
	}
	d.say("the same after %v", time.Since(began).Round(time.Millisecond))
	for n := 1; n <= 3; n++ {
		if err := d.do(ctx, n, "cd "+brickPath+" && ls | wc -l && "+digest); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) status(ctx context.Context) error {
	d.title("Is it healthy?")
	healthy := func(s api.PoolStatus) error {
		if !s.Healthy {
			return fmt.Errorf("not healthy: %s", indent(strings.Join(s.Warnings, "\n")))
		}
		return nil
	}
	if err := d.until(ctx, healthy); err != nil {
		return err
	}
	return d.do(ctx, 3, "glustercli status")
}

// until waits until node1's report of the pool is as wanted.
func (d *demo) until(ctx context.Context, check func(api.PoolStatus) error) error {
	c, err := d.lab.Peer(1).Client()
	if err != nil {
		return err
	}
	defer c.Close()
	return lab.Eventually(ctx, patience, func(ctx context.Context) error {
		s, err := c.Status(ctx)
		if err != nil {
			return err
		}
		return check(s)
	})
}
