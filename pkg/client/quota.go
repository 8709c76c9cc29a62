package client

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

func quotaPath(volume string, more ...string) []string {
	return append([]string{"v1", "quota", volume}, more...)
}

// Quota tells how the quota of a volume is set. Errors: NotFound.
func (c *Client) Quota(ctx context.Context, volume string) (api.Quota, error) {
	return ask[api.Quota](ctx, c, request{method: http.MethodGet, path: quotaPath(volume)})
}

// QuotaEnable switches the quota of a volume on. Errors: NotFound, State.
func (c *Client) QuotaEnable(ctx context.Context, volume string) (api.Quota, error) {
	return ask[api.Quota](ctx, c, request{method: http.MethodPost, path: quotaPath(volume, "enable"), result: quotaPath(volume)})
}

// QuotaDisable takes all limits of a volume away and switches its quota off. Errors: NotFound, State.
func (c *Client) QuotaDisable(ctx context.Context, volume string) (api.Quota, error) {
	return ask[api.Quota](ctx, c, request{method: http.MethodPost, path: quotaPath(volume, "disable"), result: quotaPath(volume)})
}

// QuotaLimits lists the limits of a type, api.QuotaUsage or api.QuotaObjects, and what the directories hold: all of them,
// or that of one path. Errors: NotFound, State.
func (c *Client) QuotaLimits(ctx context.Context, volume, typ, path string) ([]api.QuotaLimit, error) {
	q := url.Values{"type": {typ}}
	if path != "" {
		q.Set("path", path)
	}
	return ask[[]api.QuotaLimit](ctx, c, request{method: http.MethodGet, path: quotaPath(volume, "limit"), query: q})
}

// QuotaLimit limits what a directory may hold. Errors: NotFound, Invalid, State, Conflict.
func (c *Client) QuotaLimit(ctx context.Context, volume string, req api.QuotaLimitReq) (api.QuotaLimit, error) {
	return ask[api.QuotaLimit](ctx, c, request{method: http.MethodPost, path: quotaPath(volume, "limit"), body: req})
}

// QuotaRemove takes a limit of a directory away. Errors: NotFound, State, Conflict.
func (c *Client) QuotaRemove(ctx context.Context, volume string, req api.QuotaRemoveReq) error {
	return c.call(ctx, request{method: http.MethodDelete, path: quotaPath(volume, "limit"), body: req}, nil)
}
