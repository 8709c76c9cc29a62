package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gd2/pkg/api"
)

const (
	// voters is the number of voters at every size: a pool of 100 would have five, which on one machine would take turns
	// at its processors. They are the first peers, hold the bricks too, and are in this process.
	voters = 3
	// idleTime is how long a pool at rest is watched.
	idleTime = 10 * time.Second
)

// bench measures one pool while it grows.
type bench struct {
	options
	pool   *pool
	others *bystanders
	report report
}

// grow brings peers into the pool, one after the other, and measures at the sizes that were asked for.
func (b *bench) grow(ctx context.Context) error {
	if err := b.start(ctx, 1); err != nil {
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

// start starts a daemon where it belongs.
func (b *bench) start(ctx context.Context, n int) error {
	start := b.others.start
	if n <= voters || b.size(n) > 0 {
		start = func(n int) error { return b.pool.run(ctx, n) }
	}
	if err := start(n); err != nil {
		return err
	}
	return b.pool.greet(ctx)
}

// size is the size of the pool at which the join of a peer counts, 0 for none: a join is measured as the median of five.
func (b *bench) size(n int) int {
	switch {
	case n == 2:
		return 2
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
	c := b.pool.clients[0]
	for i := range b.creates + 2 {
		name := fmt.Sprintf("v%d-%d", n, i)
		began := time.Now()
		if _, err := c.VolumeCreate(ctx, b.pool.volumeOnThree(name)); err != nil {
			return err
		}
		if i >= 2 { // the first ones open connections
			b.report.add(createAt(n), milliseconds(time.Since(began)))
		}
		if err := c.VolumeDelete(ctx, name); err != nil {
			return err
		}
	}
	if err := b.idle(ctx, n); err != nil {
		return err
	}
	return b.memory(n)
}

// idle measures what the members of the store send while nobody asks for anything.
func (b *bench) idle(ctx context.Context, n int) error {
	before, err := b.sent(ctx)
	if err != nil {
		return err
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := b.sent(ctx)
	if err != nil {
		return err
	}
	seconds := after.at.Sub(before.at).Seconds()
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

// memory notes what one daemon takes on average: the processes' resident memory and Go's live heap, divided.
func (b *bench) memory(n int) error {
	resident, heap, err := ownMemory()
	if err != nil {
		return err
	}
	more, moreHeap, err := b.others.memory()
	if err != nil {
		return err
	}
	b.report.add(residentAt(n), (resident+more)/float64(n))
	b.report.add(heapAt(n), (heap+moreHeap)/float64(n))
	return nil
}

// ownMemory is the resident memory and the live heap of this process, in MiB.
func ownMemory() (resident, heap float64, err error) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident, err = rss()
	return resident, float64(m.HeapAlloc) / (1 << 20), err
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
