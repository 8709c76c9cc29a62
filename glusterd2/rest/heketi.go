package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Heketi takes over what a Heketi has made.
type Heketi interface {
	// Import puts on record what a dump of Heketi's database has, and touches nothing on the hosts.
	Import(ctx context.Context, req api.HeketiImportReq) (api.HeketiImport, error)
}

func (a *API) heketiRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/heketi/import", Name: "HeketiImport", Access: Admin, Plans: true, Whole: true,
			Requires:    []string{"dump"},
			Description: "Takes over clusters, nodes, devices and volumes of a Heketi, as its /db/dump and glusterd's files tell of them. Nothing on the hosts is touched."},
			func(ctx context.Context, _ *Request, req api.HeketiImportReq) (api.HeketiImport, error) {
				return a.cfg.Heketi.Import(ctx, req)
			}),
	}
}
