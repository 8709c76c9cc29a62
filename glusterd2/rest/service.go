// Package rest is the HTTP edge of the daemon: one table of routes, the wrapper that decodes, authenticates, logs,
// measures and answers, and what is made from the table (the OpenAPI document, GET /endpoints).
//
// It knows only the types of gd2/pkg/api, and of gd2/transaction the request that an operation runs for. What a request does is
// behind interfaces, which the daemon implements. An implementation returns *api.Error; its kind decides the HTTP status.
package rest

import (
	"context"
	"io"

	"gd2/pkg/api"
)

// Services are the parts of the daemon that the routes call. Every field must be set.
type Services struct {
	Volumes    Volumes
	Bricks     Bricks
	Replacing  Replacing
	Rebalance  Rebalance
	Shrink     Shrink
	Diagnosis  Diagnosis
	Processes  Processes
	State      State
	Healing    Healing
	Peers      Peers
	Devices    Devices
	Pool       Pool
	Cluster    Cluster
	OptionHelp OptionHelp
	Quotas     Quotas
	Operations Operations
	Events     Events
	Webhooks   Webhooks
	System     System
	Metrics    MetricsSource
	Planner    Planner
	Renamer    Renamer
	Heketi     Heketi
}

// Volumes is the life of volumes. A name that is not a volume is answered with api.NotFound.
type Volumes interface {
	Create(ctx context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error)
	// List returns the volumes whose metadata has the key and the value; an empty key or value matches everything.
	List(ctx context.Context, key, value string) ([]api.VolumeInfo, error)
	Get(ctx context.Context, name string) (api.VolumeInfo, error)
	// Delete waits for peers that hold bricks and are away, unless by force.
	Delete(ctx context.Context, name string, force bool) error
	Start(ctx context.Context, name string, req api.VolumeStartReq) (api.VolumeInfo, error)
	Stop(ctx context.Context, name string, req api.VolumeStopReq) (api.VolumeInfo, error)
	Edit(ctx context.Context, name string, req api.VolumeEditReq) (api.VolumeInfo, error)
	Bricks(ctx context.Context, name string) ([]api.BrickStatus, error)
	Status(ctx context.Context, name string) (api.VolumeStatus, error)
	Options(ctx context.Context, name string) ([]api.VolumeOption, error)
	Option(ctx context.Context, name, option string) (api.VolumeOption, error)
	SetOptions(ctx context.Context, name string, req api.VolumeOptionReq) (api.VolumeInfo, error)
	ResetOptions(ctx context.Context, name string, req api.VolumeOptionResetReq) (api.VolumeInfo, error)
	Groups(ctx context.Context) ([]api.OptionGroup, error)
	CreateGroup(ctx context.Context, req api.OptionGroupReq) (api.OptionGroup, error)
	DeleteGroup(ctx context.Context, name string) error
}

// Peers is the membership of the pool. An id that is not a peer is answered with api.NotFound.
type Peers interface {
	// List returns the peers whose metadata has the key and the value; an empty key or value matches everything.
	List(ctx context.Context, key, value string) ([]api.Peer, error)
	Get(ctx context.Context, id string) (api.Peer, error)
	Add(ctx context.Context, req api.PeerAddReq) (api.Peer, error)
	Edit(ctx context.Context, id string, req api.PeerEditReq) (api.Peer, error)
	// Delete takes the peer out of the pool; force is for a peer that cannot be reached.
	Delete(ctx context.Context, id string, force bool) error
	Token(ctx context.Context, req api.PeerTokenReq) (api.PeerToken, error)
	// Join brings this peer into the pool that issued the token and returns its record there.
	Join(ctx context.Context, req api.PeerJoinReq) (api.Peer, error)
	// Reset makes this peer forget its pool and returns its record in its new pool of one.
	Reset(ctx context.Context, req api.PeerResetReq) (api.Peer, error)
}

// Pool is how the pool keeps its records.
type Pool interface {
	// Status answers without a quorum too.
	Status(ctx context.Context) (api.Pool, error)
	// Snapshots lists the backups that this peer has made for itself, the newest first.
	Snapshots(ctx context.Context) ([]api.PoolSnapshot, error)
	// Backup writes a consistent backup of all records. An error after the first byte means that it is not whole.
	Backup(ctx context.Context, w io.Writer) error
}

// Cluster is the options of the whole pool.
type Cluster interface {
	Options(ctx context.Context) ([]api.ClusterOption, error)
	// SetOptions returns all options as they are afterwards.
	SetOptions(ctx context.Context, req api.ClusterOptionReq) ([]api.ClusterOption, error)
}

// System is this peer and its view of the pool. PeerID, ClusterID and Version must be quick: every answer asks.
type System interface {
	PeerID() string
	ClusterID() string
	Version() string
	Status(ctx context.Context) (api.PoolStatus, error)
	// Live reports whether the daemon works at all, Ready whether it can serve requests now.
	Live(ctx context.Context) api.Health
	Ready(ctx context.Context) api.Health
	LogLevel() string
	// SetLogLevel answers an unknown level with api.Invalid.
	SetLogLevel(level string) error
}

// MetricsSource tells the state of the pool each time the metrics are read.
type MetricsSource interface {
	Measure(ctx context.Context) Measurements
}

// Measurements is one reading of a MetricsSource. What could not be had is left empty, so that the rest is exported.
type Measurements struct {
	Peers []api.Peer
	// Volumes holds every volume; Bricks of each those whose figures this peer knows.
	Volumes []api.VolumeStatus
	Store   api.StoreStatus
	// Transactions counts the transactions on record by state.
	Transactions map[string]int
	// Connections counts the open SunRPC connections by kind of client.
	Connections map[string]int
}
