package api

import "encoding/json"

// TransactionRef names an operation that has not ended: the body of an answer 202, and what is pending in a PoolStatus.
type TransactionRef struct {
	ID        string `json:"id"`
	Operation string `json:"operation"`
	State     string `json:"state"`
}

// The states of an operation, as Operation.State has them.
const (
	// OperationRunning does its steps; OperationForward is past the point from which it can only go on.
	OperationRunning = "running"
	OperationForward = "forward"
	// OperationUnwinding undoes its steps, or waits until it can.
	OperationUnwinding = "unwinding"
	// OperationStuck waits for somebody to retry or abandon it.
	OperationStuck = "stuck"
	// OperationDone, OperationFailed and OperationAbandoned have ended.
	OperationDone      = "done"
	OperationFailed    = "failed"
	OperationAbandoned = "abandoned"
)

// Operation describes one run of an operation (an addition): GET /v1/operations/{id}.
type Operation struct {
	ID string `json:"id"`
	// Operation is what is done, such as "volume.create".
	Operation   string   `json:"operation"`
	State       string   `json:"state"`
	Coordinator string   `json:"coordinator"`
	Peers       []string `json:"peers"`
	Locks       []string `json:"locks"`
	StartedAt   string   `json:"started-at"`
	EndedAt     string   `json:"ended-at,omitempty"`
	// Reversible is set while the operation would be undone if it failed, and can be cancelled.
	Reversible bool `json:"reversible,omitempty"`
	// Forward is set from the moment on from which the operation can only go on: a retry goes on, else it undoes.
	Forward bool `json:"forward,omitempty"`
	// Step is the step that runs now, of Steps; Undo says that it is being undone.
	Step  string   `json:"step,omitempty"`
	Steps []string `json:"steps,omitempty"`
	Undo  bool     `json:"undo,omitempty"`
	// PartOf is the id of the operation of which this is a part, if it is one of several.
	PartOf string `json:"part-of,omitempty"`
	// Percent is how much of the step is done, 0 to 100, where that is known; Progress is what each peer reports of it.
	Percent  *float64       `json:"percent,omitempty"`
	Progress []PeerProgress `json:"progress,omitempty"`
	// RequestedBy is who asked for it, Acts what people have decided about it since.
	RequestedBy *Actor            `json:"requested-by,omitempty"`
	Acts        []OperationAct    `json:"acts,omitempty"`
	Error       string            `json:"error,omitempty"`
	ErrorKind   Kind              `json:"error-kind,omitempty"`
	PeerErrors  map[string]string `json:"peer-errors,omitempty"`
	Result      json.RawMessage   `json:"result,omitempty"`
}

// Ended reports whether the operation is over, in whatever way.
func (o Operation) Ended() bool {
	return o.State == OperationDone || o.State == OperationFailed || o.State == OperationAbandoned
}

// Transaction is the name that Operation had before.
type Transaction = Operation

// PeerProgress is what one peer reports of the step that it runs. Done and Total count Unit, such as "bytes" or "files";
// a Total of 0 is one that is not known.
type PeerProgress struct {
	PeerID string `json:"peer-id"`
	Step   string `json:"step"`
	Done   int64  `json:"done"`
	Total  int64  `json:"total"`
	Unit   string `json:"unit,omitempty"`
	// Note says what it is at, or waits for, where a number does not tell.
	Note string `json:"note,omitempty"`
}

// Actor is somebody who asked for something: the user that signed the request, and where it came from.
type Actor struct {
	User string `json:"user"`
	From string `json:"from"`
}

// OperationAct is what somebody decided about an operation: "retry", "abandon" or "cancel".
type OperationAct struct {
	Actor
	Act string `json:"act"`
	// At is in RFC 3339; PeerID is the peer that was asked.
	At     string `json:"at"`
	PeerID string `json:"peer-id"`
}

// OperationList answers GET /v1/operations: the newest first. Next, if not empty, is the cursor of the page that follows.
type OperationList struct {
	Operations []Operation `json:"operations"`
	Next       string      `json:"next,omitempty"`
}

// OperationLogs answers GET /v1/operations/{id}/logs: the lines that the peers remember of an operation, the oldest first.
type OperationLogs struct {
	Lines []OperationLogLine `json:"lines"`
	// Missing says, by peer, why its lines are not there.
	Missing map[string]string `json:"missing,omitempty"`
}

// OperationLogLine is one line of a peer's log about an operation.
type OperationLogLine struct {
	PeerID string `json:"peer-id"`
	// At is in RFC 3339; Level is one of logrus' names.
	At      string `json:"at"`
	Level   string `json:"level"`
	Step    string `json:"step,omitempty"`
	Message string `json:"message"`
}
