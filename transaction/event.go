package transaction

import "errors"

// EventKind says what a coordinator has just done.
type EventKind string

// The events of a transaction, in the order in which they can happen.
const (
	// IntentWritten: the intent and the locks are in the store.
	IntentWritten EventKind = "intent-written"
	// Adopted: this engine took the transaction over.
	Adopted EventKind = "adopted"
	// StepSent: a Do or Undo is about to go to a peer.
	StepSent EventKind = "step-sent"
	// StepDone: a peer's answer to a Do or Undo, good or bad, is here.
	StepDone EventKind = "step-done"
	// PivotWritten: from here on the transaction is only driven forward.
	PivotWritten EventKind = "pivot-written"
	// StallWritten: what keeps the transaction from ending is in the store.
	StallWritten EventKind = "stall-written"
	// Committed: the records, the end and the unlock are in the store.
	Committed EventKind = "committed"
	// Unwound: everything is undone, and the failure and the unlock are in the store.
	Unwound EventKind = "unwound"
)

// Event is one thing that a coordinator did.
type Event struct {
	Kind        EventKind
	Transaction string
	// Operation is name@version.
	Operation string
	// Step, Peer and Undo belong to StepSent and StepDone; Err, the peer's answer, to StepDone.
	Step string
	Peer string
	Undo bool
	Err  error
}

// ErrKilled makes the engine stop at once, when Config.Hook returns it, as if its process had died: it writes nothing
// more and sends nothing more, and its running steps are cancelled.
var ErrKilled = errors.New("the engine was killed by its hook")
