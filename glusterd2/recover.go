package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"gd2/glusterd2/config"
	"gd2/glusterd2/server"
	"gd2/pkg/logging"
)

const recoverUsage = `glusterd2 recover brings back a pool that has lost its store, or this peer into its pool. The daemon must not run.

Usage: glusterd2 recover --from FILE | --force-new-pool | --rejoin HOST[:PORT] [--dry-run] [--yes] [flags of the daemon]

`

// recoverFlags are the flags of the command.
type recoverFlags struct {
	server.Recovery
	yes bool
}

func (f *recoverFlags) set() *pflag.FlagSet {
	set := pflag.NewFlagSet("recover", pflag.ContinueOnError)
	set.SortFlags = false
	set.StringVar(&f.From, "from", "", "bring the pool back from this backup")
	set.BoolVar(&f.ForceNewPool, "force-new-pool", false, "bring the pool back from what this peer has")
	set.StringVar(&f.Rejoin, "rejoin", "", "enter the pool again that was brought back on this host")
	set.StringVar(&f.As, "as", "", "with --from: the id or name of the peer that this host takes the place of")
	set.BoolVar(&f.DryRun, "dry-run", false, "say what would be done and lost, and change nothing")
	set.BoolVarP(&f.yes, "yes", "y", false, "do not ask for confirmation")
	return set
}

// check refuses flags that contradict each other.
func (f *recoverFlags) check() error {
	n := 0
	for _, given := range []bool{f.From != "", f.ForceNewPool, f.Rejoin != ""} {
		if given {
			n++
		}
	}
	if n != 1 {
		return errors.New("give one of --from FILE, --force-new-pool and --rejoin HOST")
	}
	if f.As != "" && f.From == "" {
		return errors.New("--as goes with --from")
	}
	return nil
}

// recoverPool is the command "recover".
func recoverPool(args []string, in io.Reader, stdout, stderr io.Writer) int {
	var f recoverFlags
	set := f.set()
	cfg, err := config.LoadWith(set, args, os.Getenv)
	switch {
	case errors.Is(err, config.ErrHelp):
		fmt.Fprint(stdout, recoverUsage, set.FlagUsages())
		return 0
	case err == nil:
		err = f.check()
	}
	if err != nil {
		fmt.Fprintln(stderr, "glusterd2 recover:", err)
		return 2
	}
	f.Confirm = func(plan string) error { return f.confirm(plan, in, stdout) }
	if err := f.run(cfg); err != nil {
		fmt.Fprintln(stderr, "glusterd2 recover:", err)
		return 1
	}
	switch {
	case f.DryRun:
		fmt.Fprintln(stdout, "Nothing was changed.")
	case f.Rejoin != "":
		fmt.Fprintln(stdout, "This peer is in its pool again: start glusterd2.")
	default:
		fmt.Fprintln(stdout, "The pool is back. Start glusterd2 here. Peers that still have their records find the way by themselves;\non those that have lost them run: glusterd2 recover --rejoin HOST, where HOST is this peer.")
	}
	return 0
}

func (f *recoverFlags) run(cfg *config.Config) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log, err := logging.Open(logging.Options{File: "STDERR", Level: "warning", Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	pid, err := server.TakePIDFile(cfg.PIDFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pid.Release()) }()
	return server.Recover(ctx, *cfg, version, log, f.Recovery)
}

// confirm shows the plan and asks, unless that was settled before.
func (f *recoverFlags) confirm(plan string, in io.Reader, out io.Writer) error {
	fmt.Fprint(out, plan)
	if f.yes || f.DryRun {
		return nil
	}
	fmt.Fprint(out, "Continue? (y/n) ")
	line, err := bufio.NewReader(in).ReadString('\n')
	if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
		return nil
	}
	if err != nil {
		return errors.New("nobody answered; --yes answers for you. Nothing was changed")
	}
	return errors.New("not confirmed; nothing was changed")
}
