package volumes

import (
	"context"

	"gd2/glusterd2/volume"
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
				out := madeEffects(p.Volume.Part(made...), peerID)
				for i := range out {
					out[i].Action, out[i].Irreversible, out[i].Note = api.ActionDestroy, true, "with all files on it"
				}
				return out
			},
		}},
		Commit: func(p removeParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return append(p.Tasks.deletes(p.Volume.Name), volume.Records.Delete(p.Volume.Name, p.Revision)), nil, none{}, nil
		},
	}
}
