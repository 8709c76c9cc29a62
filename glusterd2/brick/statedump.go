package brick

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gd2/glusterd2/process"
	"gd2/pkg/api"
)

// DumpDir is where processes of GlusterFS look for what a dump shall hold, and write dumps unless they are told otherwise:
// it is built into them.
const DumpDir = "/var/run/gluster"

const (
	// dumpTimeout bounds the wait for one dump: one of a brick with millions of inodes in memory is long.
	dumpTimeout = time.Minute
	// signalPoll is how often is looked for what a process does when it gets a signal.
	signalPoll = 20 * time.Millisecond
)

// Dumper has processes of this host write their inner state to files. They take turns.
type Dumper struct {
	dir  string
	turn chan struct{}
}

// NewDumper returns a Dumper for processes that look in dir for what a dump shall hold, which is DumpDir.
func NewDumper(dir string) *Dumper { return &Dumper{dir: dir, turn: make(chan struct{}, 1)} }

// Dump has a process write the parts of its state that are named, as GlusterFS calls them, such as mem, to a new file in
// dir, and returns the file's path when it is complete. An empty dir is that of the Dumper.
func (d *Dumper) Dump(ctx context.Context, r Reach, dir string, parts []string) (string, error) {
	if dir == "" {
		dir = d.dir
	}
	if !filepath.IsAbs(dir) || len(dir) > 200 || strings.ContainsFunc(dir, func(c rune) bool { return c <= ' ' || c == '=' }) {
		return "", api.Errorf(api.Invalid, "GlusterFS cannot write dumps to %.300q: it takes an absolute path of up to 200 bytes without spaces and =", dir)
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return "", api.Errorf(api.Timeout, "other processes still write their dumps: %v", ctx.Err())
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", api.Errorf(api.Internal, "make a place for the dump: %v", err)
	}
	p, err := r.open()
	if err != nil {
		return "", err
	}
	defer p.Close() //nolint:errcheck // only the watch ends
	return d.dump(ctx, p, dir, parts)
}

// dump writes the file of options as glusterd does, and waits for the dump: the process renames it when it is complete.
func (d *Dumper) dump(ctx context.Context, p *process.Process, dir string, parts []string) (string, error) {
	options := filepath.Join(d.dir, fmt.Sprintf("glusterdump.%d.options", p.Pid()))
	text := "path=" + dir + "\n"
	for _, part := range parts {
		text += part + "=yes\n"
	}
	before, err := dumps(dir, p.Pid())
	if err == nil {
		err = os.WriteFile(options, []byte(text), 0o600)
	}
	if err != nil {
		return "", api.Errorf(api.Internal, "prepare the dump: %v", err)
	}
	defer os.Remove(options) //nolint:errcheck // the next dump of a process of this pid writes it anew
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		return "", api.Errorf(api.Unavailable, "ask process %d for a dump: %v", p.Pid(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, dumpTimeout)
	defer cancel()
	var found string
	err = until(ctx, p, func() (bool, error) {
		after, err := dumps(dir, p.Pid())
		for path, file := range after {
			if old, ok := before[path]; !ok || !os.SameFile(old, file) {
				found = path
			}
		}
		return found != "", err
	})
	if err != nil {
		return "", api.Errorf(api.AsError(err).Kind, "process %d wrote no dump to %s; a file %s would tell it otherwise: %v", p.Pid(), dir,
			filepath.Join(d.dir, "glusterdump.options"), err)
	}
	return found, nil
}

// dumps lists the dumps of a process by path: NAME.PID.dump.TIME.
func dumps(dir string, pid int) (map[string]os.FileInfo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := map[string]os.FileInfo{}
	for _, e := range entries {
		if !strings.Contains(e.Name(), fmt.Sprintf(".%d.dump.", pid)) {
			continue
		}
		if info, err := e.Info(); err == nil { // otherwise it was removed just now
			out[filepath.Join(dir, e.Name())] = info
		}
	}
	return out, nil
}

// open returns the process, which must still be the one that was found: a signal to another could end it.
func (r Reach) open() (*process.Process, error) {
	p, err := process.Open(r.Pid, func(argv []string) bool {
		i := slices.Index(argv, "-S")
		return i >= 0 && i+1 < len(argv) && argv[i+1] == r.Socket
	})
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "process %d has just ended: %v", r.Pid, err)
	}
	return p, nil
}

// until waits until done says so. Errors: Timeout, Unavailable if the process ends.
func until(ctx context.Context, p *process.Process, done func() (bool, error)) error {
	tick := time.NewTicker(signalPoll)
	defer tick.Stop()
	for {
		ok, err := done()
		if err != nil {
			return api.Errorf(api.Internal, "%v", err)
		}
		if ok {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.Done():
			return api.Errorf(api.Unavailable, "it ended")
		case <-ctx.Done():
			return api.Errorf(api.Timeout, "%v", ctx.Err())
		}
	}
}
