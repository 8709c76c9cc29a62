package transaction_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/transaction"
	"gd2/transaction/transactiontest"
)

// halfway makes every Do of the step report half of its work and wait until resume is closed. begun is told each time.
func halfway(pool *transactiontest.Pool, step string) (begun chan string, resume chan struct{}) {
	begun, resume = make(chan string, 16), make(chan struct{})
	pool.Around(func(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
		if s.Step != step || s.Undo {
			return do(ctx)
		}
		if err := do(ctx); err != nil {
			return err
		}
		begun <- peer
		select {
		case <-resume:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return begun, resume
}

func asked(ctx context.Context, async bool) (context.Context, *transaction.Request) {
	r := &transaction.Request{By: api.Actor{User: "ann", From: "192.0.2.1:7"}, Async: async}
	return transaction.WithRequest(ctx, r), r
}

// TestAsync begins an operation without waiting for it, and follows it through another peer.
func TestAsync(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	begun, resume := halfway(pool, "fill")
	ctx, req := asked(t.Context(), true)
	_, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	id := api.AsError(err).Fields[api.FieldTransaction]
	if !api.IsKind(err, api.Timeout) || id == "" || id != req.Operation() {
		t.Fatalf("%v, operation %q and %q", err, id, req.Operation())
	}
	for range pool.Peers() {
		<-begun
	}
	op, err := pool.Engine("p3").Look(t.Context(), id)
	if err != nil || op.State != api.OperationRunning || op.Step != "fill" || !op.Reversible || op.EndedAt != "" {
		t.Errorf("%+v, %v", op, err)
	}
	if op.Percent == nil || *op.Percent != 50 || len(op.Progress) != 3 || op.Progress[2] != (api.PeerProgress{PeerID: "p3", Step: "fill", Done: 1, Total: 2, Unit: "files"}) {
		t.Errorf("progress %v %+v", op.Percent, op.Progress)
	}
	if op.RequestedBy == nil || op.RequestedBy.User != "ann" || !slices.Equal(op.Steps, []string{"make", "fill", "flag"}) {
		t.Errorf("%+v", op)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if op, err := pool.Engine("p2").Wait(short, id); err != nil || op.State != api.OperationRunning {
		t.Errorf("a wait that ends early: %+v, %v", op, err)
	}
	close(resume)
	op, err = pool.Engine("p2").Wait(t.Context(), id)
	if err != nil || op.State != api.OperationDone || op.EndedAt == "" || op.Reversible {
		t.Errorf("%+v, %v", op, err)
	}
}

// TestCancel cancels through another peer than the coordinator.
func TestCancel(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	begun, _ := halfway(pool, "fill")
	ctx, req := asked(t.Context(), true)
	_, _ = h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers()))
	<-begun
	op, err := pool.Engine("p2").Cancel(ctx, req.Operation())
	if err != nil || op.State != api.OperationFailed || op.ErrorKind != api.State || !strings.Contains(op.Error, "cancelled by ann (192.0.2.1:7)") {
		t.Errorf("%+v, %v", op, err)
	}
	if len(op.Acts) != 1 || op.Acts[0].Act != "cancel" || op.Acts[0].User != "ann" || op.Acts[0].PeerID != "p2" || op.Acts[0].At == "" {
		t.Errorf("not audited: %+v", op.Acts)
	}
	if text := w.text(pool.Store("p1"), sample()); text != "" {
		t.Errorf("left behind:\n%s", text)
	}
	if _, err := pool.Engine("p2").Cancel(ctx, op.ID); !api.IsKind(err, api.State) {
		t.Errorf("cancelled again: %v", err)
	}
	if _, err := pool.Engine("p2").Cancel(ctx, "none"); !api.IsKind(err, api.NotFound) {
		t.Errorf("cancelled what is not: %v", err)
	}
}

// TestCancelPastPivot: what cannot be undone cannot be cancelled.
func TestCancelPastPivot(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(sample(), pool.Peers())); err != nil {
		t.Fatal(err)
	}
	rec, _, _ := things.Get(pool.Store("p1"), "t1")
	begun, resume := halfway(pool, "remove")
	ctx, req := asked(t.Context(), true)
	_, _ = h.remove.Run(ctx, pool.Engine("p1"), transaction.Plan[doomed]{
		Params: doomed{thing: rec.Value, Revision: rec.Revision}, Peers: pool.Peers(), Locks: []string{"thing/t1"},
	})
	<-begun
	for _, peer := range []string{"p1", "p2"} {
		if _, err := pool.Engine(peer).Cancel(ctx, req.Operation()); !api.IsKind(err, api.State) || !strings.Contains(err.Error(), "only go on") {
			t.Errorf("%s: %v", peer, err)
		}
	}
	close(resume)
	if op := pool.WaitFinished(req.Operation()); op.State != api.OperationDone {
		t.Errorf("%+v", op)
	}
}

func TestFind(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	e := pool.Engine("p1")
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		ctx, req := asked(t.Context(), false)
		_, err := h.create.Run(ctx, e, w.planCreate(thing{Name: name, ID: "id-" + name, Flag: "p1"}, []string{"p1", "p2"}))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, req.Operation())
	}
	for _, c := range []struct {
		q    transaction.Query
		want []string
		more bool
	}{
		{transaction.Query{}, []string{ids[2], ids[1], ids[0]}, false},
		{transaction.Query{Limit: 2}, []string{ids[2], ids[1]}, true},
		{transaction.Query{Limit: 2, Before: ids[1]}, []string{ids[0]}, false},
		{transaction.Query{State: transaction.StateEnded, Lock: "thing/b"}, []string{ids[1]}, false},
		{transaction.Query{State: transaction.StatePending}, []string{}, false},
		{transaction.Query{State: "done", Operation: "thing", Peer: "p2", Limit: 3}, []string{ids[2], ids[1], ids[0]}, false},
		{transaction.Query{Operation: "thing.cre"}, []string{}, false},
		{transaction.Query{Operation: "thing.create", Peer: "p3"}, []string{}, false},
	} {
		found, more, err := e.Find(c.q)
		got := []string{}
		for _, o := range found {
			got = append(got, o.ID)
		}
		if err != nil || more != c.more || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v %v %v, want %v", c.q, got, more, err, c.want)
		}
	}
}

func TestHistoryAge(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{Peers: []string{"p1"}, Tune: func(c *transaction.Config) { c.HistoryAge = time.Nanosecond }})
	for _, name := range []string{"a", "b"} {
		if _, err := h.create.Run(t.Context(), pool.Engine("p1"), w.planCreate(thing{Name: name, ID: name, Flag: "p1"}, []string{"p1"})); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := pool.Engine("p1").List(); err != nil || len(list) != 1 || list[0].Locks[0] != "thing/b" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestOperationLogs(t *testing.T) {
	w, h, pool := newToy(t, transactiontest.Config{})
	ctx, req := asked(t.Context(), false)
	if _, err := h.create.Run(ctx, pool.Engine("p1"), w.planCreate(sample(), pool.Peers())); err != nil {
		t.Fatal(err)
	}
	pool.Kill("p3")
	logs, err := pool.Engine("p2").Logs(t.Context(), req.Operation())
	if err != nil || logs.Missing["p3"] == "" || len(logs.Missing) != 1 {
		t.Fatalf("%+v, %v", logs, err)
	}
	said := func(peer, step, text string) bool {
		return slices.ContainsFunc(logs.Lines, func(l api.OperationLogLine) bool {
			return l.PeerID == peer && l.Step == step && strings.Contains(l.Message, text)
		})
	}
	if !said("p1", "", "transaction begins") || !said("p2", "fill", "step ended") || !said("p1", "flag", "step ended") || said("p2", "flag", "") {
		t.Errorf("%+v", logs.Lines)
	}
}

func TestLogbookIsBounded(t *testing.T) {
	l := transaction.NewLogbook()
	for i := range 300 {
		id := string(rune('a' + i))
		for j := range 250 {
			entry := &logrus.Entry{Data: logrus.Fields{"transaction": id, "took": j}, Message: strings.Repeat("é", 1000), Level: logrus.InfoLevel}
			if err := l.Fire(entry); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(l.Lines("a")); n != 0 {
		t.Errorf("%d lines of the first operation", n)
	}
	lines := l.Lines(string(rune('a' + 299)))
	if len(lines) != 200 || len(lines[0].Message) > 1024 {
		t.Errorf("%d lines, %d bytes", len(lines), len(lines[0].Message))
	}
	if err := l.Fire(&logrus.Entry{Message: "of nothing"}); err != nil {
		t.Fatal(err)
	}
}
