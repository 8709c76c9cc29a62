package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"gd2/pkg/api"
)

// VolumeProfileStart makes the bricks of a volume count and measure their operations. Errors: NotFound, State.
func (c *Client) VolumeProfileStart(ctx context.Context, name string) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "profile", "start"), result: volumePath(name)})
}

// VolumeProfileStop ends what VolumeProfileStart began. Errors: NotFound, State.
func (c *Client) VolumeProfileStop(ctx context.Context, name string) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "profile", "stop"), result: volumePath(name)})
}

// VolumeProfile returns what the bricks of a volume have counted; what is one of api's, such as api.ProfileCumulative.
// Errors: NotFound, Invalid, State if the volume is not profiled.
func (c *Client) VolumeProfile(ctx context.Context, name, what string) ([]api.BrickProfile, error) {
	return ask[[]api.BrickProfile](ctx, c, request{method: http.MethodGet, path: volumePath(name, "profile", what)})
}

// VolumeTop lists the files that the bricks of a volume use most; what is one of api's. With a block size it measures, and
// with api.TopClear it makes the bricks forget. Errors: NotFound, Invalid, State.
func (c *Client) VolumeTop(ctx context.Context, name, what string, req api.TopReq) ([]api.BrickTop, error) {
	r := request{method: http.MethodPost, path: volumePath(name, "top", what)}
	q := url.Values{}
	if req.Brick != "" {
		q.Set("brick", req.Brick)
	}
	if req.Count != 0 && what != api.TopClear {
		q.Set("count", strconv.Itoa(req.Count))
	}
	switch {
	case what == api.TopClear:
		r.query = q
	case req.BlockSize != 0 || req.BlockCount != 0:
		r.body = req
	default:
		r.method, r.query = http.MethodGet, q
	}
	return ask[[]api.BrickTop](ctx, c, r)
}

// Which processes VolumeProcesses asks: one brick, HOST:PATH, or the daemons of one kind, or, left empty, all.
type Which struct {
	Brick, Daemon string
}

// VolumeProcesses asks the bricks and daemons of a volume for a part of their inner state; what is one of api's, such as
// api.StatusClients. Errors: NotFound, Invalid, State.
func (c *Client) VolumeProcesses(ctx context.Context, name, what string, which Which) ([]api.ProcessState, error) {
	q := url.Values{}
	if which.Brick != "" {
		q.Set("brick", which.Brick)
	}
	if which.Daemon != "" {
		q.Set("daemon", which.Daemon)
	}
	return ask[[]api.ProcessState](ctx, c, request{method: http.MethodGet, path: volumePath(name, "status", what), query: q})
}

// VolumeClientList counts the clients of a volume by the names of their processes. Errors: NotFound, State, Unavailable.
func (c *Client) VolumeClientList(ctx context.Context, name string) ([]api.ClientCount, error) {
	return ask[[]api.ClientCount](ctx, c, request{method: http.MethodGet, path: volumePath(name, "status", "client-list")})
}

// VolumeTasks lists the changes of a volume that have not ended. Errors: NotFound, State.
func (c *Client) VolumeTasks(ctx context.Context, name string) ([]api.VolumeTask, error) {
	return ask[[]api.VolumeTask](ctx, c, request{method: http.MethodGet, path: volumePath(name, "status", "tasks")})
}
