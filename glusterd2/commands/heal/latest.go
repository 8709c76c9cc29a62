package heal

import (
	"context"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// fileParams name a file: a path from the root of the volume, or gfid:UUID.
type fileParams struct {
	File string `json:"file"`
}

// answerTimes returns when this peer's copies of a file were changed last, by the ids of the bricks that have one.
func (c *Commands) answerTimes(_ context.Context, v *volume.Volume, p fileParams) (map[string]time.Time, error) {
	if err := checkFile(p.File); err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, b := range v.BricksOn(c.cfg.PeerID) {
		at, ok, err := brick.FileTime(b.Path, p.File)
		if err != nil {
			return nil, err
		}
		if ok && !b.Arbiter {
			out[b.ID] = at
		}
	}
	return out, nil
}

// latest returns the brick whose copy of a file was changed last. GlusterFS 10's own tool cannot tell: as long as clients
// keep the times of files (features.ctime, the default) it finds all copies equal.
func (c *Commands) latest(ctx context.Context, v *volume.Volume, file string) (volume.Brick, error) {
	times, missing := gather(c.times.Ask(ctx, v, v.Peers(), fileParams{File: file}))
	var best volume.Brick
	var at time.Time
	same := false
	for _, s := range v.Subvols {
		for _, b := range s.Bricks {
			t, ok := times[b.ID]
			switch {
			case ok && t.After(at):
				best, at, same = b, t, false
			case ok && t.Equal(at):
				same = true
			}
		}
	}
	switch {
	case len(missing) > 0:
		failed := &api.Error{Kind: api.Unavailable, Message: "the copies of " + file + " cannot be compared"}
		for id, why := range missing {
			failed.Causes = append(failed.Causes, api.Errorf(api.Unavailable, "%s", why).With(api.FieldPeer, id))
		}
		return best, failed
	case len(times) == 0:
		return best, api.Errorf(api.State, "no brick of volume %s has the file %.200q", v.Name, file)
	case same:
		return best, api.Errorf(api.State, "the copies of %.200q were changed at the same time: choose one with %s or %s", file, api.SplitBrainBiggerFile, api.SplitBrainSource)
	}
	return best, nil
}
