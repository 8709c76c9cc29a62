package transaction

import (
	"encoding/json"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// State says how far a transaction is.
type State string

// The states of a transaction. Done, Failed and Abandoned are final and hold no locks.
const (
	// Running does its steps; failure unwinds it.
	Running State = "running"
	// Forward is past its pivot: it can only be driven on.
	Forward State = "forward"
	// Unwinding undoes its steps, or waits until a peer is back to undo them there.
	Unwinding State = "unwinding"
	// Stuck failed again and again for a reason that will not pass by itself; it waits for a retry or an abandon.
	Stuck State = "stuck"
	// Done ended well.
	Done State = "done"
	// Failed was undone completely.
	Failed State = "failed"
	// Abandoned was given up by a person, its work left as it was.
	Abandoned State = "abandoned"
)

// Finished reports whether the state is final.
func (s State) Finished() bool { return s == Done || s == Failed || s == Abandoned }

// Owner is the run of a daemon that drives a transaction.
type Owner struct {
	Peer string `json:"peer"`
	Boot string `json:"boot"`
}

// Record is the transaction as the store keeps it, under txn/<id>.
type Record struct {
	Operation string `json:"operation"`
	Version   int    `json:"version"`
	// Params, and Outputs from the pivot on, are dropped when the transaction has finished.
	Params  json.RawMessage `json:"params,omitempty"`
	Outputs Outputs         `json:"outputs,omitempty"`
	Peers   []string        `json:"peers"`
	Locks   []string        `json:"locks"`
	About   []string        `json:"about,omitempty"` // as in Plan
	// Claims are what it may take up, by what is claimed; see Claim.
	Claims map[string]uint64 `json:"claims,omitempty"`
	State  State             `json:"state"`
	// Pivoted tells a stuck transaction's direction: forward if true.
	Pivoted bool `json:"pivoted,omitempty"`
	// Left counts the steps, from the first, that an unwinding transaction has yet to undo.
	Left    int       `json:"left,omitempty"`
	Owner   Owner     `json:"owner"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Error is why the transaction failed, PeerErrors what keeps it from ending, by peer.
	Error      *api.Error            `json:"error,omitempty"`
	PeerErrors map[string]*api.Error `json:"peer-errors,omitempty"`
	Result     json.RawMessage       `json:"result,omitempty"`
	// By is who asked for the transaction, nil if the daemon did by itself; Acts is what people have decided about it since.
	By *api.Actor `json:"by,omitempty"`
	// Course is the id of the course of which the transaction is a part, if any.
	Course string `json:"course,omitempty"`
	// Key is the id of the key of the request that the transaction carries out, if it had one.
	Key  string             `json:"key,omitempty"`
	Acts []api.OperationAct `json:"acts,omitempty"`
}

// Lock says who holds a lock, under locks/<name>. It carries no lease: half-done work outlives its coordinator too.
type Lock struct {
	Transaction string    `json:"transaction"`
	Operation   string    `json:"operation"`
	Since       time.Time `json:"since"`
}

// Alive is a peer's sign of life, under alive/<peer id>, on a lease. Boot differs in every run of the daemon, so that a
// transaction's owner of an earlier run is told from the present one.
type Alive struct {
	Boot    string    `json:"boot"`
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
}

// The kinds of this package's records. They are values and never change.
var (
	// AliveKind holds the peers' signs of life. The daemon announces its own with store.Announce.
	AliveKind = store.NewKind[Alive](store.PrefixAlive, 1)

	recordKind = store.NewKind[Record](store.PrefixTransactions, 1).Packed()
	lockKind   = store.NewKind[Lock](store.PrefixLocks, 1)
)

// finished returns the record as it is kept for history.
func (r Record) finished(s State, now time.Time) Record {
	r.State, r.Ended, r.Left = s, now, 0
	r.Params, r.Outputs = nil, nil
	if s != Abandoned {
		r.PeerErrors = nil
	}
	return r
}

// Changed returns a change of the store as that of a transaction, and whether it is one.
func Changed(c store.Transition) (store.Changed[Record], bool) { return recordKind.Changed(c) }
