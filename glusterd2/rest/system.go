package rest

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"

	"gd2/pkg/api"
)

func (a *API) systemRoutes() []Route {
	verbose := []Param{{Name: "verbose", Description: "list also the checks that are well", Bare: true}}
	metricsAccess := Read
	if a.cfg.OpenMetrics {
		metricsAccess = Open
	}
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/version", Name: "GetVersion", Local: true, Access: Read,
			Description: "Shows the versions of the daemon and of this interface."}, a.version),
		serve(Route{Method: http.MethodGet, Path: "/ping", Name: "Ping", Access: Open,
			Description: "Answers, and nothing else."}, a.ping),
		serve(Route{Method: http.MethodGet, Path: "/endpoints", Name: "ListEndpoints", Access: Open,
			Description: "Lists this table."}, a.endpoints),
		serve(Route{Method: http.MethodGet, Path: "/statedump", Name: "Statedump", Local: true, Access: Read,
			Description: "Shows the inner state of the daemon as one JSON object."}, a.statedump),
		serve(Route{Method: http.MethodGet, Path: "/livez", Name: "Livez", Access: Open, Query: verbose, Faults: []int{http.StatusServiceUnavailable},
			Description: "Tells whether the daemon works; if not it should be restarted."}, a.health(System.Live)),
		serve(Route{Method: http.MethodGet, Path: "/readyz", Name: "Readyz", Access: Open, Query: verbose, Faults: []int{http.StatusServiceUnavailable},
			Description: "Tells whether the daemon can serve requests now."}, a.health(System.Ready)),
		serve(Route{Method: http.MethodGet, Path: "/v1/status", Name: "PoolStatus", Local: true, Access: Read,
			Description: "Shows whether the pool is healthy, and what is not."}, a.status),
		serve(Route{Method: http.MethodGet, Path: "/v1/loglevel", Name: "GetLogLevel", Local: true, Access: LocalRoot,
			Description: "Shows the level of the daemon's log."}, a.logLevel),
		serve(Route{Method: http.MethodPost, Path: "/v1/loglevel", Name: "SetLogLevel", NoPlan: "it changes the daemon's log only, until it restarts", Local: true, Access: LocalRoot, Requires: []string{"level"},
			Description: "Changes the level of the daemon's log until it restarts."}, a.logLevelSet),
		serveRaw(Route{Method: http.MethodGet, Path: "/metrics", Name: "Metrics", Local: true, Access: metricsAccess,
			Description: "Shows the metrics in the text format of Prometheus."}, "text/plain", a.metrics.handler()),
		serveRaw(Route{Method: http.MethodGet, Path: "/openapi.json", Name: "OpenAPI", Access: Open,
			Description: "Shows the OpenAPI document of this interface."}, "application/json", http.HandlerFunc(a.openapi)),
	}
}

func (a *API) version(context.Context, *Request, None) (api.VersionResp, error) {
	return api.VersionResp{GlusterdVersion: a.cfg.System.Version(), APIVersion: api.APIVersion}, nil
}

func (a *API) ping(context.Context, *Request, None) (None, error) { return None{}, nil }

func (a *API) endpoints(context.Context, *Request, None) ([]api.Endpoint, error) {
	list := make([]api.Endpoint, 0, len(a.routes))
	for i := range a.routes {
		row := &a.routes[i]
		list = append(list, api.Endpoint{
			Name: row.Name, Description: row.Description, Methods: []string{row.Method}, Path: row.Path,
			RequestType: typeName(row.request), ResponseType: typeName(row.response),
		})
	}
	return list, nil
}

// statedump shows what glusterd2 had in its own, as far as gd2 has it, under the same names.
func (a *API) statedump(ctx context.Context, _ *Request, _ None) (map[string]any, error) {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m := a.cfg.Metrics.Measure(ctx)
	conns := 0
	for _, n := range m.Connections {
		conns += n
	}
	return map[string]any{
		"peer-id": a.cfg.System.PeerID(), "cluster-id": a.cfg.System.ClusterID(), "version": a.cfg.System.Version(),
		"go-version": runtime.Version(), "goroutines": runtime.NumGoroutine(), "started-at": a.started,
		"memory":       map[string]uint64{"heap-bytes": mem.HeapAlloc, "from-system-bytes": mem.Sys, "collections": uint64(mem.NumGC)},
		"http":         a.metrics.requests(),
		"store":        a.filler.fill(m.Store),
		"transactions": a.filler.fill(m.Transactions),
		"peers":        len(m.Peers), "volumes": len(m.Volumes),
		"sunrpc_clients_connected": conns,
		"sunrpc_clients_by_kind":   a.filler.fill(m.Connections),
	}, nil
}

// health answers 503 when something is wrong. Without verbose only that is listed.
func (a *API) health(ask func(System, context.Context) api.Health) func(context.Context, *Request, None) (api.Health, error) {
	return func(ctx context.Context, r *Request, _ None) (api.Health, error) {
		h := ask(a.cfg.System, ctx)
		if !h.OK {
			r.Status(http.StatusServiceUnavailable)
		}
		if !r.Flag("verbose") {
			h.Checks = slices.DeleteFunc(slices.Clone(h.Checks), func(c api.Check) bool { return c.OK })
		}
		return h, nil
	}
}

func (a *API) status(ctx context.Context, _ *Request, _ None) (api.PoolStatus, error) {
	return a.cfg.System.Status(ctx)
}

func (a *API) logLevel(context.Context, *Request, None) (api.LogLevel, error) {
	return api.LogLevel{Level: a.cfg.System.LogLevel()}, nil
}

func (a *API) logLevelSet(_ context.Context, _ *Request, req api.LogLevel) (api.LogLevel, error) {
	if err := a.cfg.System.SetLogLevel(strings.TrimSpace(req.Level)); err != nil {
		return api.LogLevel{}, err
	}
	return api.LogLevel{Level: a.cfg.System.LogLevel()}, nil
}

func (a *API) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(a.document)
}
