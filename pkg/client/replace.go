package client

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// VolumeReplaceBrick puts a brick elsewhere in the place of another one. Errors: NotFound, Invalid, State, Conflict, Unavailable.
func (c *Client) VolumeReplaceBrick(ctx context.Context, name string, req api.ReplaceBrickReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "replacebrick"), body: req, result: volumePath(name)})
}

// VolumeResetBrickStart takes a brick out of service. Errors: NotFound, State, Conflict.
func (c *Client) VolumeResetBrickStart(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "resetbrick", "start"), body: req, result: volumePath(name)})
}

// VolumeResetBrickCommit makes a brick that is out of service anew. Errors: NotFound, Invalid, State, Conflict, Unavailable.
func (c *Client) VolumeResetBrickCommit(ctx context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "resetbrick", "commit"), body: req, result: volumePath(name)})
}
