package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Rebalance spreads the files of a volume over its bricks. A name that is not a volume is answered with api.NotFound.
type Rebalance interface {
	// RebalanceStart returns the id of the rebalance.
	RebalanceStart(ctx context.Context, name string, req api.RebalanceStartReq) (string, error)
	RebalanceStop(ctx context.Context, name string) (api.RebalanceStatus, error)
	RebalanceStatus(ctx context.Context, name string) (api.RebalanceStatus, error)
}

func (a *API) rebalanceRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/rebalance/start", Name: "RebalanceStart", Conditional: true, Access: Admin, Plans: true,
			Description: "Starts to move files to where the bricks of the volume want them, and returns the id of the rebalance."}, a.rebalanceStart),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/rebalance/stop", Name: "RebalanceStop", Conditional: true, Access: Admin, Plans: true,
			Description: "Stops a rebalance."}, a.rebalanceStop),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/rebalance", Name: "RebalanceStatus", Access: Read,
			Description: "Shows how a rebalance goes, or how the last one ended."}, a.rebalanceStatus),
	}
}

func (a *API) rebalanceStart(ctx context.Context, r *Request, req api.RebalanceStartReq) (string, error) {
	return a.cfg.Rebalance.RebalanceStart(ctx, r.Vars["volname"], req)
}

func (a *API) rebalanceStop(ctx context.Context, r *Request, _ None) (api.RebalanceStatus, error) {
	return a.cfg.Rebalance.RebalanceStop(ctx, r.Vars["volname"])
}

func (a *API) rebalanceStatus(ctx context.Context, r *Request, _ None) (api.RebalanceStatus, error) {
	return a.cfg.Rebalance.RebalanceStatus(ctx, r.Vars["volname"])
}
