// Command benchpool measures how the cost of a pool grows with its peers: how long a peer takes to join, how long a
// volume takes to be made that concerns three peers only, what a daemon needs of memory, and what the store sends when
// nothing happens. `make bench-pool` runs it, as root: brick folders get extended attributes of the trusted kind.
//
// The daemons are real, with stores, certificates and transactions between them, and live in a few processes: those that
// matter to what is measured, and the bystanders. Only the bricks are make-believe: they are folders, and no volume is
// started.
//
// All share one machine. What a hundred peers cost each for himself, and what the voters have to send to each of them, comes
// out of the same processors here as the volume that is made; so the report tells the time of processors, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// options are what the command line says.
type options struct {
	peers   int
	creates int
	json    string
	dir     string
	// bystanders is the folder of the pool, in the process that this program starts for those.
	bystanders string
}

func main() {
	var o options
	flag.IntVar(&o.peers, "peers", 100, "size of the pool in the end")
	flag.IntVar(&o.creates, "n", 20, "volumes made for each size of the pool")
	flag.StringVar(&o.json, "json", "", "file for the figures as JSON")
	// On one disk a hundred daemons would take turns, as no pool of hosts does.
	flag.StringVar(&o.dir, "dir", "/dev/shm", "folder for the daemons' files, best in memory")
	flag.StringVar(&o.bystanders, "bystanders", "", "for this program's own use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-pool:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.bystanders != "" {
		return stand(ctx, o.bystanders)
	}
	if o.peers < 5 || o.peers > 200 || o.creates < 1 {
		return fmt.Errorf("-peers %d -n %d: a pool of 5 to 200 peers, and at least one volume", o.peers, o.creates)
	}
	p, err := newPool(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	b := &bench{options: o, pool: p, others: map[int]*bystanders{}}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.grow(ctx); err != nil {
		return err
	}
	b.report.table(os.Stdout)
	if o.json != "" {
		return b.report.write(o.json)
	}
	return nil
}
