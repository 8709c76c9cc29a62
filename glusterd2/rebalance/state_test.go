package rebalance

import (
	"os"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
)

// A process that is told to stop may say that it failed, which is true of one that is not.
func TestCutOffIsStopped(t *testing.T) {
	for name, tt := range map[string]struct {
		task     volume.Task
		stopping bool
		want     volume.TaskStatus
	}{
		"not told":                   {volume.Task{ID: "t"}, false, volume.TaskFailed},
		"told":                       {volume.Task{ID: "t"}, true, volume.TaskStopped},
		"told by an earlier daemon":  {volume.Task{ID: "t", Stop: true}, false, volume.TaskStopped},
		"told to end a fixed layout": {volume.Task{ID: "t", Command: volume.FixLayout}, true, volume.LayoutStopped},
	} {
		r := New(Config{Layout: brick.Layout{WorkDir: t.TempDir()}, Log: logrus.NewEntry(logrus.New())})
		s, err := r.state(Run{VolumeName: "gv0", Task: &tt.task})
		if err != nil {
			t.Fatal(err)
		}
		s.stopping = tt.stopping
		if res, err := r.finish(s, s.failed("no")); err != nil || res.Status != tt.want || s.kept.Result.Status != tt.want {
			t.Errorf("%s: %s, %v", name, res.Status, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A process with little to do may have ended before anybody has seen it. It is waited for, and has failed if no report comes.
func TestEndedAtOnce(t *testing.T) {
	dir, err := os.MkdirTemp("", "gd2-") // the paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := New(Config{Layout: brick.Layout{WorkDir: dir, RunDir: dir, LogDir: dir}, Program: "/bin/true", Log: logrus.NewEntry(logrus.New())})
	run := Run{VolumeName: "gv0", Task: &volume.Task{ID: "t"}}
	if res, err := r.Ensure(t.Context(), run); err != nil || res.Status != volume.TaskRuns {
		t.Errorf("%s, %v", res.Status, err)
	}
	select {
	case <-r.Changed():
	case <-time.After(30 * time.Second):
		t.Fatal("nobody is told of its end")
	}
	if res, err := r.Ensure(t.Context(), run); err != nil || res.Status != volume.TaskFailed {
		t.Errorf("%s, %v", res.Status, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
