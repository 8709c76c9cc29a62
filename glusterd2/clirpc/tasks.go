package clirpc

import (
	"fmt"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// putTasks lists the long work on a volume.
func putTasks(out gfrpc.Dict, tasks []api.VolumeTask) {
	out.SetInt("tasks", int64(len(tasks)))
	for i, t := range tasks {
		key := fmt.Sprintf("task%d.", i)
		out.SetString(key+"type", t.Type)
		out.SetString(key+"id", t.ID)
		out.SetInt(key+"status", taskNumber(t.State))
		if len(t.Bricks) == 0 {
			continue
		}
		out.SetInt(key+"count", int64(len(t.Bricks)))
		for j, b := range t.Bricks {
			out.SetString(fmt.Sprintf("%sbrick%d", key, j+1), b)
		}
	}
}

// taskNumber is the number of glusterd for the state of a task.
func taskNumber(state string) int64 {
	for s := volume.TaskNotStarted; s <= volume.LayoutFailed; s++ {
		if s.String() == state {
			return int64(s)
		}
	}
	return int64(volume.TaskFailed)
}
