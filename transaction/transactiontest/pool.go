// Package transactiontest proves operations: it runs them on a pool of engines in one process, whose peers can die and
// come back at any moment, and compares what they leave behind.
package transactiontest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/store/storetest"
	"gd2/transaction"
)

// Patience bounds each wait of this package; machines that run tests are often busy.
const Patience = 30 * time.Second

// Config is what a Pool is made of.
type Config struct {
	// Peers are the ids of the peers; nil means "p1", "p2" and "p3".
	Peers []string
	// Stores has one store for each peer; nil means one fresh store that all peers share, which is fast.
	Stores []*store.Store
	// Registry makes the operations as a peer's daemon would; it is called each time the peer starts.
	Registry func(peerID string) *transaction.Registry
	// Tune, if set, changes an engine's configuration before it is made. The durations are set for tests already.
	Tune func(*transaction.Config)
}

// Pool is a number of engines that reach each other as peers do.
type Pool struct {
	t     testing.TB
	cfg   Config
	peers map[string]*peer

	mu     sync.Mutex
	gone   api.Kind // of the error for a peer that is down
	hook   func(peerID string, ev transaction.Event) error
	around func(ctx context.Context, peerID string, s transaction.StepInfo, do func(context.Context) error) error
}

type peer struct {
	id    string
	store *store.Store

	mu     sync.Mutex
	boots  int
	engine *transaction.Engine
	stop   context.CancelFunc
	ended  chan struct{}
}

// NewPool makes a pool and starts all its peers. It ends with the test.
func NewPool(t testing.TB, cfg Config) *Pool {
	t.Helper()
	if cfg.Peers == nil {
		cfg.Peers = []string{"p1", "p2", "p3"}
	}
	if cfg.Stores == nil {
		s := storetest.New(t)
		for range cfg.Peers {
			cfg.Stores = append(cfg.Stores, s)
		}
	}
	p := &Pool{t: t, cfg: cfg, gone: api.Unavailable, peers: map[string]*peer{}}
	for i, id := range cfg.Peers {
		p.peers[id] = &peer{id: id, store: cfg.Stores[i]}
		p.Start(id)
	}
	t.Cleanup(func() {
		for _, id := range cfg.Peers {
			p.Kill(id)
		}
	})
	return p
}

// Peers returns the ids of the peers.
func (p *Pool) Peers() []string { return slices.Clone(p.cfg.Peers) }

// Store returns the store of a peer.
func (p *Pool) Store(id string) *store.Store { return p.peers[id].store }

// Engine returns the engine of a peer as it runs now.
func (p *Pool) Engine(id string) *transaction.Engine {
	n := p.peers[id]
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.engine
}

// Hook sets what hears the events of all coordinators; nil takes it away.
func (p *Pool) Hook(hook func(peerID string, ev transaction.Event) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

// Around sets what is called in place of every Do and Undo; nil takes it away.
func (p *Pool) Around(f func(ctx context.Context, peerID string, s transaction.StepInfo, do func(context.Context) error) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.around = f
}

// Gone sets the kind of the error that a peer which is down is answered for. api.Unavailable, as at first, is retried to
// the step's deadline, as if the peer might be back at once; api.Timeout fails the step without a wait.
func (p *Pool) Gone(kind api.Kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = kind
}

func (p *Pool) goneKind() api.Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// Start starts a peer that does not run: a new boot of its daemon.
func (p *Pool) Start(id string) {
	p.t.Helper()
	n := p.peers[id]
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.engine != nil {
		return
	}
	n.boots++
	boot := fmt.Sprintf("boot-%d", n.boots)
	cfg := p.engineConfig(n, boot)
	p.announce(n, &transaction.Alive{Boot: boot, PID: n.boots, Started: time.Now()})
	n.engine, n.ended = transaction.NewEngine(cfg), make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func(e *transaction.Engine, ended chan struct{}) {
		defer close(ended)
		if err := e.Run(ctx); err != nil {
			p.t.Errorf("recovery loop of peer %s: %v", id, err)
		}
	}(n.engine, n.ended)
}

func (p *Pool) engineConfig(n *peer, boot string) transaction.Config {
	log := logrus.New()
	log.SetOutput(io.Discard)
	cfg := transaction.Config{
		Store: n.store, PeerID: n.id, BootID: boot, Registry: p.cfg.Registry(n.id), Transport: p,
		Log:   log.WithField("peer", n.id),
		Grace: 10 * time.Millisecond, Backoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
		UndoPatience: 60 * time.Millisecond, MaxStepTimeout: 5 * time.Second,
		Hook: func(ev transaction.Event) error {
			p.mu.Lock()
			hook := p.hook
			p.mu.Unlock()
			if hook == nil {
				return nil
			}
			return hook(n.id, ev)
		},
		Around: func(ctx context.Context, s transaction.StepInfo, do func(context.Context) error) error {
			p.mu.Lock()
			around := p.around
			p.mu.Unlock()
			if around == nil {
				return do(ctx)
			}
			return around(ctx, n.id, s, do)
		},
	}
	cfg.Logbook = transaction.NewLogbook()
	log.AddHook(cfg.Logbook)
	if p.cfg.Tune != nil {
		p.cfg.Tune(&cfg)
	}
	return cfg
}

// Kill makes a peer's daemon die: its steps are cut short, its sign of life goes, and nobody reaches it. It does nothing
// if the peer does not run. It must not be called from a hook or from inside a step, which it waits for.
func (p *Pool) Kill(id string) {
	n := p.peers[id]
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.end() {
		p.announce(n, nil)
	}
}

// Bereave makes the daemon that coordinates a course die, and waits until another peer goes on with the course, which stands in the middle.
func (p *Pool) Bereave(coordinator, course string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 0)
	defer cancel()
	_ = p.Engine(coordinator).Drain(ctx) // it leaves courses alone
	p.Kill(coordinator)
	var other string
	for _, id := range p.cfg.Peers {
		if id != coordinator {
			other = id
		}
	}
	Eventually(p.t, "adoption", func() bool {
		op, err := p.Engine(other).Get(course)
		return err == nil && op.Coordinator != coordinator && op.State == string(transaction.Running)
	})
}

// Bounce makes a peer's daemon die and starts it again before its sign of life has run out, as that of a daemon does only seconds
// after its death.
func (p *Pool) Bounce(id string) {
	n := p.peers[id]
	n.mu.Lock()
	n.end()
	n.mu.Unlock()
	p.Start(id)
}

// end ends the daemon of a peer; false if it does not run. The caller holds n.mu.
func (n *peer) end() bool {
	if n.engine == nil {
		return false
	}
	n.stop()
	n.engine.Close()
	<-n.ended
	n.engine = nil
	return true
}

// announce writes or removes a peer's sign of life, as the start and the end of a lease would.
func (p *Pool) announce(n *peer, life *transaction.Alive) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := n.store.Sync(ctx); err != nil {
		p.t.Errorf("sign of life of peer %s: %v", n.id, err)
		return
	}
	old, there, err := transaction.AliveKind.Get(n.store, n.id)
	var w store.Write
	switch {
	case err != nil || life == nil && !there:
		return
	case life == nil:
		w = transaction.AliveKind.Delete(n.id, old.Revision)
	case there:
		w = transaction.AliveKind.Update(n.id, *life, old.Revision)
	default:
		w = transaction.AliveKind.Create(n.id, *life)
	}
	rev, err := n.store.Commit(ctx, []store.Write{w})
	if err == nil {
		err = n.store.WaitRevision(ctx, rev)
	}
	if err != nil {
		p.t.Errorf("sign of life of peer %s: %v", n.id, err)
	}
}

// RunStep implements transaction.Transport. Requests, answers and errors cross as JSON, as they do between processes.
func (p *Pool) RunStep(ctx context.Context, peerID string, req transaction.StepRequest) (transaction.StepReply, error) {
	var reply transaction.StepReply
	n := p.peers[peerID]
	if n == nil {
		return reply, api.Errorf(api.NotFound, "peer %s is not in the pool", peerID)
	}
	e := p.Engine(peerID)
	if e == nil {
		return reply, api.Errorf(p.goneKind(), "peer %s is down", peerID)
	}
	var sent transaction.StepRequest
	if err := copyJSON(req, &sent); err != nil {
		return reply, err
	}
	answer, err := handle(ctx, e, sent)
	if p.Engine(peerID) != e {
		return reply, api.Errorf(p.goneKind(), "peer %s died before it answered", peerID)
	}
	if err != nil {
		var crossed api.Error
		if err := copyJSON(api.AsError(err), &crossed); err != nil {
			return reply, err
		}
		return reply, &crossed
	}
	return reply, copyJSON(answer, &reply)
}

// Survey implements transaction.Transport.
func (p *Pool) Survey(ctx context.Context, peerID string, req transaction.SurveyRequest) (reply transaction.SurveyReply, err error) {
	n := p.peers[peerID]
	if n == nil {
		return reply, api.Errorf(api.NotFound, "peer %s is not in the pool", peerID)
	}
	e := p.Engine(peerID)
	if e == nil {
		return reply, api.Errorf(p.goneKind(), "peer %s is down", peerID)
	}
	var sent transaction.SurveyRequest
	if err := copyJSON(req, &sent); err != nil {
		return reply, err
	}
	return e.HandleSurvey(ctx, sent)
}

// Glimpse implements transaction.Transport.
func (p *Pool) Glimpse(_ context.Context, peerID, id string) (transaction.Glimpse, error) {
	e := p.Engine(peerID)
	if e == nil {
		return transaction.Glimpse{}, api.Errorf(p.goneKind(), "peer %s is down", peerID)
	}
	return e.Glimpse(id), nil
}

// Lines implements transaction.Transport.
func (p *Pool) Lines(_ context.Context, peerID, id string) ([]api.OperationLogLine, error) {
	e := p.Engine(peerID)
	if e == nil {
		return nil, api.Errorf(p.goneKind(), "peer %s is down", peerID)
	}
	return e.Lines(id), nil
}

// Cancel implements transaction.Transport.
func (p *Pool) Cancel(_ context.Context, peerID string, req transaction.CancelRequest) error {
	e := p.Engine(peerID)
	if e == nil {
		return api.Errorf(p.goneKind(), "peer %s is down", peerID)
	}
	return e.HandleCancel(req)
}

// handle returns when ctx ends, as a call between processes does, although the step may still run.
func handle(ctx context.Context, e *transaction.Engine, req transaction.StepRequest) (transaction.StepReply, error) {
	type answer struct {
		reply transaction.StepReply
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		reply, err := e.HandleStep(ctx, req)
		answered <- answer{reply, err}
	}()
	select {
	case a := <-answered:
		return a.reply, a.err
	case <-ctx.Done():
		return transaction.StepReply{}, api.Errorf(api.Timeout, "the call to the peer was given up: %v", context.Cause(ctx))
	}
}

func copyJSON(from, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

// WaitFinished waits until a transaction has finished and returns it. It fails the test if the transaction is stuck or
// takes too long.
func (p *Pool) WaitFinished(id string) api.Transaction {
	p.t.Helper()
	signal, unsubscribe := p.peers[p.cfg.Peers[0]].store.Subscribe(store.PrefixTransactions)
	defer unsubscribe()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	for {
		v := p.transaction(id)
		if transaction.State(v.State).Finished() {
			return v
		}
		if v.State == string(transaction.Stuck) {
			p.t.Fatalf("transaction %s is stuck: %+v", id, v)
		}
		select {
		case <-signal:
		case <-timeout.C:
			p.t.Fatalf("transaction %s has not finished: %+v", id, v)
		}
	}
}

// transaction returns a transaction as the first peer's copy of the store has it.
func (p *Pool) transaction(id string) api.Transaction {
	list, err := transaction.List(p.peers[p.cfg.Peers[0]].store)
	if err != nil {
		p.t.Errorf("list of transactions: %v", err)
	}
	for _, v := range list {
		if v.ID == id {
			return v
		}
	}
	return api.Transaction{}
}

// finished asks the store whether a transaction has finished.
func (p *Pool) finished(id string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := p.peers[p.cfg.Peers[0]].store.Sync(ctx); err != nil {
		p.t.Errorf("state of transaction %s: %v", id, err)
	}
	return transaction.State(p.transaction(id).State).Finished()
}

// Silence takes a peer's sign of life away while its daemon goes on, as when it cannot reach the store for a while.
func (p *Pool) Silence(id string) { p.announce(p.peers[id], nil) }
