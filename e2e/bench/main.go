// Command bench measures gd2 and the C glusterd on the same three peers, one after the other, each through its own
// command line, and prints for every operation the two medians and their ratio. `make bench` runs it, as root.
//
// Every figure is taken from outside: from before the command is started to when its effect is seen. What runs the
// command inside the peer costs a few milliseconds, the same for both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gd2/e2e/lab"
)

// options are what the command line says.
type options struct {
	runs    int
	started int // volumes that run while options are set
	volumes int // volumes at which memory and restart are measured
	json    string
	dir     string
	only    string
	// scale is how many volumes the scale bench makes, and glusterdTime how long glusterd may try; 0 runs the other bench.
	scale        int
	glusterdTime time.Duration
}

func main() {
	if code, first := lab.RunFirstProcess(); first {
		os.Exit(code)
	}
	var o options
	flag.IntVar(&o.runs, "n", 20, "how often each operation is measured")
	flag.IntVar(&o.started, "started", 50, "volumes that run while options are set")
	flag.IntVar(&o.volumes, "volumes", 100, "volumes at which memory and restart are measured")
	flag.StringVar(&o.json, "json", "", "file for the figures as JSON")
	flag.StringVar(&o.dir, "dir", "", "where the disks of the peers lie, /var/tmp unless set; in memory, such as in /dev/shm, the machine's disk plays no part")
	flag.StringVar(&o.only, "only", "", "measure gd2 or glusterd alone")
	flag.IntVar(&o.scale, "scale", 0, "make this many volumes on three peers with 16 clients, and nothing else")
	flag.DurationVar(&o.glusterdTime, "glusterd-time", 5*time.Minute, "how long glusterd may make volumes for -scale")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures both on one lab and reports.
func run(ctx context.Context, o options) (err error) {
	if o.scale > 0 {
		return benchScale(ctx, o)
	}
	if o.runs < 1 || o.started < 1 || o.volumes < o.started {
		return fmt.Errorf("-n %d, -started %d, -volumes %d: there must be at least one run and one started volume, "+
			"and no fewer volumes than started ones", o.runs, o.started, o.volumes)
	}
	l, err := lab.New(ctx, lab.Options{Peers: 3, Bin: "bin", Dir: o.dir, DiskMiB: 16 << 10, LogLevel: "info"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var r report
	for _, s := range []system{newGD2(l), newGlusterd(l)} {
		if o.only != "" && o.only != s.name() {
			continue
		}
		b := &bench{options: o, lab: l, system: s, report: &r}
		if err := b.all(ctx); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s.name(), err), keepLogs(l))
		}
	}
	r.print(os.Stdout)
	if o.json != "" {
		return r.write(o.json)
	}
	return nil
}

// keepLogs saves the logs of a run that failed.
func keepLogs(l *lab.Lab) error {
	dir, err := os.MkdirTemp("", "gd2-bench-logs-")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "the logs of the peers are kept in", dir)
	return l.SaveLogs(dir)
}
