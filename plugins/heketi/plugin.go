// Package heketi answers Heketi's REST API, so that heketi-cli, Heketi's client libraries and Kubernetes' StorageClasses with
// a resturl work with the pool. Its jobs are the pool's operations: any peer answers for any of them, and they outlive daemons.
//
// Peers are nodes and devices are devices, under the same ids, written without dashes. What only Heketi knows, such as
// clusters, is in records of its own.
package heketi

import (
	"context"
	"net/http"

	"gd2/glusterd2/plugin"
	"gd2/transaction"
)

// Plugin is Heketi's API. It is served if its keys are configured.
type Plugin struct {
	service *service
}

var (
	_ plugin.Taker  = (*Plugin)(nil)
	_ plugin.Server = (*Plugin)(nil)
)

// New returns the plugin.
func New() *Plugin { return &Plugin{} }

// Name implements plugin.Plugin.
func (*Plugin) Name() string { return "heketi" }

// Take implements plugin.Taker. The operation is registered on every peer: each may have to bring one of another to its end.
func (p *Plugin) Take(d plugin.Daemon) { p.service = newService(d, Register(d.Registry)) }

// Before implements plugin.Taker.
func (*Plugin) Before(context.Context, transaction.Begun) {}

// Run implements plugin.Plugin.
func (p *Plugin) Run(ctx context.Context, d plugin.Daemon) error {
	defer p.service.stop()
	if d.Heketi.Address == "" {
		<-ctx.Done()
		return nil
	}
	// Whoever waits for the end of a job is told to ask again before the server waits for them.
	defer context.AfterFunc(ctx, p.service.stop)()
	return d.Listen(ctx, "heketi-address", d.Heketi.Address, p.service.alone())
}

// Handler implements plugin.Server.
func (p *Plugin) Handler(r *http.Request) http.Handler {
	if p.service.Heketi.AdminKey == "" {
		return nil
	}
	return p.service.handler(r)
}
