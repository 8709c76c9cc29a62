package volumes

import (
	"context"
	"fmt"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/selfheal"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// Surveyor tells for a plan what the methods of Host of the same names would do on this peer, and refuses what they would
// refuse. It changes nothing.
type Surveyor interface {
	SurveyPrepare(ctx context.Context, v *volume.Volume, allow Allow) ([]api.Effect, error)
	SurveyStart(v *volume.Volume, force bool) ([]api.Effect, error)
	SurveyStop(v *volume.Volume) []api.Effect
	SurveyRelease(ctx context.Context, part *volume.Volume) ([]api.Effect, error)
}

// SurveyPrepare implements Surveyor: checks and preparation themselves, on files that they cannot change.
func (d *DataPlane) SurveyPrepare(ctx context.Context, v *volume.Volume, allow Allow) ([]api.Effect, error) {
	ghost := brick.NewGhost(d.OS)
	named, made := split(v)
	if err := d.prepare(ctx, ghost, v.Part(named...), "a plan", allow); err != nil {
		return nil, err
	}
	return append(ghost.Effects(), madeEffects(v.Part(made...), d.PeerID)...), nil
}

// SurveyStart implements Surveyor.
func (d *DataPlane) SurveyStart(v *volume.Volume, force bool) ([]api.Effect, error) {
	var out []api.Effect
	bricks := v.BricksOn(d.PeerID)
	for i, s := range d.specs(v) {
		if _, runs := d.Bricks.Process(s); runs {
			continue
		}
		e := api.Effect{Action: api.ActionStart, Kind: api.OnProcess, Name: processes + s.Path}
		if err := brick.Usable(d.OS, d.where(v, bricks[i]), v.ID); err != nil {
			if !force {
				return nil, err
			}
			e.Note = fmt.Sprintf("will fail: %v", err)
		}
		out = append(out, e)
	}
	return append(out, d.healerEffect(v, api.ActionStart, "takes the volume in")...), nil
}

// SurveyStop implements Surveyor.
func (d *DataPlane) SurveyStop(v *volume.Volume) []api.Effect {
	var out []api.Effect
	for _, s := range d.specs(v) {
		if p, runs := d.Bricks.Process(s); runs {
			out = append(out, api.Effect{Action: api.ActionStop, Kind: api.OnProcess, Name: processes + s.Path, Note: fmt.Sprintf("process %d", p.Pid())})
		}
	}
	return append(out, d.healerEffect(v, api.ActionStop, "lets go of the volume")...)
}

// SurveyRelease implements Surveyor: Release itself, on files that it cannot change.
func (d *DataPlane) SurveyRelease(ctx context.Context, part *volume.Volume) ([]api.Effect, error) {
	ghost := brick.NewGhost(d.OS)
	err := d.release(ctx, ghost, part)
	return ghost.Effects(), err
}

// healerEffect is what becomes of this peer's self-heal daemon, of which each peer takes care by itself: it runs as long
// as there is a started volume that needs it.
func (d *DataPlane) healerEffect(v *volume.Volume, action, otherwise string) []api.Effect {
	if !v.NeedsSelfHeal() || len(v.BricksOn(d.PeerID)) == 0 {
		return nil
	}
	recs, _ := volume.Records.List(d.Store) // what cannot be read does not run either
	for _, rec := range recs {
		o := rec.Value
		if o.Name != v.Name && o.State == volume.Started && o.NeedsSelfHeal() && len(o.BricksOn(d.PeerID)) > 0 {
			return []api.Effect{{Action: api.ActionChange, Kind: api.OnProcess, Name: selfheal.ServiceName, Note: otherwise}}
		}
	}
	if action == api.ActionStart && v.State == volume.Started {
		return nil // it runs for this volume already
	}
	return []api.Effect{{Action: action, Kind: api.OnProcess, Name: selfheal.ServiceName}}
}
