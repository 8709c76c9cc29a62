// Package event is what happened in the pool: typed events that are written in the same commit as the change that they
// tell of, so that an event is there if and only if the change is. The revision of that commit gives the events their
// order and their ids, the same on every peer.
//
// derive.go makes the events of a commit; Log is a peer's reading of the history; Faults are what is not well at the
// moment, whose coming and going makes events too. docs/events.md is for users.
package event

import (
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// Record holds the events of one commit.
type Record struct {
	// Origin is the peer that committed.
	Origin string    `json:"origin"`
	Time   time.Time `json:"time"`
	Events []Entry   `json:"events"`
}

// Entry is one event of a record; its place is its index.
type Entry struct {
	Name string            `json:"name"`
	Data map[string]string `json:"data"`
}

// Pruned says how far the history was cut off.
type Pruned struct {
	// Revision is that of the newest event that was removed.
	Revision int64 `json:"revision"`
}

// The kinds of this package's records. They are values and never change.
var (
	records = store.NewKind[Record](store.PrefixEvents, 1).Packed()
	pruned  = store.NewKind[Pruned](store.PrefixEventsPruned, 1)
	// Records of other packages that stand higher; only their changes are looked at here.
	poolOptions = store.NewKind[map[string]string](store.PrefixOptions, 1)
	groups      = store.NewKind[api.OptionGroup](store.PrefixGroups, 1)
	// Faults holds what is not well, by kind, peer and place.
	Faults = store.NewKind[Fault](store.PrefixFaults, 1)
)

// Prefix is what a reader of a Log subscribes to.
const Prefix = store.PrefixEvents

// Fault is something that is not well at the moment. Its record's creation makes an event, its removal another.
type Fault struct {
	// Kind is one of the Fault constants.
	Kind string `json:"kind"`
	// Data is that of the events.
	Data  map[string]string `json:"data"`
	Since time.Time         `json:"since"`
}

// The kinds of faults.
const (
	FaultBrick  = "brick"
	FaultPeer   = "peer"
	FaultQuorum = "quorum"
	FaultDisk   = "disk"
	FaultDaemon = "daemon"
	FaultOrphan = "orphan"
)
