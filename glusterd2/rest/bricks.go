package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Bricks is the change of what bricks a volume is made of. A name that is not a volume is answered with api.NotFound.
type Bricks interface {
	Expand(ctx context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error)
}

func (a *API) brickRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/expand", Name: "VolumeExpand", Conditional: true, Access: Admin, Plans: true,
			Description: "Makes a volume larger by a size, or adds the bricks that are named: further subvolumes, or with a higher replica count further copies."}, a.volumeExpand),
	}
}

func (a *API) volumeExpand(ctx context.Context, r *Request, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	return a.cfg.Bricks.Expand(ctx, r.Vars["volname"], req)
}
