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

// VolumeShrink removes bricks at once, with what is on them. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) VolumeShrink(ctx context.Context, volume string, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "shrink"), body: req, result: volumePath(volume)})
}

// ShrinkStart has the files of bricks moved to others and returns the id of that task. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) ShrinkStart(ctx context.Context, volume string, req api.VolumeShrinkReq) (string, error) {
	return ask[string](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "shrink", "start"), body: req})
}

// ShrinkStatus tells how far files have been moved. Errors: NotFound, State.
func (c *Client) ShrinkStatus(ctx context.Context, volume string) (api.RebalanceStatus, error) {
	return ask[api.RebalanceStatus](ctx, c, request{method: http.MethodGet, path: volumePath(volume, "shrink")})
}

// ShrinkStop keeps bricks that were to be removed. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) ShrinkStop(ctx context.Context, volume string, req api.VolumeShrinkReq) (api.RebalanceStatus, error) {
	return ask[api.RebalanceStatus](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "shrink", "stop"), body: req, result: volumePath(volume, "shrink")})
}

// ShrinkCommit removes the bricks whose files have been moved. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) ShrinkCommit(ctx context.Context, volume string, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "shrink", "commit"), body: req, result: volumePath(volume)})
}
