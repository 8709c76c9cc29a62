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

// Sizes of the pool at which something is measured. A join is measured as the median of the joins around the size.
const (
	joinAround = 2
	idleTime   = 10 * time.Second
)

// bench measures one pool while it grows.
type bench struct {
	options
	pool   *pool
	report report
}

// grow brings peers into the pool, one after the other, and measures at the sizes that were asked for.
func (b *bench) grow(ctx context.Context) error {
	if _, err := b.pool.start(ctx); err != nil {
		return err
	}
	for n := 2; n <= b.peers; n++ {
		if err := b.pool.settled(ctx); err != nil {
			return fmt.Errorf("before peer %d: %w", n, err)
		}
		d, err := b.pool.start(ctx)
		if err != nil {
			return fmt.Errorf("peer %d: %w", n, err)
		}
		began := time.Now()
		if _, err := b.pool.daemons[0].client.PeerAdd(ctx, api.PeerAddReq{Addresses: []string{d.ip}}); err != nil {
			return fmt.Errorf("join of peer %d: %w", n, err)
		}
		b.join(n, time.Since(began))
		fmt.Fprintf(os.Stderr, "peer %3d joined in %v\n", n, time.Since(began).Round(100*time.Microsecond))
		if n == 3 || n == 30 || n == b.peers {
			if err := b.at(ctx, n); err != nil {
				return fmt.Errorf("with %d peers: %w", n, err)
			}
		}
	}
	return nil
}

// join notes a join under the size that it is near to.
func (b *bench) join(n int, took time.Duration) {
	for _, size := range []int{10, 50, b.peers} {
		if n >= size-joinAround && n <= size+joinAround {
			b.report.add(joinOf(size), milliseconds(took))
			return
		}
	}
	if n == 2 {
		b.report.add(joinOf(2), milliseconds(took))
	}
}

// at measures what is measured of a pool of a size that has come to rest.
func (b *bench) at(ctx context.Context, n int) error {
	if err := b.pool.settled(ctx); err != nil {
		return err
	}
	c := b.pool.daemons[0].client
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
	st, err := b.pool.daemons[0].client.Status(ctx)
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

// memory notes what one daemon takes on average: the process's resident memory and Go's live heap, divided.
func (b *bench) memory(n int) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident, err := rss()
	if err != nil {
		return err
	}
	b.report.add(residentAt(n), resident/float64(n))
	b.report.add(heapAt(n), float64(m.HeapAlloc)/float64(n)/(1<<20))
	return nil
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
