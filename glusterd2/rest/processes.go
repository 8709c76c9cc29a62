package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Processes is what the running bricks and daemons of volumes can be told to do. What one of them could not do is said in
// its place.
type Processes interface {
	Statedump(ctx context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error)
	// RotateLogs has bricks begin new logs; an empty brick means all.
	RotateLogs(ctx context.Context, name, brick string) ([]api.RotatedLog, error)
	ClearLocks(ctx context.Context, name string, req api.ClearLocksReq) (api.ClearedLocks, error)
	// Barrier is enabled on all bricks or on none.
	Barrier(ctx context.Context, name string, enable bool) ([]api.BrickBarrier, error)
}

func (a *API) processRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/statedump", Name: "VolumeStatedump", NoPlan: asksOnly, Access: Admin,
			Description: "Has the bricks or daemons of a volume write their inner state to files on their hosts."}, a.volumeStatedump),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/log/rotate", Name: "VolumeLogRotate", NoPlan: asksOnly, Access: Admin,
			Description: "Has the bricks of a volume, or one, begin new logs; the old ones get a time after their name."}, a.rotateLogs),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/barrier", Name: "VolumeBarrier", NoPlan: asksOnly, Access: Admin, Requires: []string{"enable"},
			Description: "Makes the bricks of a volume hold back the answers to what makes changes last, or let them through."}, a.barrier),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/clear-locks", Name: "VolumeClearLocks", NoPlan: asksOnly, Access: Admin, Requires: []string{"path", "kind", "type"},
			Description: "Takes locks of a file from the clients of a volume."}, a.clearLocks),
	}
}

func (a *API) volumeStatedump(ctx context.Context, r *Request, req api.StatedumpReq) ([]api.Statedump, error) {
	return a.cfg.Processes.Statedump(ctx, r.Vars["volname"], req)
}

func (a *API) rotateLogs(ctx context.Context, r *Request, req api.LogRotateReq) ([]api.RotatedLog, error) {
	return a.cfg.Processes.RotateLogs(ctx, r.Vars["volname"], req.Brick)
}

func (a *API) barrier(ctx context.Context, r *Request, req api.BarrierReq) ([]api.BrickBarrier, error) {
	return a.cfg.Processes.Barrier(ctx, r.Vars["volname"], req.Enable)
}

func (a *API) clearLocks(ctx context.Context, r *Request, req api.ClearLocksReq) (api.ClearedLocks, error) {
	return a.cfg.Processes.ClearLocks(ctx, r.Vars["volname"], req)
}
