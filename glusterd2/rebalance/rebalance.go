// Package rebalance runs this peer's rebalance processes: one for each volume whose files are being moved. A process ends
// by itself; its last figures come as a report over its connection to the daemon and are kept on disk until they are in
// the store.
package rebalance

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/process"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"

	"github.com/sirupsen/logrus"
)

// Program is where glusterfs is unless Config says otherwise.
const Program = "/usr/sbin/glusterfs"

const (
	// stopGrace is how long a process may take to end: it finishes the file that it moves.
	stopGrace = 30 * time.Second
	// reportGrace is how long the report of a process that has ended may take to come.
	reportGrace = 3 * time.Second
	// askTimeout bounds one question to a process.
	askTimeout = 10 * time.Second
)

// What a process is asked with BrickXlatorDefrag.
const (
	commandStop   = 2
	commandStatus = 3
)

// Run is one peer's part of a task.
type Run struct {
	VolumeName string
	Task       *volume.Task
}

// BrickOp asks a process over its unix socket; gfrpc.BrickOp is the real one.
type BrickOp func(ctx context.Context, socket string, proc uint32, name string, input []byte, dict gfrpc.Dict) (gfrpc.Dict, error)

// Config is what a Runner needs.
type Config struct {
	PeerID string
	// Host is where the processes ask for volfiles, on port 24007; empty means localhost.
	Host   string
	Layout brick.Layout
	// Program is the path of glusterfs; empty means Program.
	Program string
	BrickOp BrickOp
	Log     *logrus.Entry
}

// Runner runs rebalance processes. Its methods may be called from many goroutines.
type Runner struct {
	cfg     Config
	changed chan struct{}
	ctx     context.Context //nolint:containedctx // the life of the watches over the processes
	cancel  context.CancelFunc
	watches sync.WaitGroup

	mu   sync.Mutex
	runs map[string]*state // by volume name
}

// New returns a Runner that runs nothing.
func New(cfg Config) *Runner {
	if cfg.Program == "" {
		cfg.Program = Program
	}
	if cfg.Host == "" {
		cfg.Host = "localhost"
	}
	r := &Runner{cfg: cfg, changed: make(chan struct{}, 1), runs: map[string]*state{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close ends the watches over the processes, which go on.
func (r *Runner) Close() error {
	r.cancel()
	r.watches.Wait()
	return nil
}

// Changed signals that a process has ended.
func (r *Runner) Changed() <-chan struct{} { return r.changed }

func (r *Runner) signal() {
	select {
	case r.changed <- struct{}{}:
	default: // one signal already waits
	}
}

// Ensure starts the process of a run once, or finds it running. It returns how the run stands by what this peer knows
// without asking the process: final figures once it has ended. A process that ended without a report has failed.
func (r *Runner) Ensure(ctx context.Context, run Run) (volume.TaskResult, error) {
	s, err := r.state(run)
	if err != nil {
		return volume.TaskResult{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept.Result != nil {
		return *s.kept.Result, nil
	}
	if s.watched {
		return s.running(), nil
	}
	return r.launch(ctx, s)
}

// launch adopts or starts the process of a run that nobody watches yet.
func (r *Runner) launch(ctx context.Context, s *state) (volume.TaskResult, error) {
	spec := r.spec(s.run)
	p, err := process.Adopt(spec)
	switch {
	case err == nil:
		r.cfg.Log.WithField("volume", s.run.VolumeName).WithField("pid", p.Pid()).Info("rebalance runs already: adopted")
	case !errors.Is(err, process.ErrNotRunning):
		return volume.TaskResult{}, api.Errorf(api.Internal, "rebalance of volume %s: %v", s.run.VolumeName, err)
	case s.kept.Started:
		return r.finish(s, r.unreported(s, "its process ended while the daemon was not at work, and nobody knows how: start it again"))
	default:
		if p, err = r.start(ctx, s, spec); err != nil || p == nil {
			return s.result(), err
		}
	}
	s.watched = true
	r.watches.Go(func() { r.watch(s, p) })
	return s.result(), nil // its report may have come already
}

// start starts the process. One with little to do may have ended before it is looked at: then p is nil and the report is
// waited for.
func (r *Runner) start(ctx context.Context, s *state, spec process.Spec) (*process.Process, error) {
	if err := process.Clean(spec); err != nil {
		return nil, api.Errorf(api.Internal, "%v", err)
	}
	s.kept.Started, s.kept.LogStart = true, fileSize(spec.LogFile)
	if err := s.keep(); err != nil {
		return nil, err
	}
	s.mu.Unlock() // its report may come before its start is known
	p, err := process.Start(ctx, spec)
	s.mu.Lock()
	var failed *process.StartError
	switch {
	case err == nil:
		r.cfg.Log.WithField("volume", s.run.VolumeName).WithField("pid", p.Pid()).Info("rebalance started")
		return p, nil
	case errors.As(err, &failed) || !errors.Is(err, process.ErrNotRunning):
		_, err = r.finish(s, s.failed(fmt.Sprintf("its process did not start: %v", err)))
		return nil, err
	}
	s.watched = true
	r.watches.Go(func() { r.ended(s) })
	return nil, nil //nolint:nilnil // it has ended
}

// watch waits for the end of a process and then for its report.
func (r *Runner) watch(s *state, p *process.Process) {
	defer func() { _ = p.Close() }() // a watch, nothing more
	select {
	case <-p.Done():
		r.ended(s)
	case <-r.ctx.Done():
	}
}

// ended waits for the report of a process that has ended. Without one it has failed.
func (r *Runner) ended(s *state) {
	timer := time.NewTimer(reportGrace)
	defer timer.Stop()
	select {
	case <-s.reported:
		return
	case <-r.ctx.Done():
		return
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept.Result == nil {
		res := r.unreported(s, "its process died; its log is "+r.logFile(s.run.VolumeName))
		r.cfg.Log.WithField("volume", s.run.VolumeName).Warnf("rebalance ended without a report: %s", res.Status)
		_, _ = r.finish(s, res) // logged there
	}
}

// unreported is the result of a process of which no report came: what its log says, or else a failure.
func (r *Runner) unreported(s *state, otherwise string) volume.TaskResult {
	if res, ok := fromLog(r.logFile(s.run.VolumeName), s.kept.LogStart, s); ok {
		return res
	}
	return s.failed(otherwise)
}

// finish keeps the result of a run and tells of it. The caller holds s.mu.
func (r *Runner) finish(s *state, res volume.TaskResult) (volume.TaskResult, error) {
	if res.Status.Failed() && (s.stopping || s.run.Task.Stop) {
		res = s.stopped(res) // what is cut off where it stands calls itself failed
	}
	s.kept.Result = &res
	err := s.keep()
	if err != nil {
		r.cfg.Log.WithField("volume", s.run.VolumeName).WithError(err).Error("the result of a rebalance is in memory only")
	}
	s.reportOnce.Do(func() { close(s.reported) })
	r.signal()
	return res, err
}

// Report takes what a process says of itself when it ends (EVENT_NOTIFY). A report of a volume that is not being
// rebalanced here is dropped.
func (r *Runner) Report(d gfrpc.Dict) {
	name := strings.TrimPrefix(d.String("volname"), volgen.RebalanceKey(""))
	r.mu.Lock()
	s := r.runs[name]
	r.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	res := figures(d, s.run)
	if s.kept.Result != nil || !res.Status.Final() {
		return
	}
	r.cfg.Log.WithField("volume", name).WithField("files", res.Files).Infof("rebalance %s", res.Status)
	_, _ = r.finish(s, res) // logged there
}

// Figures returns how a run stands now, by asking its process if that runs.
func (r *Runner) Figures(ctx context.Context, run Run) (volume.TaskResult, error) {
	s, err := r.state(run)
	if err != nil {
		return volume.TaskResult{}, err
	}
	s.mu.Lock()
	known, runs := s.result(), s.watched
	s.mu.Unlock()
	if known.Status.Final() || !runs {
		return known, nil
	}
	d, err := r.ask(ctx, run, commandStatus)
	if err != nil {
		return known, err
	}
	return figures(d, run), nil
}

// Stop ends a run: the process finishes the file that it is moving. The result is final.
func (r *Runner) Stop(ctx context.Context, run Run) (volume.TaskResult, error) {
	s, err := r.state(run)
	if err != nil {
		return volume.TaskResult{}, err
	}
	s.mu.Lock()
	known := s.result()
	s.stopping = true
	s.mu.Unlock()
	if known.Status.Final() {
		return known, nil
	}
	p, err := process.Adopt(r.spec(run))
	if errors.Is(err, process.ErrNotRunning) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.kept.Result != nil {
			return *s.kept.Result, nil
		}
		return r.finish(s, s.stopped(volume.TaskResult{}))
	}
	if err != nil {
		return known, api.Errorf(api.Internal, "rebalance of volume %s: %v", run.VolumeName, err)
	}
	defer func() { _ = p.Close() }() // a watch, nothing more
	last := known
	if d, err := r.ask(ctx, run, commandStop); err == nil {
		last = figures(d, run)
	}
	if err := r.await(ctx, s, p); err != nil {
		return last, api.Errorf(api.Timeout, "stop the rebalance of volume %s: %v", run.VolumeName, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept.Result != nil {
		return *s.kept.Result, nil
	}
	return r.finish(s, s.stopped(last))
}

// await waits until a process that was told to stop has ended or reported, and ends it if it does neither.
func (r *Runner) await(ctx context.Context, s *state, p *process.Process) error {
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-p.Done():
		return nil
	case <-s.reported:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return p.Stop(ctx, reportGrace)
}

func (r *Runner) ask(ctx context.Context, run Run, command int64) (gfrpc.Dict, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	d := gfrpc.Strings(map[string]string{"volname": run.VolumeName})
	d.SetInt("rebalance-command", command)
	return r.cfg.BrickOp(ctx, r.spec(run).Socket, gfrpc.BrickXlatorDefrag, run.VolumeName+"-dht", d.Marshal(), nil)
}

// figures reads what a process says of itself.
func figures(d gfrpc.Dict, run Run) volume.TaskResult {
	count := func(key string) int64 { n, _ := d.Int(key); return n }
	seconds := func(key string) float64 {
		f, _ := strconv.ParseFloat(d.String(key), 64)
		return f
	}
	return volume.TaskResult{
		Task: run.Task.ID, Status: run.Task.Status(volume.TaskStatus(count("status"))), Files: count("files"), Size: count("size"), Lookups: count("lookups"),
		Failures: count("failures"), Skipped: count("skipped"), RunTime: seconds("run-time"), TimeLeft: seconds("time-left"),
	}
}

func (r *Runner) logFile(volumeName string) string {
	return filepath.Join(r.cfg.Layout.LogDir, volumeName+"-rebalance.log")
}

// spec returns the process of a run: glusterd's arguments in glusterd's order.
func (r *Runner) spec(run Run) process.Spec {
	l, key := r.cfg.Layout, volgen.RebalanceKey(run.VolumeName)
	hash := fmt.Sprintf("*dht.commit-hash=%d", run.Task.CommitHash)
	s := process.Spec{
		Name: "rebalance of volume " + run.VolumeName, Path: r.cfg.Program, Env: l.Env(), LogFile: r.logFile(run.VolumeName),
		PidFile: filepath.Join(r.dir(run.VolumeName), r.cfg.PeerID+".pid"), Socket: l.RebalanceSocket(run.VolumeName, r.cfg.PeerID),
		Identity: []string{key, hash},
	}
	option := "--xlator-option"
	s.Args = []string{
		"-s", r.cfg.Host, "--volfile-id", key, option, "*dht.use-readdirp=no", option, "*dht.lookup-unhashed=yes",
		option, "*dht.assert-no-child-down=yes", option, "*dht.readdir-optimize=on", "--process-name", "rebalance",
		option, fmt.Sprintf("*dht.rebalance-cmd=%d", run.Task.Command), option, "*dht.node-uuid=" + r.cfg.PeerID, option, hash,
		"--socket-file", s.Socket, "--pid-file", s.PidFile, "-l", s.LogFile,
	}
	return s
}
