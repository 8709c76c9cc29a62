package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"gd2/glusterd2/config"
	"gd2/pkg/logging"
)

// glusterdName is the name under which this program takes glusterd's command line.
const glusterdName = "glusterd"

// glusterd is run for those who start the program as glusterd: it returns when the daemon serves in the background, or has failed.
func glusterd(args []string, stdout, stderr io.Writer) int {
	cfg, how, err := config.LoadGlusterd(args, os.Getenv)
	switch {
	case errors.Is(err, config.ErrHelp):
		fmt.Fprint(stdout, config.GlusterdUsage())
		return 0
	case errors.Is(err, config.ErrVersion):
		fmt.Fprint(stdout, glusterdVersion())
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "glusterd:", err)
		return 2
	}
	starter, waits, err := starterOf()
	switch {
	case err != nil:
	case !how.Foreground && !waits:
		return startInBackground(cfg.LogFile, args, stderr)
	default:
		err = serveAsGlusterd(cfg, how, starter.up)
	}
	if err != nil {
		fmt.Fprintln(stderr, "glusterd:", err)
		starter.failed(err)
		return 1
	}
	return 0
}

func serveAsGlusterd(cfg *config.Config, how config.Glusterd, up func()) error {
	if err := os.Chdir("/"); err != nil { // the folder that it was started in may be on a disk that is to be unmounted
		return err
	}
	log, err := openLog(cfg)
	if err != nil {
		return err
	}
	noteIgnored(log, how.Ignored)
	return logged(log, serve(*cfg, log, up))
}

func noteIgnored(log *logging.Log, options []string) {
	for _, o := range options {
		log.Entry("main").Warnf("--xlator-option %s means nothing to glusterd2 and is left out", o)
	}
}

// glusterdVersion begins with the version of GlusterFS, as scripts expect it: it is what decides which options there are.
func glusterdVersion() string {
	out, err := exec.Command("glusterfsd", "--version").Output() //nolint:noctx // it prints and ends
	first, _, _ := strings.Cut(string(out), "\n")
	if err != nil || first == "" {
		first = "glusterfs is not installed"
	}
	return first + "\nglusterd2 " + version + ", in the place of glusterd\n"
}
