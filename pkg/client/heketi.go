package client

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// HeketiImport takes over what a Heketi has made. What is on record already is kept, so that it may be repeated. Errors: Invalid.
func (c *Client) HeketiImport(ctx context.Context, req api.HeketiImportReq) (api.HeketiImport, error) {
	return ask[api.HeketiImport](ctx, c, request{method: http.MethodPost, path: []string{"v1", "heketi", "import"}, body: req})
}
