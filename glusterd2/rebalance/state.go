package rebalance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// kept is what is on disk about a run, so that the next life of the daemon knows it.
type kept struct {
	Task string `json:"task"`
	// Started is set before the process is.
	Started bool `json:"started"`
	// LogStart is where the log of the process begins in its file.
	LogStart int64              `json:"log-start"`
	Result   *volume.TaskResult `json:"result,omitempty"`
}

// state is what is known of one run.
type state struct {
	run      Run
	file     string
	reported chan struct{} // closed when there is a result

	reportOnce sync.Once
	mu         sync.Mutex
	kept       kept
	watched    bool // there is a process, or there just was one
	stopping   bool // the process is told to stop
}

// state returns what is known of a run; an earlier run of the volume is forgotten.
func (r *Runner) state(run Run) (*state, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.runs[run.VolumeName]; s != nil && s.run.Task.ID == run.Task.ID {
		return s, nil
	}
	s := &state{run: run, file: filepath.Join(r.dir(run.VolumeName), "run.json"), reported: make(chan struct{})}
	if err := s.load(); err != nil {
		return nil, err
	}
	r.runs[run.VolumeName] = s
	return s, nil
}

func (r *Runner) dir(volumeName string) string {
	return filepath.Join(r.cfg.Layout.WorkDir, "vols", volumeName, "rebalance")
}

// Forget removes what is kept of a volume that is gone.
func (r *Runner) Forget(volumeName string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.runs, volumeName)
	if err := os.RemoveAll(r.dir(volumeName)); err != nil {
		return api.Errorf(api.Internal, "forget the rebalance of volume %s: %v", volumeName, err)
	}
	return nil
}

// load reads what an earlier life of the daemon has kept of this very run.
func (s *state) load() error {
	s.kept.Task = s.run.Task.ID
	text, err := os.ReadFile(s.file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return api.Errorf(api.Internal, "%v", err)
	}
	var k kept
	if json.Unmarshal(text, &k) == nil && k.Task == s.run.Task.ID {
		s.kept = k
		if k.Result != nil {
			s.reportOnce.Do(func() { close(s.reported) })
		}
	}
	return nil
}

// keep writes it, whole or not at all.
func (s *state) keep() error {
	text, err := json.Marshal(s.kept)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(s.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(s.file+".new", s.file)
	}
	if err != nil {
		return api.Errorf(api.Internal, "keep the state of the rebalance of volume %s: %v", s.run.VolumeName, err)
	}
	return nil
}

func (s *state) layout() bool { return s.run.Task.Command == volume.FixLayout }

// result is the result if there is one, or what a run without one is.
func (s *state) result() volume.TaskResult {
	switch {
	case s.kept.Result != nil:
		return *s.kept.Result
	case s.watched:
		return s.running()
	}
	return volume.TaskResult{Task: s.run.Task.ID}
}

func (s *state) running() volume.TaskResult {
	return s.as(volume.TaskResult{}, volume.TaskRuns, volume.LayoutRuns)
}

func (s *state) stopped(last volume.TaskResult) volume.TaskResult {
	return s.as(last, volume.TaskStopped, volume.LayoutStopped)
}

func (s *state) failed(why string) volume.TaskResult {
	return s.as(volume.TaskResult{Error: why}, volume.TaskFailed, volume.LayoutFailed)
}

func (s *state) as(res volume.TaskResult, move, fix volume.TaskStatus) volume.TaskResult {
	res.Task, res.Status = s.run.Task.ID, move
	if s.layout() {
		res.Status = fix
	}
	return res
}
