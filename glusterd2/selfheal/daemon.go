// Package selfheal runs this peer's self-heal daemon: one glustershd process for all volumes that need healing. Volumes
// are attached to and detached from it while it runs.
package selfheal

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/process"
	"gd2/glusterd2/volgen"
	"gd2/pkg/gfrpc"

	"github.com/sirupsen/logrus"
)

// Program is where glusterfs is unless Config says otherwise.
const Program = "/usr/sbin/glusterfs"

// ServiceName is how glusterd calls the daemon in status listings.
const ServiceName = "Self-heal Daemon"

// Volume is a volume that needs a self-heal daemon on this peer.
type Volume struct {
	Name string
	// Volfile is the text that GETSPEC gives for shd/NAME. It is handed over when the volume is attached; later changes
	// of options the daemon fetches by itself when it is told to.
	Volfile string
}

// Config is what a Daemon needs.
type Config struct {
	PeerID string
	// Host is where the daemon asks for volfiles, on port 24007; empty means localhost.
	Host   string
	Layout brick.Layout
	// Program is the path of glusterfs; empty means Program.
	Program string
	BrickOp gfrpc.BrickOpFunc // asks the daemon
	// Backoff between starts of a daemon that keeps ending. The zero value is good.
	Backoff process.Backoff
	Log     *logrus.Entry
}

// Daemon is this peer's self-heal daemon. Run does the work; everything else only says what is wanted or looks.
type Daemon struct {
	cfg      Config
	requests *process.Requests // before the first nothing is known, so nothing may be stopped
	held     process.Held

	mu       sync.Mutex
	wanted   []Volume // sorted by name
	shapes   map[string]shaped
	attached map[string]string // the shape of each attached volume
	ends     int               // counts how often it ended by itself
	socket   string
}

// New returns a Daemon that does nothing before Run.
func New(cfg Config) *Daemon {
	if cfg.Program == "" {
		cfg.Program = Program
	}
	if cfg.Host == "" {
		cfg.Host = "localhost"
	}
	return &Daemon{cfg: cfg, requests: process.NewRequests(), attached: map[string]string{}}
}

// SetDesired says which volumes the daemon has to take care of from now on. With none it is stopped.
func (d *Daemon) SetDesired(volumes []Volume) {
	d.mu.Lock()
	d.wanted = slices.Clone(volumes)
	slices.SortFunc(d.wanted, func(a, b Volume) int { return cmp.Compare(a.Name, b.Name) })
	d.reshape()
	d.mu.Unlock()
	d.requests.Add()
}

// shaped is a volfile with its shape.
type shaped struct{ volfile, shape string }

// reshape works out the shapes of what is wanted, anew only where the volfile is another: of many volumes mostly one has
// changed. The caller holds the lock.
func (d *Daemon) reshape() {
	before := d.shapes
	d.shapes = make(map[string]shaped, len(d.wanted))
	for _, v := range d.wanted {
		s, ok := before[v.Name]
		if !ok || s.volfile != v.Volfile {
			s = shaped{v.Volfile, volgen.Shape(v.Volfile)}
		}
		d.shapes[v.Name] = s
	}
}

// Settle waits until the last SetDesired has been carried out, and returns why it could not be; the daemon goes on
// trying then.
func (d *Daemon) Settle(ctx context.Context) error { return d.requests.Settle(ctx, "self-heal daemon") }

// Run carries out what SetDesired says until ctx ends. The daemon goes on healing after that.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.held.Drop()
	process.Watch{
		Name: "self-heal daemon", Backoff: d.cfg.Backoff, Round: d.round, Held: &d.held, NoteEnd: d.noteEnd, Changed: d.requests.Changed(), Log: d.cfg.Log,
	}.Run(ctx)
	return nil
}

// round does one round of work and tells those who wait for it.
func (d *Daemon) round(ctx context.Context) error {
	return d.requests.Round(ctx, func(ctx context.Context) error {
		d.mu.Lock()
		wanted := d.wanted
		d.mu.Unlock()
		return d.reconcile(ctx, wanted)
	})
}

// Condition is how the daemon does.
type Condition struct {
	// Down says that it should run and does not; LastError why, if it could not be started.
	Down      bool
	LastError string
	// Ends counts how often it ended by itself.
	Ends int
}

// Condition returns how the daemon does at the moment.
func (d *Daemon) Condition() Condition {
	d.mu.Lock()
	defer d.mu.Unlock()
	alive, err := d.held.Living() != nil, d.requests.Err()
	c := Condition{Down: len(d.wanted) > 0 && !alive && (d.ends > 0 || err != nil), Ends: d.ends}
	if err != nil {
		c.LastError = err.Error()
	}
	return c
}

func (d *Daemon) noteEnd() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ends++
}
