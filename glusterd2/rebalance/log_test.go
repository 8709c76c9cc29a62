package rebalance

import (
	"os"
	"path/filepath"
	"testing"

	"gd2/glusterd2/volume"
)

const said = "[2026-11-25 16:32:19.012028 +0000] I [MSGID: 109028] [dht-rebalance.c:4663:gf_defrag_status_get] 0-DHT: "

func TestFromLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	earlier := said + "Rebalance is completed. Time taken is 3 secs Files migrated: 7, size: 70, lookups: 9, failures: 0, skipped: 0 \n"
	running := said + "Rebalance is in progress. Time taken is 2 secs Files migrated: 1, size: 9, lookups: 2, failures: 0, skipped: 0 \n"
	for name, tt := range map[string]struct {
		text    string
		command int
		want    volume.TaskResult
		ok      bool
	}{
		"nothing": {"", volume.MoveFiles, volume.TaskResult{}, false},
		"cut off": {running, volume.MoveFiles, volume.TaskResult{}, false},
		"complete": {running + said + "Rebalance is completed. Time taken is 19 secs Files migrated: 1011, size: 24529481, lookups: 1514, failures: 1, skipped: 2 \nmore\n",
			volume.MoveFiles, volume.TaskResult{Task: "t", Status: volume.TaskComplete, Files: 1011, Size: 24529481, Lookups: 1514, Failures: 1, Skipped: 2, RunTime: 19}, true},
		"layout": {said + "Rebalance is completed. Time taken is 0 secs Files migrated: 0, size: 0, lookups: 0, failures: 0, skipped: 0",
			volume.FixLayout, volume.TaskResult{Task: "t", Status: volume.LayoutComplete}, true},
		"stopped": {said + "Rebalance is stopped. Time taken is 0.5 secs Files migrated: 0, size: 0, lookups: 0, failures: 0, skipped: 0",
			volume.MoveFiles, volume.TaskResult{Task: "t", Status: volume.TaskStopped, RunTime: 0.5}, true},
		"failed": {said + "Rebalance is failed. Time taken is 0 secs Files migrated: 0, size: 0, lookups: 0, failures: 4, skipped: 0",
			volume.MoveFiles, volume.TaskResult{Task: "t", Status: volume.TaskFailed, Failures: 4}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(earlier+tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := &state{run: Run{Task: &volume.Task{ID: "t", Command: tt.command}}}
			if got, ok := fromLog(file, int64(len(earlier)), s); ok != tt.ok || got != tt.want {
				t.Errorf("%+v %v, want %+v", got, ok, tt.want)
			}
		})
	}
	if _, ok := fromLog(file+"-none", 0, &state{}); ok {
		t.Error("a log that is not there said something")
	}
}
