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

// VolumeBarrier makes the bricks of a volume hold back the answers to what makes changes last, or let them through. Errors:
// NotFound, State, Unavailable if not all bricks could be told to hold back: then none does.
func (c *Client) VolumeBarrier(ctx context.Context, name string, enable bool) ([]api.BrickBarrier, error) {
	return ask[[]api.BrickBarrier](ctx, c, request{method: http.MethodPost, path: volumePath(name, "barrier"), body: api.BarrierReq{Enable: enable}})
}

// State returns all that is known of the pool and of what runs in it.
func (c *Client) State(ctx context.Context) (api.PoolState, error) {
	return ask[api.PoolState](ctx, c, request{method: http.MethodGet, path: []string{"v1", "state"}})
}

// VolumeClearLocks takes locks of a file from clients. Errors: NotFound, Invalid, State, Unavailable.
func (c *Client) VolumeClearLocks(ctx context.Context, name string, req api.ClearLocksReq) (api.ClearedLocks, error) {
	return ask[api.ClearedLocks](ctx, c, request{method: http.MethodPost, path: volumePath(name, "clear-locks"), body: req})
}
