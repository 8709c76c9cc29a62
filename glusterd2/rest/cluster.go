package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

func (a *API) clusterRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/cluster/options", Name: "GetClusterOptions", Conditional: true, Access: Read,
			Description: "Lists the options of the whole pool."}, a.clusterOptions),
		serve(Route{Method: http.MethodPost, Path: "/v1/cluster/options", Name: "SetClusterOptions", Conditional: true, Plans: true, Access: Admin, Requires: []string{"options"},
			Description: "Sets options of the whole pool."}, a.clusterOptionsSet),
	}
}

func (a *API) clusterOptions(ctx context.Context, _ *Request, _ None) ([]api.ClusterOption, error) {
	return a.cfg.Cluster.Options(ctx)
}

func (a *API) clusterOptionsSet(ctx context.Context, _ *Request, req api.ClusterOptionReq) ([]api.ClusterOption, error) {
	return a.cfg.Cluster.SetOptions(ctx, req)
}
