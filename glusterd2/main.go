// Command glusterd2 is the daemon of gd2: it runs on every peer of a trusted storage pool and manages its volumes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"gd2/glusterd2/config"
	"gd2/glusterd2/server"
	"gd2/pkg/logging"
	"gd2/plugins"
)

// version is set by the linker.
var version = "dev"

func main() {
	if filepath.Base(os.Args[0]) == glusterdName {
		os.Exit(glusterd(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// stopTimeout bounds an orderly stop.
const stopTimeout = 30 * time.Second

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "recover" {
		return recoverPool(args[1:], os.Stdin, stdout, stderr)
	}
	cfg, err := config.Load(args, os.Getenv)
	switch {
	case errors.Is(err, config.ErrHelp):
		fmt.Fprint(stdout, config.Usage())
		return 0
	case errors.Is(err, config.ErrVersion):
		fmt.Fprintln(stdout, "glusterd2", version)
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "glusterd2:", err)
		return 2
	}
	log, err := openLog(cfg)
	if err != nil {
		fmt.Fprintln(stderr, "glusterd2:", err)
		return 2
	}
	if err := logged(log, serve(*cfg, log, func() {})); err != nil {
		fmt.Fprintln(stderr, "glusterd2:", err)
		return 1
	}
	return 0
}

func openLog(cfg *config.Config) (*logging.Log, error) {
	return logging.Open(logging.Options{File: cfg.LogFile, Level: cfg.LogLevel, Format: cfg.LogFormat})
}

// logged notes the error with which the daemon has ended, and closes the log.
func logged(log *logging.Log, err error) error {
	if err != nil {
		log.Entry("main").Error(err)
	}
	return errors.Join(err, log.Close())
}

// serve runs the daemon until a signal ends it or a part of it fails. up is called once it answers requests, or has waited long
// enough for other peers.
func serve(cfg config.Config, log *logging.Log, up func()) (err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	pid, err := server.TakePIDFile(cfg.PIDFile)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := server.New(ctx, cfg, version, log, plugins.All()...)
	if err != nil {
		return errors.Join(err, pid.Release())
	}
	defer func() {
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
		ctx, cancel := context.WithTimeout(ctx, stopTimeout)
		defer cancel()
		err = errors.Join(err, s.Close(ctx), pid.Release())
	}()
	if err := s.Start(ctx); err != nil {
		return err
	}
	return follow(s, log, signals, up)
}

// upPatience is how long a daemon that waits for other peers lets whoever started it wait.
const upPatience = 10 * time.Second

// follow answers signals and keeps systemd informed.
func follow(s *server.Server, log *logging.Log, signals <-chan os.Signal, up func()) error {
	// The daemon serves its bricks before the pool has a quorum, so it is started now; the status line says the rest.
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS="+s.Waiting())
	ready, late := s.Serving(), time.After(upPatience)
	var watchdog <-chan time.Time
	if every, err := daemon.SdWatchdogEnabled(false); err == nil && every > 0 {
		ticker := time.NewTicker(every / 2)
		defer ticker.Stop()
		watchdog = ticker.C
	}
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				log.Entry("main").Infof("stopping on %s; bricks go on serving", sig)
				return nil
			}
			if err := log.Reopen(); err != nil {
				log.Entry("main").Errorf("the log cannot be reopened: %v", err)
			}
		case err := <-s.Failed():
			return err
		case <-late:
			late = nil
			up()
		case <-ready:
			ready = nil
			up()
			_, _ = daemon.SdNotify(false, "STATUS=serving")
		case <-watchdog:
			_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
		}
	}
}
