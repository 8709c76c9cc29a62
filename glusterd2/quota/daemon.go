// Package quota is what this host does for the quotas of volumes: the quota daemon, which adds up what bricks count; the
// limits, which are xattrs of directories; and the crawl of each brick that has it count what was there before.
package quota

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/process"
	"gd2/glusterd2/volgen"
	"gd2/pkg/api"
)

// ServiceName is how glusterd calls the daemon in status listings; processName is what its command line has.
const (
	ServiceName = "Quota Daemon"
	processName = "quotad"
)

// stopGrace is how long the daemon may take to end after SIGTERM.
const stopGrace = 5 * time.Second

// Config is what a Daemon needs.
type Config struct {
	PeerID string
	// Host is where the daemon asks for volfiles, on port 24007.
	Host   string
	Layout brick.Layout
	// Program is the path of glusterfs.
	Program string
	// Backoff between starts of a daemon that keeps ending. The zero value is good.
	Backoff process.Backoff
	Log     *logrus.Entry
}

// Daemon is this peer's quota daemon, one process for all volumes. Run does the work; everything else says what is
// wanted or looks.
type Daemon struct {
	cfg      Config
	requests *process.Requests // before the first nothing may be stopped
	held     process.Held

	mu    sync.Mutex
	shape string // of the wanted volfile; empty for no daemon
}

// NewDaemon returns a Daemon that does nothing before Run.
func NewDaemon(cfg Config) *Daemon {
	return &Daemon{cfg: cfg, requests: process.NewRequests()}
}

// SetDesired says which volfile the daemon has to work with from now on; with an empty one it is stopped. A daemon whose
// volfile has changed in its options only fetches it by itself; of another shape it is started anew.
func (d *Daemon) SetDesired(volfile string) {
	d.mu.Lock()
	d.shape = volgen.Shape(volfile)
	d.mu.Unlock()
	d.requests.Add()
}

// Settle waits until the last SetDesired has been carried out, and returns why it could not be.
func (d *Daemon) Settle(ctx context.Context) error { return d.requests.Settle(ctx, "quota daemon") }

// Run carries out what SetDesired says until ctx ends. The daemon goes on counting after that.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.held.Drop()
	process.Watch{
		Name: "quota daemon", Backoff: d.cfg.Backoff, Round: d.round, Held: &d.held, Changed: d.requests.Changed(), Log: d.cfg.Log,
	}.Run(ctx)
	return nil
}

func (d *Daemon) round(ctx context.Context) error {
	return d.requests.Round(ctx, func(ctx context.Context) error {
		d.mu.Lock()
		shape := d.shape
		d.mu.Unlock()
		return d.reconcile(ctx, shape)
	})
}

// reconcile makes the process as it should be: of the wanted shape, or gone.
func (d *Daemon) reconcile(ctx context.Context, shape string) error {
	p, err := d.find()
	if err != nil {
		return err
	}
	if p != nil && (shape == "" || d.shapeOnDisk() != shape) {
		if err := p.Stop(ctx, stopGrace); err != nil {
			return api.Errorf(api.Internal, "stop the quota daemon: %v", err)
		}
		d.cfg.Log.WithField("pid", p.Pid()).Info("quota daemon stopped: other volumes, or none, have quotas now")
		d.held.Drop()
		p = nil
	}
	if p != nil {
		return nil
	}
	if err := process.Clean(d.spec()); err != nil || shape == "" {
		return errors.Join(err, removeFile(d.shapeFile()))
	}
	return d.start(ctx, shape)
}

func (d *Daemon) start(ctx context.Context, shape string) error {
	if err := os.MkdirAll(filepath.Dir(SocketPath), 0o755); err != nil {
		return api.Errorf(api.Internal, "start the quota daemon: %v", err)
	}
	p, err := process.Start(ctx, d.spec())
	if err != nil {
		return api.Errorf(api.Unavailable, "%v", err)
	}
	d.held.Hold(p)
	d.cfg.Log.WithField("pid", p.Pid()).Info("quota daemon started")
	if err := os.WriteFile(d.shapeFile(), []byte(shape), 0o600); err != nil {
		return api.Errorf(api.Internal, "start the quota daemon: %v", err)
	}
	return nil
}

// find returns the living daemon, or nil: it may have ended, or have been started by an earlier life of gd2.
func (d *Daemon) find() (*process.Process, error) {
	if p := d.held.Living(); p != nil {
		return p, nil
	}
	d.held.Drop()
	p, err := process.Adopt(d.spec())
	if errors.Is(err, process.ErrNotRunning) {
		return nil, nil //nolint:nilnil // no process and no fault
	}
	if err != nil {
		return nil, api.Errorf(api.Internal, "look for the quota daemon: %v", err)
	}
	d.held.Hold(p)
	d.cfg.Log.WithField("pid", p.Pid()).Info("quota daemon runs already: adopted")
	return p, nil
}

// spec returns the daemon as a process: glusterd's arguments in glusterd's order.
func (d *Daemon) spec() process.Spec {
	l := d.cfg.Layout
	s := process.Spec{
		Name: "quota daemon", Path: d.cfg.Program, Env: l.Env(), PidFile: l.QuotaPidFile(),
		Socket: l.QuotaSocket(d.cfg.PeerID), LogFile: filepath.Join(l.LogDir, "quotad.log"), Identity: []string{processName},
	}
	s.Args = []string{
		"-s", d.cfg.Host, "--volfile-id", volgen.QuotaDaemonKey, "-p", s.PidFile, "-l", s.LogFile, "-S", s.Socket,
		"--process-name", processName,
	}
	return s
}

// PidFile is the path of the daemon's pid file.
func (d *Daemon) PidFile() string { return d.spec().PidFile }

func (d *Daemon) shapeFile() string {
	return filepath.Join(filepath.Dir(d.cfg.Layout.QuotaPidFile()), "shape")
}

func (d *Daemon) shapeOnDisk() string {
	text, err := os.ReadFile(d.shapeFile())
	if err != nil {
		return "" // of no shape that is wanted: it is started again
	}
	return string(text)
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return api.Errorf(api.Internal, "clean up after the quota daemon: %v", err)
	}
	return nil
}

// Reach finds the daemon's process, which is the same for all volumes. Errors are *api.Error: Unavailable if it does not run.
func (d *Daemon) Reach(string) (brick.Reach, error) {
	p := d.held.Living()
	if p == nil {
		return brick.Reach{}, api.Errorf(api.Unavailable, "the quota daemon does not run")
	}
	return brick.Reach{Pid: p.Pid(), Socket: d.cfg.Layout.QuotaSocket(d.cfg.PeerID)}, nil
}

// Status tells how the daemon does. Hostname is left for the caller to fill.
func (d *Daemon) Status() api.DaemonStatus {
	st := api.DaemonStatus{Name: ServiceName, PeerID: d.cfg.PeerID}
	if p := d.held.Living(); p != nil {
		st.Online, st.Pid = true, p.Pid()
		return st
	}
	st.Error = "it does not run"
	if err := d.requests.Err(); err != nil {
		st.Error += ": " + err.Error()
	}
	return st
}
