package api

// Actions of an Effect.
const (
	ActionCreate  = "create"
	ActionChange  = "change"
	ActionDestroy = "destroy"
	ActionStart   = "start"
	ActionStop    = "stop"
)

// Things that an Effect is on; Effect.Name says which one.
const (
	OnBrick     = "brick"
	OnDirectory = "directory"
	OnFile      = "file"
	OnXattr     = "xattr"
	// OnProcess is a process of GlusterFS, named by its program and what it serves.
	OnProcess = "process"
	OnRecord  = "record"
	OnMember  = "store-member"
	OnPeer    = "peer"
	// OnData is users' files: what is moved, copied or lost.
	OnData = "data"
)

// Effect is one thing that a change creates, changes, destroys, starts or stops.
type Effect struct {
	Action string `json:"action"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	// Bytes is how much is written, moved or lost, where that is known beforehand.
	Bytes uint64 `json:"bytes,omitempty"`
	// Irreversible says that nothing brings back what was there before.
	Irreversible bool   `json:"irreversible,omitempty"`
	Note         string `json:"note,omitempty"`
}

// OperationPlan tells what a change would do: the answer to a request with ?dry-run=true (an addition).
type OperationPlan struct {
	// Operation is the name of the change, such as "volume.create".
	Operation string `json:"operation"`
	// Peers take part in the change; Locks keep others from changing the same things meanwhile.
	Peers []string `json:"peers"`
	Locks []string `json:"locks"`
	// Steps come in the order in which they are done; each on all its peers at once.
	Steps []PlanStep `json:"steps"`
	// Records are the changes of the pool's records. They become true together, after the last step.
	Records  []Effect `json:"records"`
	Warnings []string `json:"warnings"`
	// Irreversible says in words what cannot be taken back once it is done.
	Irreversible []string `json:"irreversible"`
}

// PlanStep is one step of a change.
type PlanStep struct {
	Name string `json:"name"`
	// Irreversible says that from this step on the change is driven to its end, whatever happens.
	Irreversible bool       `json:"irreversible,omitempty"`
	Peers        []PlanPeer `json:"peers"`
}

// PlanPeer is what a step does on one peer.
type PlanPeer struct {
	PeerID string `json:"peer-id"`
	// Host is what people call the peer.
	Host    string   `json:"host,omitempty"`
	Effects []Effect `json:"effects"`
}
