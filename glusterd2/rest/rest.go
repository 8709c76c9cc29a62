package rest

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

// Limits of the HTTP server. There is none on the time that an answer takes: a change may be long, and is then answered
// with 202 before the client loses patience.
const (
	headerTimeout  = 10 * time.Second
	bodyTimeout    = 30 * time.Second
	writeTimeout   = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	// DefaultMaxBody is the largest request body, in bytes.
	DefaultMaxBody = 1 << 20
	// DefaultWait is how long a request may take before it is answered with 202 or an error. glusterd2's clients wait
	// for 30 seconds.
	DefaultWait = 25 * time.Second
	// maxWait is the longest wait that a client may ask for with the header Prefer: wait=SECONDS.
	maxWait = 10 * time.Minute
)

// Config is what New needs: Services, Secret and Log must be set.
type Config struct {
	Services
	// Refuse returns an error while this peer can answer for no pool, as after a detach; nil never does. Only routes that
	// are Local are answered then.
	Refuse func() *api.Error
	// Secret returns the pool's secret for tokens; empty while this peer does not have it yet.
	Secret func() []byte
	// NoAuth lets everybody in without a token (restauth=false), except to what is only for root on this peer.
	NoAuth bool
	// Issuers are the issuers of tokens that are known; by default only Issuer.
	Issuers []string
	// OpenMetrics lets everybody read /metrics, for scrapers that cannot make glusterd2's tokens.
	OpenMetrics bool
	// Others, if set, returns what answers a request for which there is no route here, or nil.
	Others func(*http.Request) http.Handler
	// History is told of each change that was asked for once it has ended; failed is nil if it succeeded. Nil tells nobody.
	History func(command string, failed error)
	// Profiling serves /debug/pprof.
	Profiling bool
	// MaxBody and Wait override DefaultMaxBody and DefaultWait; Now overrides time.Now.
	MaxBody int64
	Wait    time.Duration
	// Streams and Heartbeat override DefaultStreams and DefaultHeartbeat.
	Streams   int
	Heartbeat time.Duration
	Now       func() time.Time
	Log       *logrus.Entry
}

// API is the REST interface of one peer. It is an http.Handler.
type API struct {
	cfg      Config
	routes   []Route
	router   *mux.Router
	document []byte
	metrics  *metrics
	failures failures
	filler   filler
	started  time.Time
	streams  chan struct{} // a place for each open stream of events
	// stopping ends when the server shuts down, and with it the streams, which have no end of their own.
	stopping context.Context
	stop     context.CancelFunc
}

var _ http.Handler = (*API)(nil)

// New makes the interface. It fails only if the table of routes is wrong.
func New(cfg Config) (*API, error) {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.Wait == 0 {
		cfg.Wait = DefaultWait
	}
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, DefaultHeartbeat)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.Issuers) == 0 {
		cfg.Issuers = []string{Issuer}
	}
	a := &API{cfg: cfg, router: mux.NewRouter().SkipClean(true), started: cfg.Now(), streams: make(chan struct{}, cmp.Or(cfg.Streams, DefaultStreams))}
	a.stopping, a.stop = context.WithCancel(context.Background())
	a.metrics = newMetrics(cfg.Services)
	a.routes = a.table()
	err := checkPlans(a.routes)
	if err != nil {
		return nil, err
	}
	if a.document, err = document(a.routes, cfg.System.Version()); err != nil {
		return nil, err
	}
	for i := range a.routes {
		row := &a.routes[i]
		methods := []string{row.Method}
		if row.Method == http.MethodGet {
			methods = append(methods, http.MethodHead) // net/http leaves the body out
		}
		a.router.Methods(methods...).Path(row.pattern()).Name(row.Name).Handler(a.wrap(row))
	}
	a.router.NotFoundHandler = a.wrap(a.noRoute())
	a.router.MethodNotAllowedHandler = a.wrap(a.noMethod())
	return a, nil
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// Server returns an HTTP server for the interface with the limits it needs. The caller gives it listeners and shuts it
// down.
func (a *API) Server() *http.Server {
	server := &http.Server{
		Handler: a, ConnContext: ConnContext, ErrorLog: logTo(a.cfg.Log),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	server.RegisterOnShutdown(a.stop)
	return server
}

// table is all routes. Where two paths match the same request the earlier one is taken.
func (a *API) table() []Route {
	var t []Route
	t = append(t, a.systemRoutes()...)
	t = append(t, a.volumeRoutes()...)
	t = append(t, a.brickRoutes()...)
	t = append(t, a.replaceRoutes()...)
	t = append(t, a.rebalanceRoutes()...)
	t = append(t, a.shrinkRoutes()...)
	t = append(t, a.optionRoutes()...)
	t = append(t, a.healRoutes()...)
	t = append(t, a.diagnoseRoutes()...)
	t = append(t, a.processRoutes()...)
	t = append(t, a.stateRoutes()...)
	t = append(t, a.peerRoutes()...)
	t = append(t, a.deviceRoutes()...)
	t = append(t, a.poolRoutes()...)
	t = append(t, a.clusterRoutes()...)
	t = append(t, a.quotaRoutes()...)
	t = append(t, a.operationRoutes()...)
	t = append(t, a.eventRoutes()...)
	t = append(t, a.renameRoutes()...)
	t = append(t, a.heketiRoutes()...)
	return append(t, a.debugRoutes()...)
}

// Routes returns the table.
func (a *API) Routes() []Route { return append([]Route(nil), a.routes...) }

// noRoute answers paths that do not exist.
func (a *API) noRoute() *Route {
	return &Route{Name: "NotFound", Access: Open, raw: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.cfg.Others != nil {
			if h := a.cfg.Others(r); h != nil {
				h.ServeHTTP(w, r)
				return
			}
		}
		writeError(w, api.Errorf(api.NotFound, "there is no %s here; GET /endpoints lists what there is", clip(r.URL.Path)))
	})}
}

// noMethod answers paths that exist, asked with a method that they do not have.
func (a *API) noMethod() *Route {
	return &Route{Name: "MethodNotAllowed", Access: Open, raw: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := strings.Join(a.allowed(r), ", ")
		w.Header().Set("Allow", allowed)
		writeError(w, api.Errorf(api.MethodNotAllowed, "%s does not take %s, only %s", clip(r.URL.Path), clip(r.Method), allowed))
	})}
}

// allowed lists the methods of the path of a request.
func (a *API) allowed(r *http.Request) []string {
	var out []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		as := r.Clone(r.Context())
		as.Method = m
		var match mux.RouteMatch
		if a.router.Match(as, &match) && match.MatchErr == nil && match.Route != nil {
			out = append(out, m)
		}
	}
	return out
}
