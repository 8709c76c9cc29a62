// Package hook runs the scripts that an administrator has put beside the daemon, after a volume has changed.
//
// The layout is that of glusterd and glusterd2: <hooksdir>/<operation>/post/S*, run in the order of their names with
// glusterd's arguments. Scripts run on every peer, one after the other, and cannot stop what has already happened.
package hook

import (
	"context"
	"sync"

	"gd2/glusterd2/plugin"
	"gd2/glusterd2/volume"
	"gd2/store"
)

// Plugin runs hook scripts.
type Plugin struct{}

var _ plugin.Plugin = Plugin{}

// Name implements plugin.Plugin.
func (Plugin) Name() string { return "hook" }

// Run implements plugin.Plugin. What changed before it began, or while this peer was away, is no news to scripts: it
// compares each reading of the volumes with the one before.
func (Plugin) Run(ctx context.Context, d plugin.Daemon) error {
	changed, stop := d.Store.Subscribe(store.PrefixVolumes)
	defer stop()
	select {
	case <-d.Store.Ready():
	case <-ctx.Done():
		return nil
	}
	runner := New(d.HooksDir, d.WorkDir, d.Log)
	var scripts sync.WaitGroup
	defer scripts.Wait()
	scripts.Go(func() { runner.Run(ctx) })
	seen, err := volume.Records.List(d.Store)
	for ctx.Err() == nil {
		if err != nil {
			d.Log.WithError(err).Warn("hook scripts hear of the volumes that can be read only")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
		var now []store.Record[*volume.Volume]
		now, err = volume.Records.List(d.Store)
		for _, e := range changes(seen, now) {
			runner.Notify(e)
		}
		seen = now
	}
	return nil
}
