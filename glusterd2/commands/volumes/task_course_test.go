package volumes

import (
	"testing"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// startedTask begins a rebalance and returns the id of its operation.
func (r *rig) startedTask() string {
	r.t.Helper()
	req := &transaction.Request{}
	if _, err := r.c.RebalanceStart(transaction.WithRequest(r.t.Context(), req), "gv0", api.RebalanceStartReq{}); err != nil {
		r.t.Fatal(err)
	}
	return req.Operation()
}

// untilTrue looks again and again, for a while.
func (r *rig) untilTrue(what string, check func() bool) {
	r.t.Helper()
	transactiontest.Eventually(r.t, what, check)
}

// TestTaskIsFollowed: a rebalance is an operation until it has ended, with its percentage.
func TestTaskIsFollowed(t *testing.T) {
	r := newRig(t)
	movers := r.movers()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	e := r.pool.Engine("p1")
	id := r.startedTask()
	r.untilTrue("percentage", func() bool {
		op, err := e.Look(t.Context(), id)
		return err == nil && op.State == string(transaction.Running) && op.Operation == "volume.rebalance" && op.Percent != nil && *op.Percent == 75
	})
	for _, m := range movers {
		m.end(volume.TaskComplete)
	}
	if op, err := e.Wait(t.Context(), id); err != nil || op.State != string(transaction.Done) {
		t.Errorf("%+v, %v", op, err)
	}
}

// TestTaskIsCancelled: who cancels the operation stops the rebalance.
func TestTaskIsCancelled(t *testing.T) {
	r := newRig(t)
	r.movers()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	id := r.startedTask()
	if op, err := r.pool.Engine("p2").Cancel(t.Context(), id); err != nil || op.State != string(transaction.Failed) {
		t.Errorf("%+v, %v", op, err)
	}
	r.rebalanced("gv0", volume.TaskStopped)
}

// TestTaskOutlivesItsCoordinator: another run of the daemon goes on, and starts nothing anew.
func TestTaskOutlivesItsCoordinator(t *testing.T) {
	r := newRig(t)
	movers := r.movers()
	r.create("gv0", api.SubvolReq{Type: api.SubvolDistribute})
	r.start("gv0")
	id := r.startedTask()
	task, _, err := volume.Tasks.Get(r.store, "gv0")
	if err != nil {
		t.Fatal(err)
	}
	r.pool.Bereave("p1", id)
	for _, m := range movers {
		m.end(volume.TaskComplete)
	}
	if op, err := r.pool.Engine("p2").Wait(t.Context(), id); err != nil || op.State != string(transaction.Done) {
		t.Errorf("%+v, %v", op, err)
	}
	if now, _, err := volume.Tasks.Get(r.store, "gv0"); err != nil || now.Value.ID != task.Value.ID {
		t.Errorf("another task was started: %+v, %v", now.Value, err)
	}
}
