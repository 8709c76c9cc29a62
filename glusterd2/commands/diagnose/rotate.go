package diagnose

import (
	"context"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

type rotateParams struct {
	// At names the old logs, the same on all peers, in seconds since 1970.
	At    int64  `json:"at"`
	Brick string `json:"brick,omitempty"` // the id, or empty for all
}

// RotateLogs has bricks of a volume begin new logs: the one named HOST:PATH, or all if the name is empty.
func (c *Commands) RotateLogs(ctx context.Context, name, brickName string) ([]api.RotatedLog, error) {
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	bricks, err := c.chosen(v, brickName)
	if err != nil {
		return nil, err
	}
	return over(ctx, c.rotate, v, bricks, rotateParams{At: time.Now().Unix(), Brick: only(brickName, bricks)}, rotateGap), nil
}

func logOf(p place) api.RotatedLog {
	return api.RotatedLog{Name: p.Name, PeerID: p.PeerID, Host: p.Host}
}

func rotateGap(p place, why string) api.RotatedLog {
	out := logOf(p)
	out.Error = why
	return out
}

func (c *Commands) answerRotate(ctx context.Context, v *volume.Volume, params rotateParams) (map[string]api.RotatedLog, error) {
	type logs struct{ log, old string }
	var once perProcess[logs]
	return each(c, v, c.bricks(v), params.Brick, func(p place, r brick.Reach) (api.RotatedLog, error) {
		l, err := once.do(r.Pid, func() (l logs, err error) {
			l.log, l.old, err = c.cfg.RotateLog(ctx, r, time.Unix(params.At, 0))
			return l, err
		})
		out := logOf(p)
		out.Log, out.Old = l.log, l.old
		return out, err
	}, rotateGap), nil
}
