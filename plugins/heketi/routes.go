package heketi

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"
)

// route is a row of the table: a method of a path, who may use it, and whether it changes something.
type route struct {
	method, path string
	access       access
	changes      bool
	handle       func(ctx context.Context, r *request) (reply, error)
}

// idPattern is how an id stands in a path; anything else is no path of ours.
const idPattern = "/{id:[A-Fa-f0-9]+}"

// routes makes the router of the table.
func (s *service) routes() *mux.Router {
	router := mux.NewRouter().StrictSlash(true)
	for _, row := range s.table() {
		router.Methods(row.method).Path(row.path).Handler(s.wrap(row))
	}
	router.Methods(http.MethodGet).Path("/metrics").Handler(metricsHandler(s))
	router.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMethodNotAllowed)
	})
	return router
}

// table is all routes.
func (s *service) table() []route {
	rows := []route{
		{http.MethodGet, "/hello", open, false, func(context.Context, *request) (reply, error) { return ok("Hello from Heketi") }},
		{http.MethodGet, "/queue" + idPattern, forUser, false, s.queue},
	}
	rows = append(rows, s.clusterRoutes()...)
	rows = append(rows, s.nodeRoutes()...)
	rows = append(rows, s.deviceRoutes()...)
	rows = append(rows, s.volumeRoutes()...)
	rows = append(rows, s.operationRoutes()...)
	rows = append(rows, s.dumpRoutes()...)
	return append(rows, s.adminRoutes()...)
}

func read(path string, a access, h func(context.Context, *request) (reply, error)) route {
	return route{http.MethodGet, path, a, false, h}
}

func post(path string, a access, h func(context.Context, *request) (reply, error)) route {
	return route{http.MethodPost, path, a, true, h}
}

func remove(path string, a access, h func(context.Context, *request) (reply, error)) route {
	return route{http.MethodDelete, path, a, true, h}
}
