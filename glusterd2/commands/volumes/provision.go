package volumes

import (
	"context"

	"github.com/google/uuid"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Wish is what a caller chooses of a new volume that REST clients cannot.
type Wish struct {
	// ID is the volume's id, a UUID; empty for one that nobody knows yet.
	ID string
	// GID, if not 0, is the group that owns the volume's root and may write there.
	GID int
}

// provisionOperation makes a volume and starts it in one change: it is there and serves, or nothing of it is.
func provisionOperation(host Host) transaction.Operation[createParams, none] {
	return transaction.Operation[createParams, none]{
		Name: "volume.provision", Version: 1,
		Steps: []transaction.Step[createParams]{createOperation(host).Steps[0], {
			Name: "start-bricks",
			Do:   func(ctx context.Context, _ *transaction.Call, p createParams) error { return host.Start(ctx, p.Volume) },
			Undo: func(ctx context.Context, _ *transaction.Call, p createParams) error { return host.Stop(ctx, p.Volume) },
			Effects: func(p createParams, peerID string) []api.Effect {
				return onBricks(p.Volume, peerID, api.ActionStart, api.OnProcess, processes)
			},
		}},
		Commit: func(p createParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Create(p.Volume.Name, inState(p.Volume, volume.Started))}, peersMustBe(p.Peers), none{}, nil
		},
	}
}

// Provision makes a volume and starts it, as one operation.
func (c *Commands) Provision(ctx context.Context, req api.VolumeCreateReq, w Wish) (api.VolumeInfo, error) {
	if w.ID != "" && uuid.Validate(w.ID) != nil {
		return api.VolumeInfo{}, api.FieldErrorf("id", "id %.40q is not a UUID", w.ID)
	}
	if w.GID < 0 {
		return api.VolumeInfo{}, api.FieldErrorf("gid", "gid %d: a group has no negative id", w.GID)
	}
	var info api.VolumeInfo
	err := planned(ctx, func() (err error) {
		info, err = c.provision(ctx, req, w)
		return err
	})
	return info, err
}

// provision is one try of Provision.
func (c *Commands) provision(ctx context.Context, req api.VolumeCreateReq, w Wish) (api.VolumeInfo, error) {
	if err := c.Store.Sync(ctx); err != nil {
		return api.VolumeInfo{}, err
	}
	params, err := c.planCreate(req)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	v := params.Volume
	if v.GID = w.GID; w.ID != "" {
		v.ID = w.ID
	}
	if err := c.allOnline(v.Peers()); err != nil {
		return api.VolumeInfo{}, err
	}
	after := c.info(inState(v, volume.Started))
	_, err = c.Ops.provision.Run(ctx, c.Engine, createPlan(params).Answering(after))
	return after, err
}
