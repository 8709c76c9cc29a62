package volumes

import (
	"context"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// forgetBatch is how many limits one transaction forgets.
const forgetBatch = 500

// forgetParams name the limits of a volume that is about to be deleted, by their gfids and revisions.
type forgetParams struct {
	VolumeID string           `json:"volume-id"`
	Limits   map[string]int64 `json:"limits"`
}

// forgetLimitsOperation deletes the records of limits. The limits themselves stay with the files on the bricks.
func forgetLimitsOperation() transaction.Operation[forgetParams, none] {
	return transaction.Operation[forgetParams, none]{
		Name: "volume.forget-limits", Version: 1,
		Commit: func(p forgetParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			var writes []store.Write
			for gfid, revision := range p.Limits {
				writes = append(writes, volume.Limits(p.VolumeID).Delete(gfid, revision))
			}
			return writes, nil, none{}, nil
		},
	}
}

func forgetPlan(rec store.Record[*volume.Volume], limits []store.Record[volume.Limit]) transaction.Plan[forgetParams] {
	p := forgetParams{VolumeID: rec.Value.ID, Limits: map[string]int64{}}
	for _, l := range limits {
		p.Limits[l.ID] = l.Revision
	}
	return onVolume(rec, nil, p)
}

// forgetLimits deletes the records of the limits of a stopped volume, a batch at a time.
func (c *Commands) forgetLimits(ctx context.Context, rec store.Record[*volume.Volume]) error {
	for {
		limits, err := volume.Limits(rec.Value.ID).List(c.Store)
		if err != nil || len(limits) == 0 {
			return err
		}
		transaction.Also(ctx, api.OperationPlan{
			Operation: "volume.delete",
			Records:   []api.Effect{{Action: api.ActionDestroy, Kind: api.OnRecord, Name: "volumes/" + rec.ID, Irreversible: true}},
		})
		plan := forgetPlan(rec, limits[:min(len(limits), forgetBatch)])
		if _, err := c.Ops.forget.Run(ctx, c.Engine, plan); err != nil {
			return err
		}
	}
}
