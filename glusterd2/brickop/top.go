package brickop

import (
	"strconv"
	"time"

	"gd2/pkg/api"
	"gd2/pkg/gfrpc"
)

// topOps are the values of top-op of BrickXlatorInfo.
var topOps = map[string]int64{
	api.TopClear: 0, api.TopOpen: 1, api.TopRead: 2, api.TopWrite: 3, api.TopOpendir: 4, api.TopReaddir: 5,
	api.TopReadPerf: 6, api.TopWritePerf: 7,
}

// topOp is the value of op that tells top from profile.
const topOp = 4

// TopRequest asks a brick for the files that it uses most; what is one of api's. With a block size it measures the
// throughput of its disk first. ok is false if there is no such thing.
func TopRequest(volumeName, what string, req api.TopReq) (d gfrpc.Dict, ok bool) {
	op, ok := topOps[what]
	d = gfrpc.Strings(map[string]string{"volname": volumeName})
	d.SetInt("op", topOp)
	d.SetInt("top-op", op)
	d.SetInt("list-cnt", int64(req.Count))
	if what == api.TopClear {
		d.SetInt("clear-stats", 1)
	}
	if req.BlockSize > 0 {
		d.SetString("blk-size", strconv.FormatUint(req.BlockSize, 10))
		d.SetString("blk-cnt", strconv.FormatUint(req.BlockCount, 10))
	}
	return d, ok
}

// ParseTop reads what a brick answers to TopRequest.
func ParseTop(d gfrpc.Dict) api.BrickTop {
	top := api.BrickTop{
		Files: []api.TopFile{}, CurrentOpen: count(d, "current-open"), MaxOpen: count(d, "max-open"),
		Throughput: number(d.String("throughput")), Seconds: number(d.String("time")) / 1e6,
	}
	if top.MaxOpen > 0 {
		top.MaxOpenTime = text(d, "max-openfd-time")
	}
	for i := 1; i <= bounded(d, "members"); i++ {
		n := strconv.Itoa(i)
		f := api.TopFile{Filename: text(d, "filename-"+n), Value: number(d.String("value-" + n))}
		if _, ok := d["time-sec-"+n]; ok {
			at := time.Unix(signed(d, "time-sec-"+n), 1000*(signed(d, "time-usec-"+n)%1e6)).UTC()
			f.Time = at.Format("2006-01-02 15:04:05.000000 -0700")
		}
		top.Files = append(top.Files, f)
	}
	return top
}
