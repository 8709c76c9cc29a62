package client

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

func volumePath(name string, more ...string) []string {
	return append([]string{"v1", "volumes", name}, more...)
}

// VolumeCreate creates a volume. Errors: Invalid, Exists, Conflict.
func (c *Client) VolumeCreate(ctx context.Context, req api.VolumeCreateReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: []string{"v1", "volumes"}, body: req, result: volumePath(req.Name)})
}

// Volumes lists the volumes that pass the filter, by name.
func (c *Client) Volumes(ctx context.Context, f Filter) ([]api.VolumeInfo, error) {
	return ask[[]api.VolumeInfo](ctx, c, request{method: http.MethodGet, path: []string{"v1", "volumes"}, query: f.query()})
}

// Volume returns one volume. Errors: NotFound.
func (c *Client) Volume(ctx context.Context, name string) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodGet, path: volumePath(name)})
}

// VolumeDelete forgets a volume that is not started; the data on its bricks stays. It waits for peers that hold bricks and are away. Errors: NotFound, State, Conflict.
func (c *Client) VolumeDelete(ctx context.Context, name string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: volumePath(name)}, nil)
}

// VolumeForget is VolumeDelete that does not wait for peers that hold bricks and cannot be reached.
func (c *Client) VolumeForget(ctx context.Context, name string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: volumePath(name), query: url.Values{"force": {"true"}}}, nil)
}

// VolumeRename gives a volume that is not started another name. Errors: NotFound, State, Exists, Invalid, Conflict.
func (c *Client) VolumeRename(ctx context.Context, name string, req api.VolumeRenameReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "rename"), body: req, result: volumePath(req.Name)})
}

// VolumeStart starts a volume. Errors: NotFound, State, Conflict.
func (c *Client) VolumeStart(ctx context.Context, name string, req api.VolumeStartReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "start"), body: req, result: volumePath(name)})
}

// VolumeStop stops a volume. Errors: NotFound, State, Conflict.
func (c *Client) VolumeStop(ctx context.Context, name string, req api.VolumeStopReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "stop"), body: req, result: volumePath(name)})
}

// VolumeStatus asks the peers how a volume's bricks and daemons do. Errors: NotFound, State.
func (c *Client) VolumeStatus(ctx context.Context, name string) (api.VolumeStatus, error) {
	return ask[api.VolumeStatus](ctx, c, request{method: http.MethodGet, path: volumePath(name, "status")})
}

// VolumeBricks asks the peers how a volume's bricks do. Errors: NotFound.
func (c *Client) VolumeBricks(ctx context.Context, name string) ([]api.BrickStatus, error) {
	return ask[[]api.BrickStatus](ctx, c, request{method: http.MethodGet, path: volumePath(name, "bricks")})
}

// VolumeEdit changes the metadata of a volume. Errors: NotFound, Invalid.
func (c *Client) VolumeEdit(ctx context.Context, name string, req api.VolumeEditReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(name, "edit"), body: req, result: volumePath(name)})
}
