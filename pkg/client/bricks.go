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
