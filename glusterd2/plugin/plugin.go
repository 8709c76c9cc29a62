// Package plugin is the contract of features that can be left out of the daemon. A plugin is compiled in: the list in
// gd2/plugins names those that are.
package plugin

import (
	"context"

	"github.com/sirupsen/logrus"

	"gd2/store"
)

// Plugin is a feature that can be left out.
type Plugin interface {
	// Name is a short word for logs.
	Name() string
	// Run works until the context ends. An error before that stops the daemon.
	Run(ctx context.Context, d Daemon) error
}

// Daemon is what a plugin gets of the daemon that it is part of.
type Daemon struct {
	PeerID string
	// Store holds the records of the pool. A plugin reads them; it changes them only by operations of its own.
	Store *store.Store
	// WorkDir is the directory of what survives a restart, HooksDir that of hook scripts.
	WorkDir, HooksDir string
	Log               *logrus.Entry
}
