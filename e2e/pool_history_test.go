package e2e

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"gd2/pkg/api"
	"gd2/pkg/client"
)

// What clients ask for, in a history.
const (
	opCreate = "create"
	opSet    = "set"
	opDelete = "delete"
	opRead   = "read"
)

// asked is what a client asks of one volume. Value is what opSet sets.
type asked struct{ Op, Volume, Value string }

// told is what a client was told. The zero value is a call without an answer, or with one that leaves the outcome open.
type told struct {
	// Known is true when the answer says what has become of the call.
	Known bool
	// State is the volume as the call has seen it, before it changed anything.
	State state
}

// state is a volume as clients see it: absent, or there with the value of the one option that is set, "" if it is not.
type state struct {
	There bool
	Value string
}

// history is what all clients have asked and were told, and when.
type history struct {
	began time.Time

	mu   sync.Mutex
	done []porcupine.Operation
}

// now is the time since the history began; the monotonic clock, whatever happens to that of the day.
func (h *history) now() int64 { return int64(time.Since(h.began)) }

// add notes a call that began at from. A call whose outcome is open may take effect at any time until the end of days.
func (h *history) add(who int, from int64, in asked, out told) {
	op := porcupine.Operation{ClientId: who, Input: in, Output: out, Call: from, Return: h.now()}
	if !out.Known {
		if in.Op == opRead {
			return
		}
		op.Return = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done = append(h.done, op)
}

// learn turns the answer to a call into what it says of the volume. ok is false for calls that the server has refused
// before anything happened: they do not belong into the history.
func learn(in asked, info api.VolumeInfo, err error) (out told, ok bool) {
	switch {
	case err == nil && in.Op == opRead:
		return told{Known: true, State: state{There: true, Value: info.Options[loadOption]}}, true
	case err == nil && in.Op == opCreate:
		return told{Known: true}, true
	case err == nil:
		return told{Known: true, State: state{There: true}}, true
	case api.IsKind(err, api.Exists) && in.Op == opCreate:
		return told{Known: true, State: state{There: true}}, true
	case api.IsKind(err, api.NotFound) && in.Op != opCreate:
		return told{Known: true}, true
	case api.IsKind(err, api.Conflict, api.TooMany), unreachable(err):
		return told{}, false
	}
	return told{}, true
}

// unreachable tells whether no connection was made, so that nothing was asked.
func unreachable(err error) bool {
	return api.IsKind(err, api.Unavailable) && api.AsError(err).Message == client.Unreachable
}

// next returns the states in which a volume can be after a call, if it was in state s before; none if the call cannot
// have been answered as it was.
func next(s state, in asked, out told) []any {
	after := s
	switch in.Op {
	case opCreate:
		if !s.There {
			after = state{There: true}
		}
	case opSet:
		if s.There {
			after.Value = in.Value
		}
	case opDelete:
		after = state{}
	}
	switch {
	case !out.Known:
		return []any{s, after}
	case in.Op == opRead && s != out.State, s.There != out.State.There:
		return nil
	}
	return []any{after}
}

// model says what volumes are to their clients: each is a register of its own.
func model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state{}} },
		Step: func(s, in, out any) []any { return next(s.(state), in.(asked), out.(told)) },
		Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
			of := map[string][]porcupine.Operation{}
			for _, op := range ops {
				of[op.Input.(asked).Volume] = append(of[op.Input.(asked).Volume], op)
			}
			var parts [][]porcupine.Operation
			for _, part := range of {
				parts = append(parts, part)
			}
			return parts
		},
	}
	return m.ToModel()
}

// check fails the test unless the history is linearizable: as if all calls had been carried out one after the other,
// each at some moment between its beginning and its end.
func (h *history) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	count := map[string]int{}
	for _, op := range h.done {
		key := op.Input.(asked).Op
		if !op.Output.(told).Known {
			key += " with an open outcome"
		}
		count[key]++
	}
	t.Logf("history of %d calls: %v", len(h.done), count)
	for _, part := range model().Partition(h.done) {
		if result := porcupine.CheckOperationsTimeout(model(), part, 30*time.Second); result != porcupine.Ok {
			t.Errorf("linearizable: %v; history of one volume:\n%s", result, show(part))
		}
	}
}

// linearizable tells whether the whole history is.
func (h *history) linearizable() bool {
	return porcupine.CheckOperationsTimeout(model(), h.done, time.Minute) == porcupine.Ok
}

// show prints a history in the order in which the calls began, the end of it if it is long.
func show(ops []porcupine.Operation) string {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	text := ""
	for _, op := range ops {
		text += fmt.Sprintf("%9.3f–%9.3f s client %2d: %v → %+v\n", float64(op.Call)/1e9, min(float64(op.Return)/1e9, 99999), op.ClientId, op.Input, op.Output)
	}
	return text[max(0, len(text)-20_000):]
}
