package transactiontest

import (
	"context"
	"sync"
	"time"

	"gd2/pkg/api"
	"gd2/transaction"
)

// moment is when, within a Do or Undo, something happens.
type moment string

const (
	before moment = "before"
	inside moment = "inside" // the step runs with a context that ends
	after  moment = "after"
)

// fault is what happens to one step on one peer, the first time.
type fault struct {
	at   visit
	undo bool
	when moment
}

// crash is the death of a daemon.
type crash struct {
	fault          // of the peer at whose step it dies, if event is 0
	event     int  // the number of the coordinator's event after which it dies, from 1
	unwinding bool // count only events of the unwinding
	late      bool // it comes back only when the others had to act
}

// faults is all that goes wrong in one scenario.
type faults struct {
	doTwice   bool
	undoTwice bool
	fail      *fault
	broken    *visit // a Do that fails after its work, so that there is something to unwind
	crash     *crash
}

// traps are the faults of one scenario, set in a pool.
type traps struct {
	faults
	pool        *Pool
	coordinator string
	mu          sync.Mutex
	id          string
	failed      bool
	events      int
	dead        chan string   // tells whom to kill
	adopted     chan struct{} // closed when another peer has adopted the transaction
	once        sync.Once
	killed      bool
	ran         chan struct{} // closed when the caller has its answer
	undertaker  sync.WaitGroup
}

// arm sets the traps.
func arm(p *Pool, coordinator string, what faults) *traps {
	f := &traps{
		faults: what, pool: p, coordinator: coordinator,
		dead: make(chan string, 1), adopted: make(chan struct{}), ran: make(chan struct{}),
	}
	if f.crash != nil && f.crash.late {
		p.Gone(api.Timeout)
	}
	p.Hook(f.hook)
	p.Around(f.around)
	f.undertaker.Go(f.bury)
	return f
}

// bury kills the peer whose time has come, and starts it again.
func (f *traps) bury() {
	var id string
	select {
	case id = <-f.dead:
	case <-f.ran:
		select {
		case id = <-f.dead:
		default:
			return
		}
	}
	if !f.crash.late && id != f.coordinator {
		f.pool.Bounce(id)
		return
	}
	f.pool.Kill(id)
	if f.crash.late {
		// Another peer must take the transaction up, unless it has ended; a peer that is not the coordinator is missed
		// until the caller has its answer.
		if id == f.coordinator {
			f.awaitAdoption()
		} else {
			<-f.ran
		}
	}
	f.pool.Gone(api.Unavailable)
	f.pool.Start(id)
}

// awaitAdoption waits until another peer has taken over from the dead coordinator, unless there is nothing to take over.
func (f *traps) awaitAdoption() {
	<-f.ran
	if f.id == "" || f.pool.finished(f.id) {
		return
	}
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	select {
	case <-f.adopted:
	case <-timeout.C:
		f.pool.t.Errorf("no peer adopted transaction %s", f.id)
	}
}

// settle is called when the caller has its answer.
func (f *traps) settle() {
	close(f.ran)
	f.undertaker.Wait()
}

func (f *traps) disarm() {
	f.pool.Hook(nil)
	f.pool.Around(nil)
	f.pool.Gone(api.Unavailable)
}

// happened reports whether the fault came to pass.
func (f *traps) happened() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.killed || f.failed
}

// hook counts the coordinator's events and kills it after the one that was chosen.
func (f *traps) hook(peer string, ev transaction.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ev.Kind == transaction.IntentWritten && f.id == "" {
		f.id = ev.Transaction
	}
	if ev.Transaction != f.id {
		return nil // the last breath of a scenario before this one
	}
	if ev.Kind == transaction.Adopted && peer != f.coordinator {
		f.once.Do(func() { close(f.adopted) })
	}
	c := f.crash
	if c == nil || c.event == 0 || peer != f.coordinator || f.killed {
		return nil
	}
	if c.unwinding && !ev.Undo && ev.Kind != transaction.Unwound && ev.Kind != transaction.StallWritten {
		return nil
	}
	f.events++
	if f.events != c.event {
		return nil
	}
	f.killed = true
	f.dead <- peer
	return transaction.ErrKilled
}

// around runs a step with what is to happen to it.
func (f *traps) around(ctx context.Context, peer string, s transaction.StepInfo, do func(context.Context) error) error {
	at := visit{s.Step, peer}
	if !f.mine(s.Transaction) {
		return do(ctx)
	}
	if f.broken != nil && *f.broken == at && !s.Undo {
		return failing(ctx, fault{at: at, when: after}, do)
	}
	if f.fail != nil && f.fail.at == at && f.fail.undo == s.Undo && f.first(&f.failed) {
		return failing(ctx, *f.fail, do)
	}
	if c := f.crash; c != nil && c.event == 0 && c.at == at && c.undo == s.Undo && f.first(&f.killed) {
		return f.dying(ctx, peer, do)
	}
	if f.doTwice && !s.Undo || f.undoTwice && s.Undo {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return do(ctx)
}

func (f *traps) mine(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return id == f.id
}

func (f *traps) first(happened *bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := *happened
	*happened = true
	return !was
}

func failing(ctx context.Context, f fault, do func(context.Context) error) error {
	if f.when == after {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return api.Errorf(api.NotSupported, "step %s on peer %s was made to fail %s its work", f.at.step, f.at.peer, f.when)
}

// dying lets the step come as far as it shall before the peer is killed, and then never answers.
func (f *traps) dying(ctx context.Context, peer string, do func(context.Context) error) error {
	switch f.crash.when {
	case after:
		_ = do(ctx) // nobody hears the answer of the dead
	case inside:
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_ = do(ended)
	}
	f.dead <- peer
	<-ctx.Done()
	return ctx.Err()
}
