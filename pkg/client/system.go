package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"gd2/pkg/api"
)

// Version returns the version of the daemon that answers and of its REST contract.
func (c *Client) Version(ctx context.Context) (api.VersionResp, error) {
	return ask[api.VersionResp](ctx, c, request{method: http.MethodGet, path: []string{"version"}})
}

// Ping succeeds when a daemon answers.
func (c *Client) Ping(ctx context.Context) error {
	return c.call(ctx, request{method: http.MethodGet, path: []string{"ping"}}, nil)
}

// Endpoints lists the routes of the daemon.
func (c *Client) Endpoints(ctx context.Context) ([]api.Endpoint, error) {
	return ask[[]api.Endpoint](ctx, c, request{method: http.MethodGet, path: []string{"endpoints"}})
}

// Status reports the health of the pool.
func (c *Client) Status(ctx context.Context) (api.PoolStatus, error) {
	return ask[api.PoolStatus](ctx, c, request{method: http.MethodGet, path: []string{"v1", "status"}})
}

// Live reports whether the daemon works; Ready whether it can serve requests. A report of trouble is no error.
func (c *Client) Live(ctx context.Context) (api.Health, error) { return c.health(ctx, "livez") }

// Ready reports whether the daemon can serve requests. A report of trouble is no error.
func (c *Client) Ready(ctx context.Context) (api.Health, error) { return c.health(ctx, "readyz") }

// health reads a report that comes with status 503 when something is wrong.
func (c *Client) health(ctx context.Context, path string) (api.Health, error) {
	var out api.Health
	ctx, cancel := c.limit(ctx)
	defer cancel()
	a, err := c.send(ctx, exchange{method: http.MethodGet, path: &url.URL{Path: "/" + path}})
	if a != nil && json.Unmarshal(a.body, &out) == nil && (out.OK || len(out.Checks) > 0) {
		return out, nil
	}
	return out, err
}

// LogLevel returns the level of the daemon's log.
func (c *Client) LogLevel(ctx context.Context) (api.LogLevel, error) {
	return ask[api.LogLevel](ctx, c, request{method: http.MethodGet, path: []string{"v1", "loglevel"}})
}

// SetLogLevel changes the level of the daemon's log until it restarts. Errors: Invalid.
func (c *Client) SetLogLevel(ctx context.Context, level string) (api.LogLevel, error) {
	body := api.LogLevel{Level: level}
	return ask[api.LogLevel](ctx, c, request{method: http.MethodPost, path: []string{"v1", "loglevel"}, body: body, once: true})
}

// Raw sends a request as it is given and returns the body of the answer as it came. path begins with a slash and may carry
// a query. It does not wait for transactions.
func (c *Client) Raw(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return nil, api.FieldErrorf("path", "%q is not a path such as /v1/volumes", path)
	}
	ctx, cancel := c.limit(ctx)
	defer cancel()
	a, err := c.send(ctx, exchange{method: strings.ToUpper(method), path: u, body: body, key: keyIn(ctx)})
	if a == nil {
		return nil, err
	}
	return a.body, err
}
