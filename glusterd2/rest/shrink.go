package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Shrink removes bricks from a volume. A name that is not a volume is answered with api.NotFound.
type Shrink interface {
	// Shrink removes bricks at once, with what is on them.
	Shrink(ctx context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error)
	// ShrinkStart has their files moved first, and returns the id of that task; ShrinkCommit removes them then.
	ShrinkStart(ctx context.Context, name string, req api.VolumeShrinkReq) (string, error)
	ShrinkStatus(ctx context.Context, name string) (api.RebalanceStatus, error)
	ShrinkStop(ctx context.Context, name string, req api.VolumeShrinkReq) (api.RebalanceStatus, error)
	ShrinkCommit(ctx context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error)
}

func (a *API) shrinkRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/shrink", Name: "VolumeShrink", Conditional: true, Access: Admin, Plans: true, Requires: []string{"bricks"},
			Description: "Removes bricks from a volume at once: copies, with a lower replica count, or by force whole subvolumes with what is on them."}, a.shrink),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/shrink/start", Name: "ShrinkStart", Conditional: true, Access: Admin, Plans: true, Requires: []string{"bricks"},
			Description: "Starts to move the files of bricks that are to be removed to the others, and returns the id of that task."}, a.shrinkStart),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/shrink", Name: "ShrinkStatus", Access: Read,
			Description: "Shows how far the files of bricks that are to be removed have been moved."}, a.shrinkStatus),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/shrink/stop", Name: "ShrinkStop", Conditional: true, Access: Admin, Plans: true,
			Description: "Keeps bricks that were to be removed. Files that were moved stay where they are."}, a.shrinkStop),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/shrink/commit", Name: "ShrinkCommit", Conditional: true, Access: Admin, Plans: true,
			Description: "Removes the bricks whose files have been moved."}, a.shrinkCommit),
	}
}

func (a *API) shrink(ctx context.Context, r *Request, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return a.cfg.Shrink.Shrink(ctx, r.Vars["volname"], req)
}

func (a *API) shrinkStart(ctx context.Context, r *Request, req api.VolumeShrinkReq) (string, error) {
	return a.cfg.Shrink.ShrinkStart(ctx, r.Vars["volname"], req)
}

func (a *API) shrinkStatus(ctx context.Context, r *Request, _ None) (api.RebalanceStatus, error) {
	return a.cfg.Shrink.ShrinkStatus(ctx, r.Vars["volname"])
}

func (a *API) shrinkStop(ctx context.Context, r *Request, req api.VolumeShrinkReq) (api.RebalanceStatus, error) {
	return a.cfg.Shrink.ShrinkStop(ctx, r.Vars["volname"], req)
}

func (a *API) shrinkCommit(ctx context.Context, r *Request, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return a.cfg.Shrink.ShrinkCommit(ctx, r.Vars["volname"], req)
}
