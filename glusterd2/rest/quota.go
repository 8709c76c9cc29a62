package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Quotas is the quotas of volumes.
type Quotas interface {
	Get(ctx context.Context, volume string) (api.Quota, error)
	Enable(ctx context.Context, volume string) (api.Quota, error)
	Disable(ctx context.Context, volume string) (api.Quota, error)
	// Limits lists the limits of a type, of all directories or of those of the paths.
	Limits(ctx context.Context, volume, typ string, paths []string) ([]api.QuotaLimit, error)
	SetLimit(ctx context.Context, volume string, req api.QuotaLimitReq) (api.QuotaLimit, error)
	RemoveLimit(ctx context.Context, volume string, req api.QuotaRemoveReq) error
}

func (a *API) quotaRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/quota/{volname}", Name: "QuotaInfo", Access: Read,
			Description: "Shows how the quota of a volume is set, and how far its bricks have counted."}, a.quotaInfo),
		serve(Route{Method: http.MethodPost, Path: "/v1/quota/{volname}/enable", Name: "QuotaEnable", Conditional: true, Plans: true, Access: Admin,
			Description: "Switches the quota of a started volume on. What is there already is counted in the background."}, a.quotaEnable),
		serve(Route{Method: http.MethodPost, Path: "/v1/quota/{volname}/disable", Name: "QuotaDisable", Conditional: true, Whole: true, Plans: true, Access: Admin,
			Description: "Takes all limits away and switches the quota off."}, a.quotaDisable),
		serve(Route{Method: http.MethodGet, Path: "/v1/quota/{volname}/limit", Name: "QuotaList", Access: Read, Key: "path",
			Query: []Param{
				{Name: "type", Description: "limits of bytes (usage, the default) or of files and directories (objects)", Values: []string{api.QuotaUsage, api.QuotaObjects}},
				{Name: "path", Description: "only the limit of this directory"},
			},
			Description: "Lists the limits of a volume and what the directories hold."}, a.quotaList),
		serve(Route{Method: http.MethodPost, Path: "/v1/quota/{volname}/limit", Name: "QuotaLimit", Conditional: true, Plans: true, Access: Admin, Requires: []string{"path", "hard-limit"},
			Description: "Limits what a directory may hold."}, a.quotaLimit),
		serve(Route{Method: http.MethodDelete, Path: "/v1/quota/{volname}/limit", Name: "QuotaRemove", Conditional: true, Plans: true, Access: Admin, Status: http.StatusNoContent, Requires: []string{"path"},
			Description: "Takes a limit of a directory away."}, a.quotaRemove),
	}
}

func (a *API) quotaInfo(ctx context.Context, r *Request, _ None) (api.Quota, error) {
	return a.cfg.Quotas.Get(ctx, r.Vars["volname"])
}

func (a *API) quotaEnable(ctx context.Context, r *Request, _ None) (api.Quota, error) {
	return a.cfg.Quotas.Enable(ctx, r.Vars["volname"])
}

func (a *API) quotaDisable(ctx context.Context, r *Request, _ None) (api.Quota, error) {
	return a.cfg.Quotas.Disable(ctx, r.Vars["volname"])
}

func (a *API) quotaList(ctx context.Context, r *Request, _ None) ([]api.QuotaLimit, error) {
	var paths []string
	if path := r.Query.Get("path"); path != "" {
		paths = append(paths, path)
	}
	return a.cfg.Quotas.Limits(ctx, r.Vars["volname"], r.Query.Get("type"), paths)
}

func (a *API) quotaLimit(ctx context.Context, r *Request, req api.QuotaLimitReq) (api.QuotaLimit, error) {
	return a.cfg.Quotas.SetLimit(ctx, r.Vars["volname"], req)
}

func (a *API) quotaRemove(ctx context.Context, r *Request, req api.QuotaRemoveReq) (None, error) {
	return None{}, a.cfg.Quotas.RemoveLimit(ctx, r.Vars["volname"], req)
}
