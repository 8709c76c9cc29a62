package volumes

import (
	"context"
	"maps"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// editParams carry a changed record: of the metadata, or of options. The daemons that it concerns see it in the store.
type editParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
}

func editOperation() transaction.Operation[editParams, none] {
	return transaction.Operation[editParams, none]{
		Name: "volume.edit", Version: 1,
		Commit: func(p editParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision)}, nil, none{}, nil
		},
	}
}

// change runs an edit of a volume: modify gets a copy whose maps may be changed. Of two edits at once that read the same
// record the second is refused with Conflict, so that no change is lost.
func (c *Commands) change(ctx context.Context, name string, modify func(v *volume.Volume) error) (api.VolumeInfo, error) {
	rec, err := c.findToChange(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	return c.changeFound(ctx, rec, modify)
}

// changeFound is change for a record that was read already.
func (c *Commands) changeFound(ctx context.Context, rec store.Record[*volume.Volume], modify func(v *volume.Volume) error) (api.VolumeInfo, error) {
	v := *rec.Value
	v.Options, v.Metadata = cloneMap(v.Options), cloneMap(v.Metadata)
	if err := modify(&v); err != nil {
		return api.VolumeInfo{}, err
	}
	_, err := c.Ops.edit.Run(ctx, c.Engine, editPlan(rec, &v).Answering(c.info(&v)))
	return c.after(&v, err)
}

func editPlan(rec store.Record[*volume.Volume], changed *volume.Volume) transaction.Plan[editParams] {
	return onVolume(rec, nil, editParams{Volume: changed, Revision: rec.Revision})
}

func cloneMap(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	maps.Copy(out, m)
	return out
}

// Edit changes the metadata of a volume.
func (c *Commands) Edit(ctx context.Context, name string, req api.VolumeEditReq) (api.VolumeInfo, error) {
	if len(req.Metadata) == 0 {
		return api.VolumeInfo{}, api.FieldErrorf("metadata", "name at least one metadata key")
	}
	if err := api.ValidateMetadata(req.Metadata); err != nil {
		return api.VolumeInfo{}, err
	}
	return c.change(ctx, name, func(v *volume.Volume) error {
		for k, val := range req.Metadata {
			if req.DeleteMetadata {
				delete(v.Metadata, k)
			} else {
				v.Metadata[k] = val
			}
		}
		return api.ValidateMetadata(v.Metadata)
	})
}
