package client

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

// VolumeOptions lists all options of a volume with their values and defaults. Errors: NotFound.
func (c *Client) VolumeOptions(ctx context.Context, volume string) ([]api.VolumeOption, error) {
	return ask[[]api.VolumeOption](ctx, c, request{method: http.MethodGet, path: volumePath(volume, "options")})
}

// VolumeOption returns one option of a volume. Errors: NotFound.
func (c *Client) VolumeOption(ctx context.Context, volume, option string) (api.VolumeOption, error) {
	return ask[api.VolumeOption](ctx, c, request{method: http.MethodGet, path: volumePath(volume, "options", option)})
}

// VolumeSet sets options of a volume, all or none. Errors: NotFound, Invalid, Conflict.
func (c *Client) VolumeSet(ctx context.Context, volume string, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodPost, path: volumePath(volume, "options"), body: req, result: volumePath(volume)})
}

// VolumeReset puts options back to their defaults. Errors: NotFound, Invalid, Conflict.
func (c *Client) VolumeReset(ctx context.Context, volume string, req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	return ask[api.VolumeInfo](ctx, c, request{method: http.MethodDelete, path: volumePath(volume, "options"), body: req, result: volumePath(volume)})
}

// OptionHelp explains all options, or the one of that name, which may be shortened. Errors: Invalid.
func (c *Client) OptionHelp(ctx context.Context, name string) ([]api.OptionHelp, error) {
	q := url.Values{}
	if name != "" {
		q.Set("name", name)
	}
	return ask[[]api.OptionHelp](ctx, c, request{method: http.MethodGet, path: []string{"v1", "options"}, query: q})
}

func groupPath(more ...string) []string {
	return append([]string{"v1", "volumes", "options-group"}, more...)
}

// OptionGroups lists the option groups.
func (c *Client) OptionGroups(ctx context.Context) ([]api.OptionGroup, error) {
	return ask[[]api.OptionGroup](ctx, c, request{method: http.MethodGet, path: groupPath()})
}

// OptionGroupCreate adds an option group. Errors: Invalid, Exists.
func (c *Client) OptionGroupCreate(ctx context.Context, req api.OptionGroupReq) (api.OptionGroup, error) {
	return ask[api.OptionGroup](ctx, c, request{method: http.MethodPost, path: groupPath(), body: req})
}

// OptionGroupDelete removes an option group; volumes keep the options that it set. Errors: NotFound, Forbidden for built-in ones.
func (c *Client) OptionGroupDelete(ctx context.Context, name string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: groupPath(name)}, nil)
}
