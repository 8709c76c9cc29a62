package api

// Event tells of one change: of a volume, a brick, a peer, an operation, or of how well something is. Its first five
// fields are glusterd2's; the others are additions.
type Event struct {
	// ID is a UUID made of the revision and the index, so that ids sort as the events happened and are the same on
	// every peer.
	ID string `json:"id"`
	// Name is one of the constants below, such as volume.started.
	Name string `json:"name"`
	// Data says what the event is about, by the Data constants below.
	Data map[string]string `json:"data"`
	// Origin is the id of the peer that made or saw the change.
	Origin string `json:"origin"`
	// Timestamp is RFC 3339.
	Timestamp string `json:"timestamp"`
	// Revision is that of the store after the change; Index numbers the events of one revision.
	Revision int64 `json:"revision"`
	Index    int   `json:"index"`
}

// The names of events. glusterd2 had volume.created, expanded, started, stopped and deleted, peer.added and removed.
const (
	EventVolumeCreated  = "volume.created"
	EventVolumeDeleted  = "volume.deleted"
	EventVolumeStarted  = "volume.started"
	EventVolumeStopped  = "volume.stopped"
	EventVolumeExpanded = "volume.expanded"
	EventVolumeShrunk   = "volume.shrunk"
	EventVolumeRenamed  = "volume.renamed"
	EventVolumeOptions  = "volume.options.changed"
	EventVolumeMetadata = "volume.metadata.changed"
	// EventVolumeChanged tells of any other change of a volume; its data names what changed.
	EventVolumeChanged = "volume.changed"

	EventQuotaEnabled      = "quota.enabled"
	EventQuotaDisabled     = "quota.disabled"
	EventQuotaLimitSet     = "quota.limit.set"
	EventQuotaLimitRemoved = "quota.limit.removed"

	// A task is long work on a volume, such as a rebalance. EventTaskEnded tells of one peer's part of it.
	EventTaskStarted = "task.started"
	EventTaskStopped = "task.stopped"
	EventTaskEnded   = "task.ended"

	EventDeviceAdded   = "device.added"
	EventDeviceRemoved = "device.removed"
	EventDeviceChanged = "device.changed"

	EventBrickAdded   = "brick.added"
	EventBrickRemoved = "brick.removed"
	EventBrickDown    = "brick.down"
	EventBrickUp      = "brick.up"

	EventPeerAdded   = "peer.added"
	EventPeerRemoved = "peer.removed"
	EventPeerChanged = "peer.changed"
	EventPeerDown    = "peer.down"
	EventPeerUp      = "peer.up"

	EventOperationStarted   = "operation.started"
	EventOperationForward   = "operation.forward"
	EventOperationUnwinding = "operation.unwinding"
	EventOperationStuck     = "operation.stuck"
	EventOperationAdopted   = "operation.adopted"
	EventOperationDone      = "operation.done"
	EventOperationFailed    = "operation.failed"
	EventOperationAbandoned = "operation.abandoned"

	EventClusterOptions = "cluster.options.changed"
	EventGroupChanged   = "options-group.changed"
	EventGroupDeleted   = "options-group.deleted"

	EventQuorumLost     = "quorum.lost"
	EventQuorumRegained = "quorum.regained"
	EventDiskFull       = "disk.full"
	EventDiskFreed      = "disk.freed"
	EventDaemonDown     = "daemon.down"
	EventDaemonUp       = "daemon.up"
	EventOrphanFound    = "orphan.found"
	EventOrphanGone     = "orphan.gone"

	// EventsLost is made for one reader: events that it asked for are no longer there. The data says why.
	EventsLost = "events.lost"
	// EventTest is made by a test of a webhook.
	EventTest = "webhook.test"
)

// Keys of an event's data. Volume and peer are glusterd2's.
const (
	DataVolumeName = "volume.name"
	DataVolumeID   = "volume.id"
	DataPeerID     = "peer.id"
	DataPeerName   = "peer.name"
	DataBrickPath  = "brick.path"
	DataBrickID    = "brick.id"
	DataOperation  = "operation.name"
	// DataOperationID is the id of the transaction.
	DataOperationID = "operation.id"
	DataDaemon      = "daemon.name"
	DataPath        = "path"
	DataGroup       = "options-group"
	DataDeviceID    = "device.id"
	DataDevicePath  = "device.path"
	// DataTask is the kind of a task, rebalance or remove-brick; DataStatus how a peer's part of it ended.
	DataTask   = "task"
	DataTaskID = "task.id"
	DataStatus = "status"
	// DataFormerName is the name that a volume had before.
	DataFormerName = "volume.former-name"
	// DataReason says why, in words; DataSince is since when something was not well, RFC 3339; DataTimes is how often
	// it went and came back, if more than once, since the event before.
	DataReason = "reason"
	DataSince  = "since"
	DataTimes  = "times"
	// DataChanged lists the names of what changed, separated by commas.
	DataChanged = "changed"
)

// EventNames returns every name that an event in the history can have.
func EventNames() []string {
	return []string{
		EventVolumeCreated, EventVolumeDeleted, EventVolumeStarted, EventVolumeStopped, EventVolumeExpanded, EventVolumeShrunk,
		EventVolumeRenamed, EventVolumeOptions, EventVolumeMetadata, EventVolumeChanged,
		EventQuotaEnabled, EventQuotaDisabled, EventQuotaLimitSet, EventQuotaLimitRemoved,
		EventTaskStarted, EventTaskStopped, EventTaskEnded,
		EventDeviceAdded, EventDeviceRemoved, EventDeviceChanged,
		EventBrickAdded, EventBrickRemoved, EventBrickDown, EventBrickUp,
		EventPeerAdded, EventPeerRemoved, EventPeerChanged, EventPeerDown, EventPeerUp,
		EventOperationStarted, EventOperationForward, EventOperationUnwinding, EventOperationStuck, EventOperationAdopted,
		EventOperationDone, EventOperationFailed, EventOperationAbandoned,
		EventClusterOptions, EventGroupChanged, EventGroupDeleted,
		EventQuorumLost, EventQuorumRegained, EventDiskFull, EventDiskFreed, EventDaemonDown, EventDaemonUp,
		EventOrphanFound, EventOrphanGone,
	}
}

// Webhook is a receiver of events: each is sent to the URL in a POST of its own. An answer never shows Token and Secret.
type Webhook struct {
	// URL is http or https.
	URL string `json:"url"`
	// Token is sent as it is, in the header Authorization: bearer TOKEN.
	Token string `json:"token,omitempty"`
	// Secret signs each event: a JSON web token in the header Authorization, if there is no Token, and an HMAC of the
	// body in the header X-Gluster-Signature.
	Secret string `json:"secret,omitempty"`
	// Events picks events by name, or by the beginning of names such as volume.*; none picks all (an addition).
	Events []string `json:"events,omitempty"`
}

// WebhookDeleteReq names the webhook that is to go.
type WebhookDeleteReq struct {
	URL string `json:"url"`
}

// WebhookStatus tells how the delivery to a webhook goes (an addition).
type WebhookStatus struct {
	URL string `json:"url"`
	// Events are those that are picked; none means all. Token and Signed tell whether it has a token and a secret.
	Events []string `json:"events"`
	Token  bool     `json:"token"`
	Signed bool     `json:"signed"`
	// Owner is the id of the peer that delivers, empty when there is none at the moment.
	Owner string `json:"owner,omitempty"`
	// Delivered is the id of the last event that was delivered, as the store knows; Pending counts those after it.
	Delivered string `json:"delivered,omitempty"`
	Pending   int    `json:"pending"`
	// Failures counts the attempts that failed since the last that did not; LastError says why the last one did, and
	// NextTry, RFC 3339, when another will be made.
	Failures  int    `json:"failures"`
	LastError string `json:"last-error,omitempty"`
	NextTry   string `json:"next-try,omitempty"`
}

// EventQuery says which events are wanted.
type EventQuery struct {
	// Since is the id of the last event that was seen, a revision of the store, or a time (RFC 3339). Empty means the
	// newest events in a list, and only new ones in a stream.
	Since string
	// Names are names of events, or beginnings of names such as volume.*; none means all.
	Names []string
	// Volume, Peer and Operation pick the events about one of them: by name or id, by name or id, by id.
	Volume, Peer, Operation string
	// Limit is the most events of a list; 0 means all.
	Limit int
}

// EventPage is a part of the history of events.
type EventPage struct {
	Events []Event
	// Next is the id to go on from: that of the last event that was looked at, whether it was wanted or not.
	Next string
}
