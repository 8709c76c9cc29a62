package transaction

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"gd2/pkg/api"
)

// Registry holds the operations that a daemon knows. It is filled while the daemon is built and only read afterwards.
type Registry struct {
	definitions map[string]*definition
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{definitions: map[string]*definition{}}
}

// Handle runs one registered operation.
type Handle[P, R any] struct {
	def *definition
}

// Register adds an operation. It panics if the operation is not well formed or is registered already: that is a fault
// of the program, found the first time it starts.
func Register[P, R any](r *Registry, op Operation[P, R]) Handle[P, R] {
	d, err := erase(op)
	if err == nil && r.definitions[d.key()] != nil {
		err = fmt.Errorf("operation %s is registered twice", d.key())
	}
	if err != nil {
		panic("transaction: " + err.Error())
	}
	r.definitions[d.key()] = d
	return Handle[P, R]{def: d}
}

// Names returns the registered operations as name@version, sorted.
func (r *Registry) Names() []string {
	return slices.Sorted(maps.Keys(r.definitions))
}

// Description tells what an operation is made of.
type Description struct {
	Name    string
	Version int
	Steps   []string
	// Pivot is the index of the first step that cannot be undone, or 0.
	Pivot int
	// Mute are the steps that do not say what they do: they have no Effects.
	Mute []string
}

// Describe returns the description of an operation given as name@version.
func (r *Registry) Describe(key string) (Description, bool) {
	d := r.definitions[key]
	if d == nil {
		return Description{}, false
	}
	out := Description{Name: d.name, Version: d.version, Pivot: d.pivot}
	for _, s := range d.steps {
		out.Steps = append(out.Steps, s.name)
		if !s.effects {
			out.Mute = append(out.Mute, s.name)
		}
	}
	return out, true
}

// Run runs an operation given as name@version, as Handle.Run does, with types forgotten: for callers that treat all
// operations alike. The engine must have been made with this registry or an equal one.
func (r *Registry) Run(ctx context.Context, e *Engine, key string, plan Plan[any]) (json.RawMessage, error) {
	d := r.definitions[key]
	if d == nil {
		return nil, api.Errorf(api.NotSupported, "operation %s is not known to this daemon", key)
	}
	raw, err := json.Marshal(plan.Params)
	if err != nil {
		return nil, api.Errorf(api.Internal, "parameters of operation %s: %v", key, err)
	}
	return e.submit(ctx, d, wish{params: raw, peers: plan.Peers, locks: plan.Locks, about: plan.About, guards: plan.Guards, answer: plan.Answer, claims: plan.Claims})
}

// Run runs the operation: it writes the intent with all locks, or answers Conflict with the name of
// the lock and of its holder; runs the steps; and commits or unwinds. When ctx ends first Run returns a Timeout with
// the field api.FieldTransaction and the transaction goes on without its caller. A failed step's error keeps its kind
// and has the fields peer-id, step, error and transaction; if several peers failed they are the causes.
func (h Handle[P, R]) Run(ctx context.Context, e *Engine, plan Plan[P]) (R, error) {
	var result R
	params, err := json.Marshal(plan.Params)
	if err != nil {
		return result, api.Errorf(api.Internal, "parameters of operation %s: %v", h.def.key(), err)
	}
	raw, err := e.submit(ctx, h.def, wish{params: params, peers: plan.Peers, locks: plan.Locks, about: plan.About, guards: plan.Guards, answer: plan.Answer, claims: plan.Claims})
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return result, api.Errorf(api.Internal, "result of operation %s: %v", h.def.key(), err)
	}
	return result, nil
}
