package volume

import (
	"slices"
	"time"

	"gd2/store"
)

// Kinds of tasks.
const (
	// TaskRebalance moves files to where new bricks want them, TaskRemoveBrick those of bricks that leave to the others.
	TaskRebalance   = "rebalance"
	TaskRemoveBrick = "remove-brick"
)

// What the rebalance process of a peer is told to do (gf_defrag_type).
const (
	MoveFiles    = 1
	FixLayout    = 4
	MoveAllFiles = 5
)

// Task is long work on a volume: every peer that holds bricks does its part by itself and records how that ended. A volume
// has one at most, whose record stays after its end until the next.
type Task struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Command int    `json:"command"`
	// CommitHash is what the layouts that the task makes bear: the same on all peers.
	CommitHash uint32   `json:"commit-hash"`
	Peers      []string `json:"peers"`
	// Bricks are the ids of the bricks that leave.
	Bricks    []string  `json:"bricks,omitempty"`
	StartedAt time.Time `json:"started-at"`
	// Stop is set when the task was stopped: peers that are still at work end it.
	Stop bool `json:"stop,omitempty"`
}

// TaskStatus is how a peer's part of a task goes, as GlusterFS numbers it (gf_defrag_status_t).
type TaskStatus int

// The states of a peer's part. Those of a fix-layout are apart.
const (
	TaskNotStarted TaskStatus = iota
	TaskRuns
	TaskStopped
	TaskComplete
	TaskFailed
	LayoutRuns
	LayoutStopped
	LayoutComplete
	LayoutFailed
)

var taskStatusNames = []string{"not started", "in progress", "stopped", "completed", "failed",
	"fix-layout in progress", "fix-layout stopped", "fix-layout completed", "fix-layout failed"}

// String returns the words of the stock command line.
func (s TaskStatus) String() string {
	if s < 0 || int(s) >= len(taskStatusNames) {
		return "unknown"
	}
	return taskStatusNames[s]
}

// Final reports whether nothing more is going to happen.
func (s TaskStatus) Final() bool { return s != TaskNotStarted && s != TaskRuns && s != LayoutRuns }

// OK reports whether the part came to its end.
func (s TaskStatus) OK() bool { return s == TaskComplete || s == LayoutComplete }

// Failed reports whether the part failed.
func (s TaskStatus) Failed() bool { return s == TaskFailed || s == LayoutFailed }

// TaskResult is a peer's part of a task in figures.
type TaskResult struct {
	Task   string     `json:"task"`
	Status TaskStatus `json:"status"`
	// Files were moved, Size bytes in all; Lookups were looked at.
	Files    int64 `json:"files"`
	Size     int64 `json:"size"`
	Lookups  int64 `json:"lookups"`
	Failures int64 `json:"failures"`
	Skipped  int64 `json:"skipped"`
	// RunTime and TimeLeft, an estimate, are in seconds.
	RunTime  float64 `json:"run-time"`
	TimeLeft float64 `json:"time-left"`
	// Error says why the part failed where that is known.
	Error string `json:"error,omitempty"`
}

// Tasks is the kind of the tasks, by volume name; TaskResults that of what peers made of them, by TaskResultID.
var (
	Tasks       = store.NewKind[*Task](store.PrefixTasks, 1)
	TaskResults = store.NewKind[*TaskResult](store.PrefixTaskResults, 1)
)

// TaskResultID is the id of the record of a peer's result.
func TaskResultID(volumeName, peerID string) string { return volumeName + "/" + peerID }

// Results returns what the peers of a task have recorded, by peer id. A peer that is at work, or away, is missing.
func (t *Task) Results(r store.Reader, volumeName string) (map[string]*TaskResult, error) {
	out := map[string]*TaskResult{}
	for _, id := range t.Peers {
		rec, ok, err := TaskResults.Get(r, TaskResultID(volumeName, id))
		if err != nil {
			return nil, err
		}
		if ok && rec.Value.Task == t.ID {
			out[id] = rec.Value
		}
	}
	return out, nil
}

// Status is the status that a process of the task reports. One that only fixes the layout may report its end as one that
// moves files does.
func (t *Task) Status(reported TaskStatus) TaskStatus {
	if t.Command == FixLayout && reported >= TaskRuns && reported <= TaskFailed {
		reported += LayoutRuns - TaskRuns
	}
	return reported
}

// State is the task as a whole: it goes on while a peer's part does; else the worst of its parts.
func (t *Task) State(results map[string]*TaskResult) TaskStatus {
	var stopped, failed bool
	for _, id := range t.Peers {
		switch res := results[id]; {
		case res == nil || !res.Status.Final():
			return t.Status(TaskRuns)
		case res.Status.Failed():
			failed = true
		case !res.Status.OK():
			stopped = true
		}
	}
	switch {
	case failed:
		return t.Status(TaskFailed)
	case stopped:
		return t.Status(TaskStopped)
	}
	return t.Status(TaskComplete)
}

// FindTask returns the task of a volume and how it stands; ok is false if there is none.
func FindTask(r store.Reader, volumeName string) (rec store.Record[*Task], state TaskStatus, ok bool, err error) {
	rec, ok, err = Tasks.Get(r, volumeName)
	if err != nil || !ok {
		return rec, TaskNotStarted, false, err
	}
	results, err := rec.Value.Results(r, volumeName)
	if err != nil {
		return rec, TaskNotStarted, true, err
	}
	return rec, rec.Value.State(results), true, nil
}

// Pending reports whether bricks are marked as leaving for the task: it has to be committed or stopped.
func (t *Task) Pending() bool { return t.Kind == TaskRemoveBrick && !t.Stop }

// Has reports whether a peer takes part.
func (t *Task) Has(peerID string) bool { return slices.Contains(t.Peers, peerID) }
