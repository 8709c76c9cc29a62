package main

import (
	"cmp"
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gd2/e2e/lab"
)

const (
	// settleEach is how long the use of CPU is looked at, settleMost how often.
	settleEach, settleMost = 2 * time.Second, 30
	// settled is the part of the use of CPU before that is no less any more.
	settled = 0.8
)

// settle waits until the processes of the lab use as much CPU as they do at rest: what was begun in the background has ended when
// the use falls no further.
func settle(ctx context.Context, l *lab.Lab) error {
	before, last := ticks(l, ""), math.Inf(1)
	for range settleMost {
		select {
		case <-time.After(settleEach):
		case <-ctx.Done():
			return ctx.Err()
		}
		now := ticks(l, "")
		used := now - before
		if used >= settled*last {
			return nil
		}
		before, last = now, used
	}
	return nil
}

// tick is a clock tick of proc(5) in milliseconds, the same on every Linux.
const tick = 10

// ticks is the CPU time, in clock ticks, that the processes of the lab of a name have used, or all of them. Of one that has ended nothing is known.
func ticks(l *lab.Lab, name string) (sum float64) {
	for _, p := range l.Peers() {
		stats, _ := filepath.Glob(p.Path("/proc/[0-9]*/stat")) // the pattern is well formed
		for _, file := range stats {
			text, _ := os.ReadFile(file)
			head, rest, _ := strings.Cut(string(text), ") ")
			if name != "" && !strings.HasSuffix(head, "("+name) {
				continue
			}
			if fields := strings.Fields(rest); len(fields) > 12 { // utime and stime, the 14th and 15th of proc(5)
				user, _ := strconv.ParseFloat(fields[11], 64)
				system, _ := strconv.ParseFloat(fields[12], 64)
				sum += user + system
			}
		}
	}
	return sum
}

// processes adds up the memory, in MiB, and the threads of the processes of a name on a peer.
func processes(p *lab.Peer, name string) (count int, mib float64, threads int, err error) {
	entries, err := os.ReadDir(p.Path("/proc"))
	if err != nil {
		return 0, 0, 0, err
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		text, err := os.ReadFile(p.Path(filepath.Join("/proc", e.Name(), "status")))
		if err != nil {
			continue // it has ended
		}
		values := map[string]string{}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(line, ":")
			values[key] = strings.TrimSpace(value)
		}
		if values["Name"] != name {
			continue
		}
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(cmp.Or(values["VmRSS"], "0 kB"), " kB"), 64)
		n, _ := strconv.Atoi(values["Threads"])
		count, mib, threads = count+1, mib+kib/1024, threads+n
	}
	return count, mib, threads, nil
}
