package volumes

import (
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

func TestRebalance(t *testing.T) {
	r := newRig(t)
	movers := r.movers()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	_, err := r.c.RebalanceStart(t.Context(), "gv0", api.RebalanceStartReq{})
	refused(t, err, api.State, "") // not started
	r.start("gv0")
	_, err = r.c.RebalanceStatus(t.Context(), "gv0")
	refused(t, err, api.State, "")
	_, err = r.c.RebalanceStart(t.Context(), "gv0", api.RebalanceStartReq{Option: "fast"})
	refused(t, err, api.Invalid, "option")
	_, err = r.c.RebalanceStart(t.Context(), "gv9", api.RebalanceStartReq{})
	refused(t, err, api.NotFound, "")

	id, err := r.c.RebalanceStart(t.Context(), "gv0", api.RebalanceStartReq{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := r.c.RebalanceStatus(t.Context(), "gv0")
	if err != nil || st.RebalanceID != id || st.State != "in progress" || len(st.Nodes) != 3 || st.Nodes[2].RebalancedFiles != "7" {
		t.Errorf("%+v, %v", st, err)
	}
	_, err = r.c.RebalanceStart(t.Context(), "gv0", api.RebalanceStartReq{})
	refused(t, err, api.State, "")
	_, err = r.c.Stop(t.Context(), "gv0", api.VolumeStopReq{})
	refused(t, err, api.State, "")
	_, err = r.expand("gv0", api.VolumeExpandReq{Bricks: at("p1", "/x")})
	refused(t, err, api.State, "")
	if vs, err := r.c.Status(t.Context(), "gv0"); err != nil || len(vs.Tasks) != 1 || vs.Tasks[0].Type != "Rebalance" {
		t.Errorf("tasks %+v, %v", vs.Tasks, err)
	}

	movers["p1"].end(volume.TaskComplete)
	movers["p2"].end(volume.TaskComplete)
	if st, err = r.c.RebalanceStop(t.Context(), "gv0"); err != nil || st.State != "stopped" || st.Nodes[2].Status != "stopped" {
		t.Errorf("%+v, %v", st, err)
	}
	_, err = r.c.RebalanceStop(t.Context(), "gv0")
	refused(t, err, api.State, "")
	if _, err = r.c.Stop(t.Context(), "gv0", api.VolumeStopReq{}); err != nil {
		t.Error(err)
	}
	if err := r.c.Delete(t.Context(), "gv0", false); err != nil {
		t.Error(err)
	}
	if results, err := volume.TaskResults.List(r.store); err != nil || len(results) > 0 {
		t.Errorf("left behind: %+v, %v", results, err)
	}
}

func TestRebalanceFails(t *testing.T) {
	r := newRig(t)
	movers := r.movers()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	movers["p3"].fails = true
	_, err := r.c.RebalanceStart(t.Context(), "gv0", api.RebalanceStartReq{})
	refused(t, err, api.State, "")
	for _, m := range movers {
		m.end(volume.TaskComplete)
	}
	r.rebalanced("gv0", volume.TaskFailed)
	movers["p3"].fails = false
	if _, err := r.c.RebalanceStart(t.Context(), "gv0", api.RebalanceStartReq{}); err != nil {
		t.Error(err)
	}
}

func TestTaskState(t *testing.T) {
	res := func(s volume.TaskStatus) *volume.TaskResult { return &volume.TaskResult{Status: s} }
	task := &volume.Task{Command: volume.MoveFiles, Peers: []string{"a", "b"}}
	for _, tt := range []struct{ a, b, want volume.TaskStatus }{
		{volume.TaskComplete, volume.TaskComplete, volume.TaskComplete},
		{volume.TaskComplete, volume.TaskRuns, volume.TaskRuns},
		{volume.TaskFailed, volume.TaskNotStarted, volume.TaskRuns},
		{volume.TaskFailed, volume.TaskStopped, volume.TaskFailed},
		{volume.TaskStopped, volume.TaskComplete, volume.TaskStopped},
	} {
		if got := task.State(map[string]*volume.TaskResult{"a": res(tt.a), "b": res(tt.b)}); got != tt.want {
			t.Errorf("%s and %s: %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
	layout := volume.Task{Command: volume.FixLayout}
	for reported, want := range map[volume.TaskStatus]volume.TaskStatus{
		volume.TaskNotStarted: volume.TaskNotStarted, volume.TaskRuns: volume.LayoutRuns, volume.TaskComplete: volume.LayoutComplete,
		volume.TaskFailed: volume.LayoutFailed, volume.LayoutStopped: volume.LayoutStopped,
	} {
		if got := layout.Status(reported); got != want || task.Status(reported) != reported {
			t.Errorf("%s of a fix-layout is %s, want %s", reported, got, want)
		}
	}
	if got := task.State(nil); got != volume.TaskRuns {
		t.Errorf("nothing known: %s", got)
	}
}
