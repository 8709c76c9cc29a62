package client

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// VolumeStatedump has bricks or daemons of a volume write their inner state to files on their hosts. Errors: NotFound,
// Invalid, State.
func (c *Client) VolumeStatedump(ctx context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error) {
	return ask[[]api.Statedump](ctx, c, request{method: http.MethodPost, path: volumePath(name, "statedump"), body: req})
}

// VolumeLogRotate has the bricks of a volume, or the one named HOST:PATH, begin new logs. Errors: NotFound, State.
func (c *Client) VolumeLogRotate(ctx context.Context, name, brick string) ([]api.RotatedLog, error) {
	return ask[[]api.RotatedLog](ctx, c, request{method: http.MethodPost, path: volumePath(name, "log", "rotate"), body: api.LogRotateReq{Brick: brick}})
}
