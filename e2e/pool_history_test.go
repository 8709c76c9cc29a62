package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"gd2/pkg/api"
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
	// Known is true when the answer says what has become of the call, Refused when it says that nothing has.
	Known, Refused bool
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
func (h *history) add(who int, from int64, in asked, out told, err error) {
	op := porcupine.Operation{ClientId: who, Input: in, Output: out, Call: from, Return: h.now(), Metadata: err}
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

// learn turns the answer to a call into what it says of the volume. Only a Timeout, an internal fault and a connection that breaks
// leave the outcome open; whatever else an error says, nothing has been changed.
func learn(in asked, info api.VolumeInfo, err error) told {
	switch {
	case err == nil && in.Op == opRead:
		return told{Known: true, State: state{There: true, Value: info.Options[loadOption]}}
	case err == nil && in.Op == opCreate:
		return told{Known: true}
	case err == nil:
		return told{Known: true, State: state{There: true}}
	case api.IsKind(err, api.Exists) && in.Op == opCreate:
		return told{Known: true, State: state{There: true}}
	case api.IsKind(err, api.NotFound) && in.Op != opCreate:
		return told{Known: true}
	case api.IsKind(err, api.Conflict, api.TooMany), api.IsKind(err, api.Unavailable) && !strings.Contains(err.Error(), "may have been carried out"):
		return told{Known: true, Refused: true}
	}
	return told{}
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
	case out.Refused:
		return []any{s}
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
	count, open, refused := map[string]int{}, map[string]int{}, 0
	for _, op := range h.done {
		in := op.Input.(asked)
		count[in.Op]++
		switch out := op.Output.(told); {
		case out.Refused:
			refused++
		case !out.Known:
			open[in.Op]++
		}
	}
	t.Logf("history of %d calls: %v, %d refused, with an open outcome: %v", len(h.done), count, refused, open)
	for _, part := range model().Partition(h.done) {
		result, info := porcupine.CheckOperationsVerbose(model(), part, 30*time.Second)
		if result != porcupine.Ok {
			t.Errorf("linearizable: %v; history of one volume where it goes wrong:\n%s", result, show(around(part, info)))
			keep(t, part)
		}
	}
}

// linearizable tells whether the whole history is.
func (h *history) linearizable() bool {
	return porcupine.CheckOperationsTimeout(model(), h.done, time.Minute) == porcupine.Ok
}

// around picks the calls around the first one that has no place in the longest part that can be put in order.
func around(ops []porcupine.Operation, info porcupine.LinearizationInfo) []porcupine.Operation {
	placed := map[int]bool{}
	for _, part := range info.PartialLinearizations()[0] {
		if len(part) > len(placed) {
			placed = map[int]bool{}
			for _, id := range part {
				placed[id] = true
			}
		}
	}
	first := porcupine.Operation{Return: math.MaxInt64}
	for id, op := range ops {
		if !placed[id] && op.Return < first.Return {
			first = op
		}
	}
	const before, after = 2e9, 5e8 // nanoseconds
	var out []porcupine.Operation
	for _, op := range ops {
		if op.Return > first.Call-before && op.Call < first.Return+after {
			out = append(out, op)
		}
	}
	return append(out, first) // once more, to be seen
}

// show prints a history in the order in which the calls began.
func show(ops []porcupine.Operation) string {
	text := ""
	for _, op := range slices.SortedStableFunc(slices.Values(ops), func(a, b porcupine.Operation) int { return int(a.Call - b.Call) }) {
		end := "      …"
		if op.Return != math.MaxInt64 {
			end = fmt.Sprintf("%7.3f", float64(op.Return)/1e9)
		}
		text += fmt.Sprintf("%7.3f–%s s client %2d: %v → %+v %v\n", float64(op.Call)/1e9, end, op.ClientId, op.Input, op.Output, op.Metadata)
	}
	return text
}

// keep writes the history of one volume to GD2_E2E_LOGS if that is set.
func keep(t *testing.T, ops []porcupine.Operation) {
	t.Helper()
	dir := os.Getenv("GD2_E2E_LOGS")
	if dir == "" {
		return
	}
	dir = filepath.Join(dir, t.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ops[0].Input.(asked).Volume+".history"), []byte(show(ops)), 0o644); err != nil {
		t.Error(err)
	}
}
