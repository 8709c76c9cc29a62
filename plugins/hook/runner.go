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
	// AddBrick and RemoveBrick: a volume has got bricks, or has lost some.
	AddBrick    = "add-brick"
	RemoveBrick = "remove-brick"
)

// All is what scripts are told in place of a volume's name of options that hold for all volumes.
const All = "all"

// Phases of an event: scripts that run before the change, and after it.
const (
	phasePre  = "pre"
	phasePost = "post"
)

// Event is a change of a volume that scripts are told of.
type Event struct {
	Operation string `json:"operation"`
	Volume    string `json:"volume"`
	// Options are those that were set.
	Options map[string]string `json:"options,omitempty"`
	// First says, for start, that no other volume was started before; Last, for stop, that none is now.
	First bool `json:"first,omitempty"`
	Last  bool `json:"last,omitempty"`
	// Transaction is the change, whose log gets what the scripts write; "" if it is not known.
	Transaction string `json:"-"`
}

// timeout bounds one script: glusterd's own scripts need seconds.
const timeout = 2 * time.Minute

// queue is how many events may wait for slow scripts before new ones are dropped.
const queue = 1024

// Runner runs scripts. Its zero value is not ready for use: see NewRunner.
type Runner struct {
	dir    string
	shown  func(ctx context.Context)
	log    *logrus.Entry
	events chan Event
}

// NewRunner returns a Runner of the scripts below dir. Scripts are told the directory above it as the working directory of
// the daemon, for that is where glusterd's scripts look for each other. shown waits until the files there tell of what has changed.
func NewRunner(dir string, shown func(ctx context.Context), log *logrus.Entry) *Runner {
	return &Runner{dir: dir, shown: shown, log: log, events: make(chan Event, queue)}
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
			r.shown(ctx)
			r.handle(ctx, e, phasePost)
		case <-ctx.Done():
			return
		}
	}
}

// handle runs the scripts of one phase of an event and logs what they write.
func (r *Runner) handle(ctx context.Context, e Event, phase string) {
	for _, script := range r.scripts(e.Operation, phase) {
		log := r.log.WithFields(logrus.Fields{"volume": e.Volume, "script": script, "step": "hooks-" + phase})
		if e.Transaction != "" {
			log = log.WithField("transaction", e.Transaction)
		}
		began := time.Now()
		sctx, cancel := context.WithTimeout(ctx, timeout)
		res, err := runcmd.Run(sctx, runcmd.Command{Name: script, Args: r.args(e), Env: r.env(), Dir: "/"})
		cancel()
		name := e.Operation + "/" + phase + "/" + filepath.Base(script)
		for _, line := range output(res) {
			log.Infof("%s: %s", name, line)
		}
		log = log.WithField("took", time.Since(began).Round(time.Millisecond))
		if err != nil {
			log.WithError(err).Warnf("hook script %s failed", name)
			continue
		}
		log.Infof("hook script %s ran", name)
	}
}

// maxOutput is how many lines of a script's output are logged, the last ones.
const maxOutput = 20

// output is the last lines that a script has written.
func output(res runcmd.Result) []string {
	lines := strings.FieldsFunc(string(res.Stdout)+"\n"+string(res.Stderr), func(c rune) bool { return c == '\n' || c == '\r' })
	return lines[max(0, len(lines)-maxOutput):]
}

// hooksVersion is the folder in which glusterd keeps its hooks.
const hooksVersion = "1"

// scripts lists what is to run, by name: executable files whose names begin with S, in glusterd's folder of the event and in
// glusterd2's. A folder that is not there has none.
func (r *Runner) scripts(operation, phase string) []string {
	var out []string
	for _, dir := range []string{filepath.Join(r.dir, hooksVersion, operation, phase), filepath.Join(r.dir, operation, phase)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			info, err := os.Stat(filepath.Join(dir, e.Name()))
			if err == nil && strings.HasPrefix(e.Name(), "S") && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				out = append(out, filepath.Join(dir, e.Name()))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	return out
}

// env is what glusterd adds to the environment of scripts.
func (r *Runner) env() []string {
	return []string{"GLUSTERD_WORKDIR=" + filepath.Dir(r.dir), "_GLUSTERD_CALLED_=1"}
}

// args are those that glusterd gives to the scripts of an operation (glusterd-hooks.c of 10.3).
func (r *Runner) args(e Event) []string {
	args := []string{"--volname=" + e.Volume}
	yes := map[bool]string{true: "yes", false: "no"}
	workDir := "--gd-workdir=" + filepath.Dir(r.dir)
	switch e.Operation {
	case Start:
		args = append(args, "--first="+yes[e.First], "--version="+hooksVersion, "--volume-op="+e.Operation, workDir)
	case Stop:
		args = append(args, "--last="+yes[e.Last])
	case AddBrick, Reset:
		args = append(args, "--version="+hooksVersion, "--volume-op="+e.Operation, workDir)
	case Set:
		// glusterd writes -o once, and all options after it: scripts that read their arguments in a loop, as those of the packages do,
		// then see the first only.
		for _, k := range slices.Sorted(maps.Keys(e.Options)) {
			args = append(args, "-o", k+"="+e.Options[k])
		}
		args = append(args, workDir)
	}
	return args
}
