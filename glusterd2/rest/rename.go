package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Renamer gives volumes other names.
type Renamer interface {
	Rename(ctx context.Context, name string, req api.VolumeRenameReq) (api.VolumeInfo, error)
}

func (a *API) renameRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/rename", Name: "VolumeRename", Conditional: true, Access: Admin, Plans: true, Requires: []string{"name"},
			Description: "Gives a volume that is not started another name. Its id and its data stay."}, a.volumeRename),
	}
}

func (a *API) volumeRename(ctx context.Context, r *Request, req api.VolumeRenameReq) (api.VolumeInfo, error) {
	return a.cfg.Renamer.Rename(ctx, r.Vars["volname"], req)
}
