// Package plugin is the contract of features that can be left out of the daemon. A plugin is compiled in: the list in
// gd2/plugins names those that are.
package plugin

import (
	"context"
	"net/http"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/devices"
	"gd2/glusterd2/commands/peers"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/config"
	"gd2/store"
	"gd2/transaction"
)

// Plugin is a feature that can be left out.
type Plugin interface {
	// Name is a short word for logs.
	Name() string
	// Run works until the context ends. An error before that stops the daemon.
	Run(ctx context.Context, d Daemon) error
}

// Taker is a plugin that takes part in transactions or answers questions of other peers.
type Taker interface {
	Plugin
	// Take is called while the daemon is built, before anything runs.
	Take(d Daemon)
	// Before is called on the peer where a transaction begins, before its first step.
	Before(ctx context.Context, t transaction.Begun)
}

// Server is a plugin that answers HTTP requests.
type Server interface {
	Plugin
	// Handler returns what answers a request for which the daemon has no route of its own; nil if the plugin has none either.
	Handler(r *http.Request) http.Handler
}

// Daemon is what a plugin gets of the daemon that it is part of.
type Daemon struct {
	PeerID string
	// Store holds the records of the pool. A plugin reads them; it changes them only by operations of its own.
	Store *store.Store
	// WorkDir is the directory of what survives a restart, HooksDir that of hook scripts.
	WorkDir, HooksDir string
	// Shown waits until the files that scripts read show what this peer knows of the pool, or ctx ends.
	Shown func(ctx context.Context)
	// Asker asks the other peers.
	Asker *ask.Asker
	// Engine runs transactions; Registry takes operations of the plugin's own, while it is built (Taker.Take).
	Engine   *transaction.Engine
	Registry *transaction.Registry
	// Peers, Devices and Volumes are the commands of the daemon.
	Peers   *peers.Commands
	Devices *devices.Commands
	Volumes *volumes.Commands
	// Heketi is the configuration of Heketi's API.
	Heketi config.Heketi
	// Listen serves HTTP and HTTPS at an address until the context ends; key is the configuration key that names it.
	Listen func(ctx context.Context, key, address string, h http.Handler) error
	// Level returns the level of the daemon's log, SetLevel changes it.
	Level    func() string
	SetLevel func(level string) error
	Log      *logrus.Entry
}
