package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Replacing is the renewal of single bricks. A name that is not a volume is answered with api.NotFound.
type Replacing interface {
	Replace(ctx context.Context, name string, req api.ReplaceBrickReq) (api.VolumeInfo, error)
	ResetStart(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error)
	ResetCommit(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error)
}

func (a *API) replaceRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/replacebrick", Name: "ReplaceBrick", Conditional: true, Access: Admin, Plans: true,
			Requires: []string{"src-peerid", "src-brickpath"}, Description: "Puts a brick elsewhere in the place of one of a replicate or disperse volume; it is healed from the others. gd2 chooses the place for a brick that it has made."}, a.replaceBrick),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/resetbrick/start", Name: "ResetBrickStart", Conditional: true, Access: Admin, Plans: true,
			Requires: []string{"peerid", "brickpath"}, Description: "Takes a brick out of service, so that its disk can be exchanged."}, a.resetStart),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/resetbrick/commit", Name: "ResetBrickCommit", Conditional: true, Access: Admin, Plans: true,
			Requires: []string{"peerid", "brickpath"}, Description: "Makes a brick that is out of service anew at its place; it is healed from the others."}, a.resetCommit),
	}
}

func (a *API) replaceBrick(ctx context.Context, r *Request, req api.ReplaceBrickReq) (api.VolumeInfo, error) {
	return a.cfg.Replacing.Replace(ctx, r.Vars["volname"], req)
}

func (a *API) resetStart(ctx context.Context, r *Request, req api.ResetBrickReq) (api.VolumeInfo, error) {
	return a.cfg.Replacing.ResetStart(ctx, r.Vars["volname"], req)
}

func (a *API) resetCommit(ctx context.Context, r *Request, req api.ResetBrickReq) (api.VolumeInfo, error) {
	return a.cfg.Replacing.ResetCommit(ctx, r.Vars["volname"], req)
}
