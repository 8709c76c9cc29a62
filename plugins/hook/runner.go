package hook

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/runcmd"
)

// Operations that have hooks, by the names of their directories.
const (
	Create = "create"
	Start  = "start"
	Stop   = "stop"
	Set    = "set"
	Reset  = "reset"
	Delete = "delete"
)

// Event is a change of a volume that scripts are told of.
type Event struct {
	Operation string
	Volume    string
	// Options are those that were set or reset.
	Options map[string]string
	// First says, for start, that no other volume was started before; Last, for stop, that none is now.
	First, Last bool
}

// timeout bounds one script: glusterd's own scripts need seconds.
const timeout = 2 * time.Minute

// queue is how many events may wait for slow scripts before new ones are dropped.
const queue = 1024

// Runner runs scripts. Its zero value is not ready for use: see New.
type Runner struct {
	dir     string
	workDir string
	log     *logrus.Entry
	events  chan Event
}

// New returns a Runner of the scripts below dir. workDir is what scripts are told as the daemon's working directory.
func New(dir, workDir string, log *logrus.Entry) *Runner {
	return &Runner{dir: dir, workDir: workDir, log: log, events: make(chan Event, queue)}
}

// Notify has the scripts of an event run, after those of the events before it. It does not wait.
func (r *Runner) Notify(e Event) {
	select {
	case r.events <- e:
	default:
		r.log.WithField("volume", e.Volume).Errorf("the %s hooks are not run: %d events wait for slow scripts", e.Operation, queue)
	}
}

// Run runs scripts until the context ends.
func (r *Runner) Run(ctx context.Context) {
	for {
		select {
		case e := <-r.events:
			r.handle(ctx, e)
		case <-ctx.Done():
			return
		}
	}
}

func (r *Runner) handle(ctx context.Context, e Event) {
	for _, script := range r.scripts(e.Operation) {
		log := r.log.WithFields(logrus.Fields{"volume": e.Volume, "script": script})
		sctx, cancel := context.WithTimeout(ctx, timeout)
		_, err := runcmd.Run(sctx, runcmd.Command{Name: script, Args: r.args(e)})
		cancel()
		if err != nil {
			log.WithError(err).Warn("hook script failed")
			continue
		}
		log.Info("hook script ran")
	}
}

// scripts lists what is to run: executable files whose names begin with S. A directory that is not there has none.
func (r *Runner) scripts(operation string) []string {
	dir := filepath.Join(r.dir, operation, "post")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err == nil && strings.HasPrefix(e.Name(), "S") && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// args are those that glusterd gives to the scripts of an operation (glusterd-hooks.c of 10.3).
func (r *Runner) args(e Event) []string {
	args := []string{"--volname=" + e.Volume}
	yes := map[bool]string{true: "yes", false: "no"}
	switch e.Operation {
	case Start:
		args = append(args, "--first="+yes[e.First], "--version=1", "--volume-op=start", "--gd-workdir="+r.workDir)
	case Stop:
		args = append(args, "--last="+yes[e.Last])
	case Set, Reset:
		for _, k := range slices.Sorted(maps.Keys(e.Options)) {
			args = append(args, "-o", k+"="+e.Options[k])
		}
		args = append(args, "--gd-workdir="+r.workDir)
	}
	return args
}
