package volumes

import (
	"context"
	"slices"

	"gd2/glusterd2/device"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// destroyOperation deletes a volume of which gd2 has made bricks, and the bricks with it. Once the first is gone there is
// no way back: peers that are away do their part when they return.
func destroyOperation(host Host) transaction.Operation[removeParams, none] {
	forget := removeOperation(host).Steps[0]
	return transaction.Operation[removeParams, none]{
		Name: "volume.destroy", Version: 1, Pivot: 1,
		Steps: []transaction.Step[removeParams]{forget, {
			Name: "destroy-bricks",
			Do: func(ctx context.Context, _ *transaction.Call, p removeParams) error {
				if err := host.Forget(ctx, p.Volume); err != nil { // on a peer that was away
					return err
				}
				return host.Reclaim(ctx, p.Volume)
			},
			Effects: func(p removeParams, peerID string) []api.Effect {
				_, made := split(p.Volume)
				return goneEffects(p.Volume.Part(made...), peerID)
			},
		}},
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return append(p.writes(), device.Owe(p.Volume, slices.Concat(p.Here, p.Away))...), nil, none{}, nil
		},
	}
}
