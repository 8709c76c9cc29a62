package client

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// VolumeExpand adds bricks to a volume. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) VolumeExpand(ctx context.Context, name string, req api.VolumeExpandReq) (api.VolumeExpandResp, error) {
	return ask[api.VolumeExpandResp](ctx, c, request{method: http.MethodPost, path: volumePath(name, "expand"), body: req, result: volumePath(name)})
}

// RebalanceStart starts a rebalance and returns its id. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) RebalanceStart(ctx context.Context, volume string, req api.RebalanceStartReq) (string, error) {
	return ask[string](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "rebalance", "start"), body: req})
}

// RebalanceStop stops a rebalance. Errors: NotFound, State, Conflict.
func (c *Client) RebalanceStop(ctx context.Context, volume string) (api.RebalanceStatus, error) {
	return ask[api.RebalanceStatus](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "rebalance", "stop"), result: volumePath(volume, "rebalance")})
}

// RebalanceStatus tells how a rebalance goes, or how the last one ended. Errors: NotFound, State.
func (c *Client) RebalanceStatus(ctx context.Context, volume string) (api.RebalanceStatus, error) {
	return ask[api.RebalanceStatus](ctx, c, request{method: http.MethodGet, path: volumePath(volume, "rebalance")})
}
