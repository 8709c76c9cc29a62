package volumes

import (
	"context"
	"maps"
	"slices"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// forgetBatch is how many limits one transaction forgets.
const forgetBatch = 500

// forgetParams name limits of a volume that is about to be deleted, by their gfids and revisions.
type forgetParams struct {
	VolumeID string           `json:"volume-id"`
	Limits   map[string]int64 `json:"limits"`
}

// forgetLimitsOperation deletes the records of limits. The limits themselves stay with the files on the bricks.
func forgetLimitsOperation() transaction.Operation[forgetParams, none] {
	return transaction.Operation[forgetParams, none]{
		Name: "volume.forget-limits", Version: 1,
		Commit: func(p forgetParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return p.writes(), nil, none{}, nil
		},
	}
}

func (p forgetParams) writes() []store.Write {
	var out []store.Write
	for _, gfid := range slices.Sorted(maps.Keys(p.Limits)) {
		out = append(out, volume.Limits(p.VolumeID).Delete(gfid, p.Limits[gfid]))
	}
	return out
}

func forgetPlan(rec store.Record[*volume.Volume], limits []store.Record[volume.Limit]) transaction.Plan[forgetParams] {
	p := forgetParams{VolumeID: rec.Value.ID, Limits: map[string]int64{}}
	for _, l := range limits {
		p.Limits[l.ID] = l.Revision
	}
	return onVolume(rec, nil, p)
}

// forgetLimits deletes the records of the limits of a volume that is about to be deleted, a batch at a time, until there are few, and
// returns the revisions of these by gfid: they go with the record of the volume. Nobody can add one to a volume that is stopped.
func (c *Commands) forgetLimits(ctx context.Context, rec store.Record[*volume.Volume], few int) (map[string]int64, error) {
	for {
		limits, err := volume.Limits(rec.Value.ID).List(c.Store)
		if err != nil || len(limits) <= few {
			return forgetPlan(rec, limits).Params.Limits, err
		}
		transaction.Also(ctx, api.OperationPlan{
			Operation: "volume.delete",
			Records:   []api.Effect{{Action: api.ActionDestroy, Kind: api.OnRecord, Name: "volumes/" + rec.ID, Irreversible: true}},
		})
		plan := forgetPlan(rec, limits[:min(len(limits), forgetBatch)])
		if _, err := c.Ops.forget.Run(ctx, c.Engine, plan); err != nil {
			return nil, err
		}
	}
}
