package store

// The whole key space. Every key of gd2 is under Root; a Kind is made with one of these prefixes, and nothing else
// in the tree spells a key. A prefix that ends in a slash holds records by id, one without is a single record (id "").
const (
	// Root is the start of every key.
	Root = "/gd2/"
	// PrefixPool is the one record of the pool itself: its id and what was set when it was made.
	PrefixPool = Root + "pool"
	// PrefixPeers holds a record for each peer, by peer id.
	PrefixPeers = Root + "peers/"
	// PrefixAlive holds a leased record for each peer whose daemon runs, by peer id.
	PrefixAlive = Root + "alive/"
	// PrefixVolumes holds the volumes, by name.
	PrefixVolumes = Root + "volumes/"
	// PrefixDevices holds the devices on which bricks of a size are made, by device id.
	PrefixDevices = Root + "devices/"
	// PrefixDebts holds the bricks that are still to be removed from devices of peers that were away, by brick id.
	PrefixDebts = Root + "debts/"
	// PrefixTasks holds the long work on volumes, such as a rebalance, by volume name; PrefixTaskResults what each peer has
	// made of it, by volume name and peer id.
	PrefixTasks       = Root + "tasks/"
	PrefixTaskResults = Root + "task-results/"
	// PrefixOptions holds options of the pool as a whole; its one id is "cluster".
	PrefixOptions = Root + "options/"
	// PrefixGroups holds the groups of volume options that users made, by name.
	PrefixGroups = Root + "groups/"
	// PrefixAuthority holds the key of the pool's authority, sealed for each of the peers that may have it, by peer id.
	PrefixAuthority = Root + "authority/"
	// PrefixQuota holds the limits of directories, by the volume's id and the directory's gfid.
	PrefixQuota = Root + "quota/"
	// PrefixSecrets holds secrets of the pool, by name: "rest-auth".
	PrefixSecrets = Root + "secrets/"
	// PrefixTokens holds join tokens that have not been used, by token id.
	PrefixTokens = Root + "tokens/"
	// PrefixTransactions holds transactions, by transaction id: those that run and the last that ended.
	PrefixTransactions = Root + "txn/"
	// PrefixKeys holds the keys that clients gave their requests, by a digest: what became of each request.
	PrefixKeys = Root + "keys/"
	// PrefixLocks holds the locks of running transactions, by what is locked, such as "volume/gv0".
	PrefixLocks = Root + "locks/"
	// PrefixClaims holds, by what is claimed, such as "device/ID", which transaction claimed some of it last.
	PrefixClaims = Root + "claims/"
	// PrefixRevoked holds the certificates that are no longer good, by serial number.
	PrefixRevoked = Root + "revoked/"
	// PrefixEvents holds the events of each change, by an id that says nothing; the revision gives their order.
	PrefixEvents = Root + "events/"
	// PrefixEventsPruned is the one record of how far the history of events was cut off.
	PrefixEventsPruned = Root + "events-pruned"
	// PrefixFaults holds what is not well at the moment, such as a brick that is down, by kind and place.
	PrefixFaults = Root + "faults/"
	// PrefixWebhooks holds the receivers of events, secrets included, by a digest of their URL.
	PrefixWebhooks = Root + "webhooks/"
	// PrefixDeliveries holds how far the events were delivered to each webhook, and by whom, by the webhook's id.
	PrefixDeliveries = Root + "deliveries/"
	// PrefixHeketiClusters and PrefixHeketiNodes hold what only Heketi's API knows of clusters and nodes, by id;
	// PrefixHeketiMode is the one record of what it refuses.
	PrefixHeketiClusters = Root + "heketi/clusters/"
	PrefixHeketiNodes    = Root + "heketi/nodes/"
	PrefixHeketiMode     = Root + "heketi/mode"
)
