package transaction

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
)

// Transport carries step requests to other peers.
type Transport interface {
	// RunStep has the peer's engine handle the request and returns its answer. The error is the *api.Error that the
	// peer's HandleStep returned, or one of kind api.Unavailable if the peer could not be reached or was lost.
	RunStep(ctx context.Context, peerID string, req StepRequest) (StepReply, error)
	// Survey has the peer's engine look at its host, as HandleSurvey says. Errors are as those of RunStep.
	Survey(ctx context.Context, peerID string, req SurveyRequest) (SurveyReply, error)
	// Glimpse, Lines and Cancel ask the peer's engine for its Glimpse, Lines and HandleCancel.
	Glimpse(ctx context.Context, peerID, id string) (Glimpse, error)
	Lines(ctx context.Context, peerID, id string) ([]api.OperationLogLine, error)
	Cancel(ctx context.Context, peerID string, req CancelRequest) error
}

// Begun is a transaction that has begun: its locks are held, nothing is done yet.
type Begun struct {
	ID, Operation string
	Params        json.RawMessage
}

// Config is what an Engine is made of. Durations and counts that are 0 take the default that is named.
type Config struct {
	Store *store.Store
	// PeerID is this peer; BootID differs in every run of the daemon and is what this peer's Alive record says.
	PeerID    string
	BootID    string
	Registry  *Registry
	Transport Transport
	Log       *logrus.Entry
	// HostOf, if set, returns what people call a peer, for plans.
	HostOf func(peerID string) string

	// Grace is how long a coordinator's sign of life must be missing before its transactions are adopted (2 s).
	Grace time.Duration
	// Backoff is the pause before the second attempt to end a transaction (500 ms); it doubles up to MaxBackoff (30 s).
	Backoff    time.Duration
	MaxBackoff time.Duration
	// UndoPatience is how long one attempt to undo waits for a peer that is out of reach (2 s).
	UndoPatience time.Duration
	// MaxStepTimeout, if not 0, lowers the timeouts that the steps themselves name.
	MaxStepTimeout time.Duration
	// StuckAfter is the number of attempts with an error that will not pass by itself before a transaction is stuck (5).
	StuckAfter int
	// History is the number of finished transactions that are kept (200), HistoryAge how long they are (30 days).
	History    int
	HistoryAge time.Duration
	// KeyAge is how long the keys of requests are remembered (24 h).
	KeyAge time.Duration
	// Before, if set, is called once for each transaction that begins here, after its intent and before its first step. It
	// cannot keep the transaction from going on, but holds it up.
	Before func(ctx context.Context, t Begun)
	// Logbook, if set, remembers the log of the last transactions. It must be a hook of Log's logger.
	Logbook *Logbook

	// Hook, if set, hears every event of the transactions that this engine drives, perhaps from several goroutines.
	// An error other than ErrKilled is ignored.
	Hook func(Event) error
	// Around, if set, is called in place of each Do and Undo that this peer runs; it calls do.
	Around func(ctx context.Context, s StepInfo, do func(context.Context) error) error
}

// StepInfo says which step of which transaction runs on a peer.
type StepInfo struct {
	Transaction string
	// Operation is name@version.
	Operation string
	Step      string
	Undo      bool
}

// withDefaults fills in what is 0.
func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Grace, 2 * time.Second}, {&c.Backoff, 500 * time.Millisecond}, {&c.MaxBackoff, 30 * time.Second},
		{&c.UndoPatience, 2 * time.Second}, {&c.HistoryAge, 30 * 24 * time.Hour}, {&c.KeyAge, 24 * time.Hour},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.StuckAfter == 0 {
		c.StuckAfter = 5
	}
	if c.History == 0 {
		c.History = 200
	}
	return c
}

// Engine drives the transactions that this peer coordinates, runs the steps that other coordinators send, and brings
// to an end what a dead coordinator left behind.
type Engine struct {
	cfg   Config
	owner Owner
	log   *logrus.Entry
	ctx   context.Context // ends when the engine closes or is killed
	stop  context.CancelFunc
	seq   atomic.Uint64
	kick  chan struct{} // wakes the recovery loop

	mu     sync.Mutex
	closed bool
	// drained is made by Drain, after which no transaction begins, and closed when the last one has ended.
	drained chan struct{}
	work    sync.WaitGroup
	courses map[string]*definition
	active  map[string]*drive   // transactions that this engine drives just now
	meters  map[string]*meter   // transactions that sent steps to this peer: how far the last one is
	stalls  map[string]*stall   // transactions of ours that wait for another attempt
	gates   map[string]*gate    // transactions that sent steps to this peer
	quiet   map[string]struct{} // transactions whose operation is unknown here, already logged
	absent  map[string]time.Time
}

// NewEngine returns an engine. It handles and runs transactions at once; Run adds recovery.
func NewEngine(c Config) *Engine {
	c = c.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	return &Engine{
		cfg: c, owner: Owner{Peer: c.PeerID, Boot: c.BootID}, log: c.Log, ctx: ctx, stop: stop,
		kick: make(chan struct{}, 1), courses: map[string]*definition{}, active: map[string]*drive{}, meters: map[string]*meter{}, stalls: map[string]*stall{}, gates: map[string]*gate{},
		quiet: map[string]struct{}{}, absent: map[string]time.Time{},
	}
}

// Close stops the engine and waits until everything it started has ended. Transactions that ran stay in the store as
// they are; the next run of this daemon, or another peer, brings them to their end.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop()
	e.work.Wait()
}

// Drain refuses new transactions and waits until those that this engine drives have ended, or ctx ends; courses are left to
// the next run. Steps of other
// coordinators are still run. Close comes after it.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	if e.drained == nil {
		e.drained = make(chan struct{})
		if len(e.active) == 0 {
			close(e.drained)
		}
		for _, d := range e.active {
			if d.def.course != nil {
				d.cancel() // none of its transactions may begin any more: the next run goes on
			}
		}
	}
	drained := e.drained
	e.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errStopped = api.Errorf(api.Unavailable, "the transaction engine of this peer has stopped")

// begin registers one piece of work that Close waits for.
func (e *Engine) begin() (end func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.ctx.Err() != nil {
		return nil, errStopped
	}
	e.work.Add(1)
	return e.work.Done, nil
}

// claim marks a transaction as driven by this engine. It returns false if it is already, or if the engine has stopped.
func (e *Engine) claim(d *drive) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.drained != nil || e.ctx.Err() != nil || e.active[d.id] != nil {
		return false
	}
	d.ctx, d.cancel = context.WithCancel(e.ctx)
	e.active[d.id] = d
	e.work.Add(1)
	return true
}

// release ends what claim began and has the recovery loop look whether anything is left to do.
func (e *Engine) release(d *drive) {
	d.cancel()
	e.mu.Lock()
	delete(e.active, d.id)
	if e.drained != nil && len(e.active) == 0 {
		close(e.drained)
	}
	e.mu.Unlock()
	e.wake()
	e.work.Done()
}

func (e *Engine) wake() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// event tells the hook. It returns errStopped if the engine is dead, by this event or already.
func (e *Engine) event(ev Event) error {
	if e.ctx.Err() != nil {
		return errStopped
	}
	if e.cfg.Hook != nil && errors.Is(e.cfg.Hook(ev), ErrKilled) {
		e.stop()
		return errStopped
	}
	return nil
}

// joined returns ctx, ended also by the end of the engine.
func (e *Engine) joined(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(e.ctx, cancel)
	return ctx, func() { unhook(); cancel() }
}
