package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"gd2/e2e/lab"
)

// bench measures one system.
type bench struct {
	options
	lab    *lab.Lab
	system system
	report *report
}

// The operations, as the report names them, with the ratio gd2 ÷ glusterd that is aimed at; 0 means none.
const (
	opProbe   = "peer probe until both see each other"
	opCreate  = "volume create"
	opFirst   = "volume start until all bricks are online, the first volume"
	opStop    = "volume stop"
	opDelete  = "volume delete"
	opAnother = "volume start until all bricks are online, another volume runs"
	opSet     = "volume set"
	opGrow    = "volume add-brick, a subvolume of three bricks"
	opStatus  = "volume status, three peers"
	opHeal    = "volume heal info, nothing to heal"
	opEmpty   = "memory of the daemon (RSS), no volume"
	opFull    = "memory of the daemon (RSS), many volumes"
	opRestart = "daemon start until it answers, many volumes"
)

// patience is how long an effect may take to show.
const patience = 2 * time.Minute

func (b *bench) all(ctx context.Context) error {
	if err := b.daemons(ctx); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.probes, b.memory(opEmpty), b.volumesAlone, b.volumesBeside, b.sets, b.reads, b.grows, b.many} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.end(ctx)
}

// daemons starts the daemons, each in a pool of its own.
func (b *bench) daemons(ctx context.Context) error {
	for i := 1; i <= 3; i++ {
		if err := b.system.start(ctx, i); err != nil {
			return err
		}
	}
	for i := 1; i <= 3; i++ {
		if err := b.sees(ctx, i, 1); err != nil {
			return err
		}
	}
	return nil
}

// pool starts the daemons and joins them.
func (b *bench) pool(ctx context.Context) error {
	if err := b.daemons(ctx); err != nil {
		return err
	}
	for i := 2; i <= 3; i++ {
		err := b.tries(ctx, func() error { return b.do(ctx, "peer", "probe", fmt.Sprintf("node%d", i)) })
		if err != nil {
			return err
		}
	}
	for i := 1; i <= 3; i++ {
		if err := b.sees(ctx, i, 3); err != nil {
			return err
		}
	}
	return nil
}

// timed runs f and notes how long it took, in milliseconds.
func (b *bench) timed(op string, f func() error) error {
	began := time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	took := float64(time.Since(began).Microseconds()) / 1000
	b.report.add(b.system.name(), op, took)
	fmt.Fprintf(os.Stderr, "%-8s %10.1f ms  %s\n", b.system.name(), took, op)
	return nil
}

// do runs a command on node1 whose output nobody needs.
func (b *bench) do(ctx context.Context, args ...string) error {
	_, err := b.system.cli(ctx, 1, args...)
	return err
}

// sees waits until a peer sees n peers connected.
func (b *bench) sees(ctx context.Context, peer, n int) error {
	return lab.Eventually(ctx, patience, func(ctx context.Context) error {
		got, err := b.system.connected(ctx, peer)
		if err == nil && got != n {
			err = fmt.Errorf("node%d sees %d of %d peers", peer, got, n)
		}
		return err
	})
}

// probes brings node2 into the pool and takes it out again, as often as asked for; then all three form the pool.
func (b *bench) probes(ctx context.Context) error {
	for i := range b.runs {
		if i > 0 {
			if err := b.takeOut(ctx); err != nil {
				return err
			}
		}
		err := b.tries(ctx, func() error { return b.timed(opProbe, func() error { return b.probe(ctx) }) })
		if err != nil {
			return err
		}
	}
	err := b.tries(ctx, func() error { return b.do(ctx, "peer", "probe", "node3") })
	if err != nil {
		return err
	}
	for i := 1; i <= 3; i++ {
		if err := b.sees(ctx, i, 3); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) probe(ctx context.Context) error {
	if err := b.do(ctx, "peer", "probe", "node2"); err != nil {
		return err
	}
	if err := b.sees(ctx, 1, 2); err != nil {
		return err
	}
	return b.sees(ctx, 2, 2)
}

// tries repeats f until it succeeds: a daemon that has just been taken out of a pool may refuse for a moment. Refused
// tries do not count.
func (b *bench) tries(ctx context.Context, f func() error) error {
	return lab.Eventually(ctx, patience, func(context.Context) error { return f() })
}

func (b *bench) takeOut(ctx context.Context) error {
	if err := b.system.detach(ctx); err != nil {
		return err
	}
	if err := b.sees(ctx, 1, 1); err != nil {
		return err
	}
	return b.sees(ctx, 2, 1)
}

func (b *bench) create(ctx context.Context, volume string) error {
	args := []string{"volume", "create", volume, "replica", "3"}
	for _, p := range b.lab.Peers() {
		args = append(args, fmt.Sprintf("%s:/srv/%s-%s", p.Name, b.system.name(), volume))
	}
	return b.do(ctx, args...)
}

// startOnline starts a volume and waits until its three bricks are online.
func (b *bench) startOnline(ctx context.Context, volume string) error {
	if err := b.do(ctx, "volume", "start", volume); err != nil {
		return err
	}
	return lab.Eventually(ctx, patience, func(ctx context.Context) error {
		n, err := b.system.online(ctx, volume)
		if err == nil && n != 3 {
			err = fmt.Errorf("%d of 3 bricks are online", n)
		}
		return err
	})
}

// volumesAlone measures the life of the only volume: its start also starts the self-heal daemons.
func (b *bench) volumesAlone(ctx context.Context) error {
	for i := range b.runs {
		v := fmt.Sprintf("alone%d", i)
		for _, step := range []struct {
			op string
			do func() error
		}{
			{opCreate, func() error { return b.create(ctx, v) }},
			{opFirst, func() error { return b.startOnline(ctx, v) }},
			{opStop, func() error { return b.do(ctx, "volume", "stop", v) }},
			{opDelete, func() error { return b.do(ctx, "volume", "delete", v) }},
		} {
			if err := b.timed(step.op, step.do); err != nil {
				return err
			}
		}
	}
	return b.commits(ctx)
}

// volumesBeside measures the start of volumes while others run, and leaves them running for what follows.
func (b *bench) volumesBeside(ctx context.Context) error {
	for i := range b.started {
		v := fmt.Sprintf("v%d", i)
		if err := b.create(ctx, v); err != nil {
			return err
		}
		start := func() error { return b.startOnline(ctx, v) }
		if i == 0 || i > b.runs {
			if err := start(); err != nil {
				return err
			}
			continue
		}
		if err := b.timed(opAnother, start); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sets(ctx context.Context) error {
	for i := range b.runs {
		value := fmt.Sprintf("%dMB", 40+i)
		if err := b.timed(opSet, func() error { return b.do(ctx, "volume", "set", "v0", "performance.cache-size", value) }); err != nil {
			return err
		}
	}
	return nil
}

// grows adds a subvolume to running volumes, one to each, when what the last one has begun is over: for some moments after its end the new
// bricks and the self-heal daemons, which take them in, need both of two processors.
func (b *bench) grows(ctx context.Context) error {
	for i := range min(b.runs, b.started) {
		v := fmt.Sprintf("v%d", i)
		args := []string{"volume", "add-brick", v}
		for _, p := range b.lab.Peers() {
			args = append(args, fmt.Sprintf("%s:/srv/%s-%s-more", p.Name, b.system.name(), v))
		}
		if err := settle(ctx, b.lab); err != nil {
			return err
		}
		if err := b.timed(opGrow, func() error { return b.do(ctx, args...) }); err != nil {
			return err
		}
	}
	return nil
}

// reads asks a running volume how it does.
func (b *bench) reads(ctx context.Context) error {
	for range b.runs {
		for _, step := range []struct {
			op    string
			words []string
			want  int // lines of the answer, one of each brick, say so
			says  string
		}{
			{opStatus, []string{"volume", "status", "v0"}, 3, "Brick node"},
			{opHeal, []string{"volume", "heal", "v0", "info"}, 3, "Number of entries: 0"},
		} {
			err := b.timed(step.op, func() error {
				out, err := b.system.cli(ctx, 1, step.words...)
				if n := strings.Count(out, step.says); err == nil && n != step.want {
					err = fmt.Errorf("%d lines say %q: %s", n, step.says, out)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// many adds volumes that do not run, and measures the daemon of node1 with all of them.
func (b *bench) many(ctx context.Context) error {
	for i := b.started; i < b.volumes; i++ {
		if err := b.create(ctx, fmt.Sprintf("v%d", i)); err != nil {
			return err
		}
	}
	if err := b.memory(opFull)(ctx); err != nil {
		return err
	}
	for range min(b.runs, 5) {
		if err := b.system.stop(ctx, 1); err != nil {
			return err
		}
		err := b.timed(opRestart, func() error {
			if err := b.system.start(ctx, 1); err != nil {
				return err
			}
			return lab.Eventually(ctx, patience, func(ctx context.Context) error {
				out, err := b.system.cli(ctx, 1, "volume", "list")
				if err == nil && !strings.Contains(out, "v0") {
					err = fmt.Errorf("no volume is listed: %s", out)
				}
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return b.sees(ctx, 1, 3)
}

// memory notes the resident memory of node1's daemon, in MiB.
func (b *bench) memory(op string) func(context.Context) error {
	return func(ctx context.Context) error {
		pid, err := os.ReadFile(b.lab.Peer(1).Path(b.system.pidFile()))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(b.lab.Peer(1).Path("/proc/" + strings.TrimSpace(string(pid)) + "/status"))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
				b.report.add(b.system.name(), op, kib/1024)
				return err
			}
		}
		return fmt.Errorf("no VmRSS in the status of process %s", pid)
	}
}

// commits counts the revisions of gd2's store that one volume create makes: one for each raft commit.
func (b *bench) commits(ctx context.Context) error {
	if _, ok := b.system.(gd2); !ok {
		return nil
	}
	c, err := b.lab.Peer(1).Client()
	if err != nil {
		return err
	}
	defer c.Close()
	before, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if err := b.create(ctx, "counted"); err != nil {
		return err
	}
	after, err := c.Status(ctx)
	if err != nil {
		return err
	}
	b.report.commits = after.Store.Revision - before.Store.Revision
	return b.do(ctx, "volume", "delete", "counted")
}

// end stops the volumes and the daemons, so that the next system has the machine to itself.
func (b *bench) end(ctx context.Context) error {
	for i := range b.started {
		if err := b.do(ctx, "volume", "stop", fmt.Sprintf("v%d", i)); err != nil {
			return err
		}
	}
	for i := 1; i <= 3; i++ {
		if err := b.system.stop(ctx, i); err != nil {
			return err
		}
	}
	return nil
}
