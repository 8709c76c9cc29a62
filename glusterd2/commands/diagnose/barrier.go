package diagnose

import (
	"context"
	"slices"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

type barrierParams struct {
	Enable bool `json:"enable"`
	// Bricks are the ids of those that are meant.
	Bricks []string `json:"bricks"`
}

// Barrier makes the bricks of a volume hold back the answers to what makes changes last, such as fsync, rename and unlink,
// or let them through again. Bricks do so by themselves after features.barrier-timeout, so no record says that there is a
// barrier. It is enabled on all bricks or on none.
func (c *Commands) Barrier(ctx context.Context, name string, enable bool) ([]api.BrickBarrier, error) {
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	bricks := c.bricks(v)
	out := c.setBarrier(ctx, v, bricks, enable)
	failed := &api.Error{Message: "volume " + name + " has no barrier now: not every brick could be told"}
	var done []place
	already := 0
	for i, b := range out {
		switch b.Error {
		case "":
			done = append(done, bricks[i])
			continue
		case barred:
			already++
		}
		failed.Causes = append(failed.Causes, api.Errorf(api.Unavailable, "%s: %s", b.Name, b.Error))
	}
	if !enable || len(failed.Causes) == 0 {
		return out, nil
	}
	if already == len(bricks) {
		return nil, api.Errorf(api.State, "volume %s has a barrier already: it stays until it is disabled or its time is over", name)
	}
	failed.Kind = api.Unavailable
	for _, b := range c.setBarrier(context.WithoutCancel(ctx), v, done, false) {
		if b.Error != "" {
			failed.Causes = append(failed.Causes, api.Errorf(api.Unavailable, "%s: the barrier stays until its timeout: %s", b.Name, b.Error))
		}
	}
	return nil, failed
}

// barred is the error of a brick that has a barrier when it is to get one.
const barred = "it has a barrier already"

// setBarrier tells some bricks of a volume.
func (c *Commands) setBarrier(ctx context.Context, v *volume.Volume, bricks []place, enable bool) []api.BrickBarrier {
	params := barrierParams{Enable: enable}
	for _, b := range bricks {
		params.Bricks = append(params.Bricks, b.Key)
	}
	return over(ctx, c.barrier, v, bricks, params, barrierGap)
}

func barrierGap(p place, why string) api.BrickBarrier {
	return api.BrickBarrier{Name: p.Name, Error: why}
}

func (c *Commands) answerBarrier(ctx context.Context, v *volume.Volume, params barrierParams) (map[string]api.BrickBarrier, error) {
	req := brickop.BarrierRequest(v.Name, params.Enable).Marshal()
	bricks := slices.DeleteFunc(c.bricks(v), func(p place) bool { return !slices.Contains(params.Bricks, p.Key) })
	return each(c, v, bricks, "", func(p place, r brick.Reach) (api.BrickBarrier, error) {
		_, err := c.cfg.BrickOp(ctx, r.Socket, gfrpc.BrickBarrier, p.Path, req, nil)
		if unexplained(err) { // the brick is in that state already
			err = nil
			if params.Enable {
				return barrierGap(p, barred), nil
			}
		}
		return api.BrickBarrier{Name: p.Name}, err
	}, barrierGap), nil
}
