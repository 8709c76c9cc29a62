package client

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// ClusterOptions lists the options of the pool.
func (c *Client) ClusterOptions(ctx context.Context) ([]api.ClusterOption, error) {
	return ask[[]api.ClusterOption](ctx, c, request{method: http.MethodGet, path: []string{"v1", "cluster", "options"}})
}

// ClusterSet sets options of the pool, all or none, and returns all of them as they are afterwards. Errors: Invalid.
func (c *Client) ClusterSet(ctx context.Context, options map[string]string) ([]api.ClusterOption, error) {
	body := api.ClusterOptionReq{Options: options}
	return ask[[]api.ClusterOption](ctx, c, request{method: http.MethodPost, path: []string{"v1", "cluster", "options"}, body: body})
}
