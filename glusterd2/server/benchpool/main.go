// Command benchpool measures how the cost of a pool grows with its peers: how long a peer takes to join, how long a
// volume takes to be made that concerns three peers only, what a daemon needs of memory, and what the store sends when
// nothing happens. `make bench-pool` runs it, as root: brick folders get extended attributes of the trusted kind.
//
// All daemons live in one process, with real stores, certificates and transactions between them. Only the bricks are
// make-believe: they are folders, and no volume is started.
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
}

// errMissed says that a limit was not kept; the table shows which.
var errMissed = errors.New("a limit is not kept")

func main() {
	var o options
	flag.IntVar(&o.peers, "peers", 100, "size of the pool in the end")
	flag.IntVar(&o.creates, "n", 20, "volumes made for each size of the pool")
	flag.StringVar(&o.json, "json", "", "file for the figures as JSON")
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
	if o.peers < 5 || o.peers > 200 || o.creates < 1 {
		return fmt.Errorf("-peers %d -n %d: a pool of 5 to 200 peers, and at least one volume", o.peers, o.creates)
	}
	p, err := newPool()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	b := &bench{options: o, pool: p}
	if err := b.grow(ctx); err != nil {
		return err
	}
	b.report.table(os.Stdout)
	if o.json != "" {
		if err := b.report.write(o.json); err != nil {
			return err
		}
	}
	if b.report.missed() {
		return errMissed
	}
	return nil
}
