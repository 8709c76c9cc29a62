package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// State is all that is known of the pool and of what runs in it.
type State interface {
	State(ctx context.Context) (api.PoolState, error)
}

func (a *API) stateRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/state", Name: "GetState", Access: Read,
			Description: "Shows all that is known of the pool: peers, options, volumes with their bricks, daemons and tasks, operations that have not ended, the store."}, a.state),
	}
}

func (a *API) state(ctx context.Context, _ *Request, _ None) (api.PoolState, error) {
	return a.cfg.State.State(ctx)
}
