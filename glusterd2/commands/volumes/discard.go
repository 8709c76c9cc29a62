package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// discardOperation stops a volume, and destroys it with the bricks that gd2 has made for it.
func discardOperation(host Host) transaction.Operation[removeParams, none] {
	stop := transaction.Step[removeParams]{
		Name: "stop-bricks", Peers: func(p removeParams) []string { return p.Here },
		Do: func(ctx context.Context, _ *transaction.Call, p removeParams) error { return host.Stop(ctx, p.Volume) },
		Undo: func(ctx context.Context, call *transaction.Call, p removeParams) error {
			if p.Volume.State != volume.Started {
				return nil
			}
			return startAgain(ctx, call, host, p.Volume)
		},
		Effects: func(p removeParams, peerID string) []api.Effect {
			return onBricks(p.Volume, peerID, api.ActionStop, api.OnProcess, processes)
		},
	}
	destroy := destroyOperation(host).Steps[1]
	return transaction.Operation[removeParams, none]{
		Name: "volume.discard", Version: 1, Pivot: 1, Steps: []transaction.Step[removeParams]{stop, destroy},
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return p.writes(), nil, none{}, nil
		},
	}
}

// Discard stops a volume if it is started, and deletes it with everything that gd2 has made for it, as one operation. It
// waits for peers that are away, as Delete does.
func (c *Commands) Discard(ctx context.Context, name string) error {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return err
	}
	if err := c.noTask(name, false); err != nil {
		return err
	}
	tasks, err := forgetTask(c.Store, name)
	if err != nil {
		return err
	}
	// All of them before: while the volume is started they may change.
	if _, err := c.forgetLimits(transaction.Part(ctx), rec, 0); err != nil {
		return err
	}
	up, down := c.online(rec.Value.Peers())
	_, err = c.Ops.discard.Run(ctx, c.Engine, removePlan(rec, up, down, tasks))
	return err
}
