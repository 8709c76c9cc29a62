package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"gd2/pkg/api"
)

const (
	// voters is the number of voters at every size: a pool of 100 would have five, which on one machine would take turns
	// at its processors. They are the first peers, hold the bricks too, and are in this process.
	voters = 3
	// idleTime is how long a pool at rest is watched.
	idleTime = 10 * time.Second
	// controls is the number of the first peer of the control pool; it is also that of their process.
	controls = 210
)

// bench measures one pool while it grows.
type bench struct {
	options
	pool *pool
	// control is a pool of three, which goes on beside the one that grows: what a create takes in both is compared at the
	// same time, whatever else the machine does.
	control *pool
	// others are the processes of the other daemons: of those whose join is measured, by the size, and under 0 of all others.
	others map[int]*bystanders
	// calm is the time of processors that a pool at rest uses, in milliseconds a second: the daemons that matter, all others.
	calm   [2]float64
	report report
}

// close ends the other processes.
func (b *bench) close() error {
	var errs []error
	if b.control != nil {
		for _, c := range b.control.clients {
			c.Close()
		}
	}
	for _, o := range b.others {
		errs = append(errs, o.close())
	}
	return errors.Join(errs...)
}

// grow brings peers into the pool, one after the other, and measures at the sizes that were asked for.
func (b *bench) grow(ctx context.Context) error {
	if err := errors.Join(b.start(ctx, 1), b.startControl(ctx)); err != nil {
		return err
	}
	for n := 2; n <= b.peers; n++ {
		if err := b.pool.settled(ctx); err != nil {
			return fmt.Errorf("before peer %d: %w", n, err)
		}
		if err := b.start(ctx, n); err != nil {
			return fmt.Errorf("peer %d: %w", n, err)
		}
		began := time.Now()
		if _, err := b.pool.clients[0].PeerAdd(ctx, api.PeerAddReq{Addresses: []string{ip(n)}}); err != nil {
			return fmt.Errorf("join of peer %d: %w", n, err)
		}
		took := time.Since(began)
		if size := b.size(n); size > 0 {
			b.report.add(joinOf(size), milliseconds(took))
			if err := b.stepBack(ctx, n); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "peer %3d joined in %v\n", n, took.Round(100*time.Microsecond))
		if n == 3 || n == 30 || n == b.peers {
			if err := b.at(ctx, n); err != nil {
				return fmt.Errorf("with %d peers: %w", n, err)
			}
		}
	}
	return nil
}

// startControl makes the pool of three, in a process of its own.
func (b *bench) startControl(ctx context.Context) error {
	process, err := newBystanders(b.pool.root)
	if err != nil {
		return err
	}
	b.others[controls] = process
	b.control = &pool{root: b.pool.root, first: controls}
	for n := controls; n < controls+voters; n++ {
		if err := errors.Join(process.start(n), b.control.greet(ctx)); err != nil {
			return err
		}
		if n == controls {
			continue
		}
		if _, err := b.control.clients[0].PeerAdd(ctx, api.PeerAddReq{Addresses: []string{ip(n)}}); err != nil {
			return err
		}
	}
	return b.control.settled(ctx)
}

// start starts a daemon where it belongs.
func (b *bench) start(ctx context.Context, n int) error {
	start := func(n int) error { return b.pool.run(ctx, n) }
	if n > voters {
		others, err := b.process(ctx, b.size(n))
		if err != nil {
			return err
		}
		start = others.start
	}
	if err := start(n); err != nil {
		return err
	}
	return b.pool.greet(ctx)
}

// process is the process of the daemons whose join counts for a size.
func (b *bench) process(ctx context.Context, size int) (*bystanders, error) {
	if o := b.others[size]; o != nil {
		return o, nil
	}
	o, err := newBystanders(b.pool.root)
	if err != nil {
		return nil, err
	}
	b.others[size] = o
	if size == 0 {
		return o, o.stepBack(ctx)
	}
	return o, nil
}

// stepBack makes bystanders of the daemons whose join was measured, with the last of them.
func (b *bench) stepBack(ctx context.Context, n int) error {
	if size := b.size(n); b.others[size] != nil && b.size(n+1) != size {
		return b.others[size].stepBack(ctx)
	}
	return nil
}

// size is the size of the pool at which the join of a peer counts, 0 for none: a join is measured as the median of five.
func (b *bench) size(n int) int {
	switch {
	case n == 2:
		return 2
	case n > b.peers:
		return 0
	case n > b.peers-5:
		return b.peers
	}
	for _, size := range []int{10, 50} {
		if n >= size-2 && n <= size+2 {
			return size
		}
	}
	return 0
}

// at measures what is measured of a pool of a size that has come to rest.
func (b *bench) at(ctx context.Context, n int) error {
	if err := b.pool.settled(ctx); err != nil {
		return err
	}
	if err := b.idle(ctx, n); err != nil {
		return err
	}
	var before cpu
	for i := range b.creates + warm {
		if i == warm {
			var err error
			if before, err = b.cpu(); err != nil {
				return err
			}
		}
		name := fmt.Sprintf("v%d-%d", n, i)
		small, err := b.create(ctx, b.control, name)
		if err != nil {
			return err
		}
		large, err := b.create(ctx, b.pool, name)
		if err != nil {
			return err
		}
		if i >= warm {
			b.report.add(controlAt(n), milliseconds(small))
			b.report.add(createAt(n), milliseconds(large))
		}
	}
	if err := b.used(ctx, n, before); err != nil {
		return err
	}
	return b.memory(n)
}

// create measures a create in a pool at rest, and deletes the volume.
func (b *bench) create(ctx context.Context, p *pool, name string) (time.Duration, error) {
	if err := b.rest(ctx); err != nil {
		return 0, err
	}
	c, began := p.clients[0], time.Now()
	if _, err := c.VolumeCreate(ctx, p.volumeOnThree(name)); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, c.VolumeDelete(ctx, name)
}

// warm is how many volumes are made before those that count: the first ones open connections.
const warm = 2

// cpu is the time of processors that was used by the daemons that matter, and by all others together.
type cpu struct {
	at          time.Time
	own, others time.Duration
}

// since is what was used since another reading, beyond what a pool at rest would have used.
func (c cpu) since(before cpu, calm [2]float64) (own, others float64) {
	seconds := c.at.Sub(before.at).Seconds()
	return milliseconds(c.own-before.own) - calm[0]*seconds, milliseconds(c.others-before.others) - calm[1]*seconds
}

func (b *bench) cpu() (c cpu, err error) {
	c.at, c.own = time.Now(), ownCPU()
	for number, o := range b.others {
		if number == controls {
			continue
		}
		used, err := o.cpu()
		if err != nil {
			return c, err
		}
		c.others += used
	}
	return c, nil
}

// rest waits, not for long, until the other daemons have done what the last change has given them to do: each create is
// measured in a pool at rest, with all the work that it makes itself.
func (b *bench) rest(ctx context.Context) error {
	const (
		look, patience = 10 * time.Millisecond, 50
		calm           = look / 2
	)
	last, err := b.cpu()
	for i, quiet := 0, 0; i < patience && quiet < 2 && err == nil; i++ {
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		var now cpu
		now, err = b.cpu()
		if quiet++; now.others-last.others > calm {
			quiet = 0
		}
		last = now
	}
	return err
}

// used notes the time of processors since before, for each volume that was made and deleted, of one daemon each.
func (b *bench) used(ctx context.Context, n int, before cpu) error {
	voting, err := b.cpu() // before the others are asked whether they have heard of everything, which the voters have to answer
	if err == nil {
		err = b.rest(ctx)
	}
	if err != nil {
		return err
	}
	after, err := b.cpu()
	if err != nil {
		return err
	}
	own, _ := voting.since(before, b.calm)
	b.report.add(cpuOfVoters(n), own/voters/float64(b.creates))
	if others := n - voters; others > 0 {
		_, used := after.since(before, b.calm)
		b.report.add(cpuOfOthers(n), used/float64(others)/float64(b.creates))
	}
	return errors.Join(b.pool.settled(ctx), b.pool.inStep(ctx))
}

// ownCPU is the time of processors that this process has used.
func ownCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// idle measures what the members of the store send while nobody asks for anything.
func (b *bench) idle(ctx context.Context, n int) error {
	before, err := b.sent(ctx)
	if err != nil {
		return err
	}
	calm, err := b.cpu()
	if err != nil {
		return err
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	end, err := b.cpu()
	if err != nil {
		return err
	}
	after, err := b.sent(ctx)
	if err != nil {
		return err
	}
	seconds := after.at.Sub(before.at).Seconds()
	b.calm[0], b.calm[1] = end.since(calm, [2]float64{})
	b.calm[0], b.calm[1] = b.calm[0]/seconds, b.calm[1]/seconds
	b.report.add(idleCPU(n), b.calm[0]/voters)
	b.report.add(idleClients(n), (after.clients-before.clients)/seconds/1024)
	b.report.add(idleMembers(n), (after.members-before.members)/seconds/1024)
	b.report.add(idleChanges(n), float64(after.revision-before.revision)/seconds)
	return nil
}

// traffic is what all members of the store together have sent and received, in bytes.
type traffic struct {
	at               time.Time
	clients, members float64
	revision         int64
}

// sent reads etcd's own counters: they are of the process, which here has all members.
func (b *bench) sent(ctx context.Context) (traffic, error) {
	st, err := b.pool.clients[0].Status(ctx)
	if err != nil {
		return traffic{}, err
	}
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		return traffic{}, err
	}
	t := traffic{at: time.Now(), revision: st.Store.Revision}
	for _, f := range families {
		sum := 0.0
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
		switch f.GetName() {
		case "etcd_network_client_grpc_received_bytes_total", "etcd_network_client_grpc_sent_bytes_total":
			t.clients += sum
		case "etcd_network_peer_sent_bytes_total":
			t.members += sum
		}
	}
	return t, nil
}

// memory is what a process takes of memory: resident, and Go's live heap, in MiB.
type memory struct{ resident, heap float64 }

// memory notes what one daemon takes on average: the sums over the processes, divided.
func (b *bench) memory(n int) error {
	sum, err := ownMemory()
	if err != nil {
		return err
	}
	for number, o := range b.others {
		if number == controls {
			continue
		}
		m, err := o.memory()
		if err != nil {
			return err
		}
		sum.resident, sum.heap = sum.resident+m.resident, sum.heap+m.heap
	}
	b.report.add(residentAt(n), sum.resident/float64(n))
	b.report.add(heapAt(n), sum.heap/float64(n))
	return nil
}

func ownMemory() (memory, error) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident, err := rss()
	return memory{resident, float64(m.HeapAlloc) / (1 << 20)}, err
}

// rss is the resident memory of this process in MiB.
func rss() (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024, err
		}
	}
	return math.NaN(), fmt.Errorf("no VmRSS in /proc/self/status")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
