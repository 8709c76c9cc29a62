// Package hook runs the scripts that an administrator has put beside the daemon, before and after volumes change.
//
// The layout is glusterd's: <hooksdir>/1/<event>/{pre,post}/S*, run in the order of their names with glusterd's arguments;
// glusterd2's, which has no 1, is read too. Scripts run on every peer, one after the other. They cannot stop a change: one that
// fails is logged, and one that takes too long is ended.
package hook

import (
	"context"
	"errors"
	"sync"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/plugin"
	"gd2/glusterd2/volume"
	"gd2/store"
	"gd2/transaction"
)

// Plugin runs hook scripts.
type Plugin struct {
	d      plugin.Daemon
	runner *Runner
	// has asks a peer for which of some events it has scripts that come before; run has it run them.
	has ask.Handle[[]Event, []string]
	run ask.Handle[runParams, struct{}]
}

var _ plugin.Taker = (*Plugin)(nil)

// New returns the plugin.
func New() *Plugin { return &Plugin{} }

// Name implements plugin.Plugin.
func (*Plugin) Name() string { return "hook" }

// Take implements plugin.Taker.
func (p *Plugin) Take(d plugin.Daemon) {
	p.d, p.runner = d, NewRunner(d.HooksDir, d.Shown, d.Log)
	p.has = ask.Register(d.Asker, ask.Question[[]Event, []string]{Name: "hooks-before", Timeout: hasTimeout,
		Answer: func(_ context.Context, _ *volume.Volume, events []Event) ([]string, error) {
			return p.hasScripts(events), nil
		}})
	p.run = ask.Register(d.Asker, ask.Question[runParams, struct{}]{Name: "hooks-run-before", Timeout: 2 * preTimeout,
		Answer: func(ctx context.Context, _ *volume.Volume, r runParams) (struct{}, error) {
			p.runBefore(ctx, r)
			return struct{}{}, nil
		}})
}

// Run implements plugin.Plugin. What changed before it began, or while this peer was away, is no news to scripts: it
// compares each reading of the volumes with the one before.
func (p *Plugin) Run(ctx context.Context, d plugin.Daemon) error {
	changed, stop := d.Store.Subscribe(store.PrefixVolumes, store.PrefixOptions)
	defer stop()
	select {
	case <-d.Store.Ready():
	case <-ctx.Done():
		return nil
	}
	var scripts sync.WaitGroup
	defer scripts.Wait()
	scripts.Go(func() { p.runner.Run(ctx) })
	seen := p.read()
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
		now := p.read()
		p.tell(changes(seen.volumes, now.volumes), volumes.Lock)
		p.tell(optionChanges(All, seen.options, now.options), func(string) string { return volumes.PoolLock })
		seen = now
	}
}

// reading is what scripts hear changes of.
type reading struct {
	volumes []store.Record[*volume.Volume]
	options map[string]string // of the pool
}

func (p *Plugin) read() (r reading) {
	var err, oerr error
	r.volumes, err = volume.Records.List(p.d.Store)
	r.options, oerr = volumes.ReadPoolOptions(p.d.Store)
	if err = errors.Join(err, oerr); err != nil {
		p.d.Log.WithError(err).Warn("hook scripts hear of what can be read only")
	}
	return r
}

// tell has the scripts run that come after changes. lock names the lock that the change of a volume held, by which it is found.
func (p *Plugin) tell(events []Event, lock func(name string) string) {
	for _, e := range events {
		e.Transaction = transaction.Latest(p.d.Store, lock(e.Volume))
		p.runner.Notify(e)
	}
}
