// Package transaction carries out changes as sagas: operations of steps on several peers, each with its undo, begun by
// an intent in the store and ended by one commit of the records, the outcome and the unlock. It knows peers and steps,
// nothing of volumes. DESIGN.md tells how it behaves when things fail.
package transaction

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
	"gd2/store"
)

// DefaultStepTimeout bounds a step that names no timeout of its own.
const DefaultStepTimeout = 60 * time.Second

// Operation defines a change: what is done on which peers, how each part is undone, and what is recorded at the end.
// P are the parameters, chosen once by the plan and kept in the intent; R is the result. Both must survive JSON.
type Operation[P, R any] struct {
	// Name says what is done, such as "volume.create". Version changes whenever a daemon that knows an older
	// definition must not continue a transaction of this one.
	Name    string
	Version int
	Steps   []Step[P]
	// Pivot is the index of the first step that cannot be undone; a write marks the moment before it. From there on
	// the transaction is only driven forward. 0 means that there is none.
	Pivot int
	// Commit returns the changes of the records that make the operation true, the guards that they depend on, and
	// the result. It must be pure: it runs on the coordinator or on the peer that adopted the transaction, perhaps
	// more than once. An error unwinds the transaction.
	Commit func(p P, out Outputs) ([]store.Write, []store.Guard, R, error)
}

// Step is one part of an operation. It runs on all its peers at once and touches only the host it runs on.
type Step[P any] struct {
	Name string
	// Peers returns the ids of the peers of this step; nil means all peers of the transaction.
	Peers func(p P) []string
	// Do does the work. It may be run again after it ran in part or whole, and must then come to the same end.
	Do func(ctx context.Context, c *Call, p P) error
	// Undo takes the work back; nil means that there is nothing to take back. It must be safe after nothing, half or
	// all of Do, and twice. It must recognise what Do made, so that it never removes what was there before.
	Undo func(ctx context.Context, c *Call, p P) error
	// Effects tells for a plan what Do will create, change or destroy on a peer. It must be pure. Every step has it; one
	// that only looks returns nothing.
	Effects func(p P, peerID string) []api.Effect
	// Survey, if set, looks at the host for a plan and changes nothing. It refuses what Do would refuse there, and returns
	// what Do would do in fact, in place of Effects.
	Survey func(ctx context.Context, c *Call, p P) ([]api.Effect, error)
	// Timeout bounds the step, transient errors and their repetitions included; these are repeated for DefaultStepTimeout at the most.
	// 0 means DefaultStepTimeout.
	Timeout time.Duration
}

// Call is what a step is told besides its parameters.
type Call struct {
	// PeerID is the peer that the step runs on, TransactionID the transaction it belongs to.
	PeerID        string
	TransactionID string
	Log           *logrus.Entry

	outputs map[string]json.RawMessage
	failed  error
	meter   *meter
}

// Plan is one wish to run an operation: its parameters and what it touches.
type Plan[P any] struct {
	Params P
	// Peers are the ids of the peers that take part.
	Peers []string
	// Locks name what no other transaction may change meanwhile, such as "volume/gv0".
	Locks []string
	// About names, as locks are named, what a course is about and does not lock itself: its parts do. It is found by these names, too.
	About []string
	// Guards are checked together with the intent: typically that the records which the plan read are unchanged.
	Guards []store.Guard
	// Claims are what the transaction may take up of things that are limited, by what is claimed.
	Claims map[string]Claim
	// Answer, if not nil, is what the request is answered with if the operation is done, as far as the plan knows it. It is kept
	// for requests that are repeated.
	Answer any
}

// Answering returns the plan with what the request is answered with if the operation is done: see Answer.
func (p Plan[P]) Answering(answer any) Plan[P] {
	p.Answer = answer
	return p
}

// Erase returns the plan with its type forgotten, for Registry.Run.
func (p Plan[P]) Erase() Plan[any] {
	return Plan[any]{Params: p.Params, Peers: p.Peers, Locks: p.Locks, About: p.About, Guards: p.Guards, Answer: p.Answer, Claims: p.Claims}
}

// definition is an operation with its types erased. bind decodes the parameters and gives back the types' functions.
type definition struct {
	name    string
	version int
	pivot   int
	steps   []stepInfo
	bind    func(params json.RawMessage) (bound, error)
	course  *course // of a course, which has no steps
}

// stepInfo is what is known of a step without its parameters.
type stepInfo struct {
	name    string
	timeout time.Duration
	undo    bool
	effects bool
	survey  bool
}

// bound is a definition together with the parameters of one transaction.
type bound struct {
	peers   func(step int) ([]string, bool)
	do      func(ctx context.Context, step int, c *Call) error
	effects func(step int, peerID string) []api.Effect
	survey  func(ctx context.Context, step int, c *Call) ([]api.Effect, error)
	undo    func(ctx context.Context, step int, c *Call) error
	commit  func(Outputs) ([]store.Write, []store.Guard, json.RawMessage, error)
}

func (d *definition) key() string { return operationKey(d.name, d.version) }

func operationKey(name string, version int) string { return fmt.Sprintf("%s@%d", name, version) }

// step returns the index of the step of that name, or -1.
func (d *definition) step(name string) int {
	return slices.IndexFunc(d.steps, func(s stepInfo) bool { return s.name == name })
}

// erase checks an operation and forgets its types.
func erase[P, R any](op Operation[P, R]) (*definition, error) {
	d := &definition{name: op.Name, version: op.Version, pivot: op.Pivot}
	if op.Name == "" || op.Commit == nil {
		return nil, fmt.Errorf("operation %q: a name and a Commit are needed", op.Name)
	}
	if op.Pivot < 0 || op.Pivot > 0 && op.Pivot >= len(op.Steps) {
		return nil, fmt.Errorf("operation %s: pivot %d is not the index of a step after the first", op.Name, op.Pivot)
	}
	for _, s := range op.Steps {
		if s.Name == "" || s.Do == nil || d.step(s.Name) >= 0 {
			return nil, fmt.Errorf("operation %s: step %q needs a name of its own and a Do", op.Name, s.Name)
		}
		if s.Timeout == 0 {
			s.Timeout = DefaultStepTimeout
		}
		d.steps = append(d.steps, stepInfo{name: s.Name, timeout: s.Timeout, undo: s.Undo != nil, effects: s.Effects != nil, survey: s.Survey != nil})
	}
	d.bind = func(raw json.RawMessage) (bound, error) { return bind(op, raw) }
	return d, nil
}

func bind[P, R any](op Operation[P, R], raw json.RawMessage) (bound, error) {
	var p P
	if err := json.Unmarshal(raw, &p); err != nil {
		return bound{}, fmt.Errorf("parameters of operation %s: %w", operationKey(op.Name, op.Version), err)
	}
	return bound{
		peers: func(i int) ([]string, bool) {
			if op.Steps[i].Peers == nil {
				return nil, false
			}
			return op.Steps[i].Peers(p), true
		},
		do: func(ctx context.Context, i int, c *Call) error { return op.Steps[i].Do(ctx, c, p) },
		undo: func(ctx context.Context, i int, c *Call) error {
			if op.Steps[i].Undo == nil {
				return nil
			}
			return op.Steps[i].Undo(ctx, c, p)
		},
		effects: func(i int, peerID string) []api.Effect {
			if op.Steps[i].Effects == nil {
				return nil
			}
			return op.Steps[i].Effects(p, peerID)
		},
		survey: func(ctx context.Context, i int, c *Call) ([]api.Effect, error) {
			if op.Steps[i].Survey == nil {
				return op.Steps[i].Effects(p, c.PeerID), nil
			}
			return op.Steps[i].Survey(ctx, c, p)
		},
		commit: func(out Outputs) ([]store.Write, []store.Guard, json.RawMessage, error) {
			w, g, r, err := op.Commit(p, out)
			if err != nil {
				return nil, nil, nil, err
			}
			result, err := json.Marshal(r)
			return w, g, result, err
		},
	}, nil
}
