package diagnose

import (
	"context"
	"time"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/brickop"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

const (
	// topTimeout bounds the wait for one peer: a measurement writes and reads.
	topTimeout = 2 * time.Minute
	// defaultTop and maxTop are how many files a brick lists; it does not keep more than 100.
	defaultTop, maxTop = 100, 100
	// maxMeasure is the largest measurement, in bytes: bricks write as much, and the throughput is known long before.
	maxMeasure = 10 << 30
	// maxBlock is the largest block of a measurement: a brick takes it from memory.
	maxBlock = 64 << 20
)

type topParams struct {
	What  string     `json:"what"`
	Req   api.TopReq `json:"req"`
	Brick string     `json:"brick,omitempty"` // the id, or empty for all
}

// Top lists the files that the bricks of a volume use most; what is one of api's. With a block size, read-perf and
// write-perf measure the throughput of the bricks' disks first, by a file of their own.
func (c *Commands) Top(ctx context.Context, name, what string, req api.TopReq) ([]api.BrickTop, error) {
	if err := checkTop(what, &req); err != nil {
		return nil, err
	}
	v, err := c.started(ctx, name)
	if err != nil {
		return nil, err
	}
	bricks, err := c.chosen(v, req.Brick)
	if err != nil {
		return nil, err
	}
	return over(ctx, c.top, v, bricks, topParams{What: what, Req: req, Brick: only(req.Brick, bricks)}, topGap), nil
}

func topGap(p place, why string) api.BrickTop {
	return api.BrickTop{BrickName: p.Name, Files: []api.TopFile{}, Error: why}
}

// checkTop checks a request, and fills in what it leaves open.
func checkTop(what string, req *api.TopReq) error {
	measures := what == api.TopReadPerf || what == api.TopWritePerf
	if req.Count == 0 {
		req.Count = defaultTop
	}
	if _, ok := brickop.TopRequest("", what, *req); !ok {
		return api.FieldErrorf("what", "top has no %.30q: use %s, %s, %s, %s, %s, %s, %s or %s", what, api.TopOpen, api.TopRead, api.TopWrite,
			api.TopOpendir, api.TopReaddir, api.TopReadPerf, api.TopWritePerf, api.TopClear)
	}
	switch {
	case req.Count < 1 || req.Count > maxTop:
		return api.FieldErrorf("count", "%d files: a brick lists 1 to %d", req.Count, maxTop)
	case !measures && (req.BlockSize > 0 || req.BlockCount > 0):
		return api.FieldErrorf("block-size", "blocks are for %s and %s, not for %s", api.TopReadPerf, api.TopWritePerf, what)
	case (req.BlockSize > 0) != (req.BlockCount > 0):
		return api.FieldErrorf("block-count", "a measurement needs both the size of its blocks and how many, more than 0 each")
	case req.BlockSize > maxBlock:
		return api.FieldErrorf("block-size", "blocks of %d bytes: at most %d", req.BlockSize, maxBlock)
	case req.BlockCount > maxMeasure/max(req.BlockSize, 1):
		return api.FieldErrorf("block-count", "%d blocks of %d bytes: a measurement takes at most %d bytes in all", req.BlockCount, req.BlockSize, int64(maxMeasure))
	}
	return nil
}

func (c *Commands) answerTop(ctx context.Context, v *volume.Volume, p topParams) (map[string]api.BrickTop, error) {
	req, ok := brickop.TopRequest(v.Name, p.What, p.Req)
	if !ok {
		return nil, api.Errorf(api.NotSupported, "top of the kind %.30q is not known", p.What)
	}
	return each(c, v, c.bricks(v), p.Brick, func(b place, r brick.Reach) (api.BrickTop, error) {
		reply, err := c.cfg.BrickOp(ctx, r.Socket, gfrpc.BrickXlatorInfo, b.Path, req.Marshal(), nil)
		top := brickop.ParseTop(reply)
		top.BrickName = b.Name
		return top, err
	}, topGap), nil
}
