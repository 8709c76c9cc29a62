package diagnose

import (
	"context"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// The options of bricks that make them count and measure.
const (
	optionHits    = "diagnostics.count-fop-hits"
	optionLatency = "diagnostics.latency-measurement"
)

type profileParams struct {
	What string `json:"what"`
}

// profiled reports whether the bricks of a volume count and measure.
func profiled(v *volume.Volume) bool {
	hits, _ := xlator.ParseBool(v.Options[optionHits])
	latency, _ := xlator.ParseBool(v.Options[optionLatency])
	return hits && latency
}

// ProfileStart makes the bricks of a volume count and measure their operations, as soon as they run.
func (c *Commands) ProfileStart(ctx context.Context, name string) (api.VolumeInfo, error) {
	v, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if profiled(v) {
		return api.VolumeInfo{}, api.Errorf(api.State, "volume %s is profiled already", name)
	}
	return c.cfg.Options.SetOptions(ctx, name, api.VolumeOptionReq{Options: map[string]string{optionHits: "on", optionLatency: "on"}})
}

// ProfileStop ends what ProfileStart began.
func (c *Commands) ProfileStop(ctx context.Context, name string) (api.VolumeInfo, error) {
	v, err := c.find(ctx, name)
	if err != nil {
		return api.VolumeInfo{}, err
	}
	if !profiled(v) {
		return api.VolumeInfo{}, notProfiled(name)
	}
	return c.cfg.Options.ResetOptions(ctx, name, api.VolumeOptionResetReq{Options: []string{optionHits, optionLatency}})
}

func notProfiled(name string) *api.Error {
	return api.Errorf(api.State, "volume %s is not profiled: 'glustercli volume profile %s start' starts it", name, name)
}

// Profile returns what the bricks of a volume have counted; what is one of api's.
func (c *Commands) Profile(ctx context.Context, name, what string) ([]api.BrickProfile, error) {
	if _, ok := brickop.ProfileRequest(name, what); !ok {
		return nil, api.FieldErrorf("opt", "a profile has no %.30q: use %s, %s, %s, %s, %s or %s", what, api.ProfileInfo, api.ProfilePeek,
			api.ProfileIncremental, api.ProfileIncrementalPeek, api.ProfileCumulative, api.ProfileClear)
	}
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	if !profiled(v) {
		return nil, notProfiled(name)
	}
	return over(ctx, c.profile, v, c.bricks(v), profileParams{What: what}, profileGap), nil
}

func profileGap(p place, why string) api.BrickProfile {
	return api.BrickProfile{BrickName: p.Name, Error: why}
}

func (c *Commands) answerProfile(ctx context.Context, v *volume.Volume, p profileParams) (map[string]api.BrickProfile, error) {
	req, ok := brickop.ProfileRequest(v.Name, p.What)
	if !ok {
		return nil, api.Errorf(api.NotSupported, "a profile of the kind %.30q is not known", p.What)
	}
	return each(c, v, c.bricks(v), "", func(b place, r brick.Reach) (api.BrickProfile, error) {
		reply, err := c.cfg.BrickOp(ctx, r.Socket, gfrpc.BrickXlatorInfo, b.Path, req.Marshal(), nil)
		out := api.BrickProfile{BrickName: b.Name}
		out.CumulativeStats, out.IntervalStats = brickop.ParseProfile(reply)
		return out, err
	}, profileGap), nil
}
