package rest

import (
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"gd2/pkg/api"
)

// Headers of every answer, glusterd2's names.
const (
	HeaderRequestID = "X-Request-Id"
	HeaderPeerID    = "X-Gluster-Peer-Id"
	HeaderClusterID = "X-Gluster-Cluster-Id"
	// HeaderOperation names the operation that a change began, if it began one: see /v1/operations.
	HeaderOperation = "X-Gluster-Operation-Id"
)

// wrap makes the HTTP handler of a row: everything that all routes have in common happens here.
func (a *API) wrap(row *Route) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		start, id := time.Now(), uuid.NewString()
		w := &recorder{ResponseWriter: rw}
		h := w.Header()
		h.Set(HeaderRequestID, id)
		h.Set(HeaderPeerID, a.cfg.System.PeerID())
		h.Set(HeaderClusterID, a.cfg.System.ClusterID())
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		log := a.cfg.Log.WithFields(logrus.Fields{"request": id, "route": row.Name})
		err := a.run(w, req, row, id, log)
		took := time.Since(start)
		a.metrics.observe(row, req.Method, w.code(), took)
		a.remember(w, req, row, err)
		a.note(log, req, row, w.code(), took, err)
	})
}

// run answers the request. The error is the one that was answered, for the log.
func (a *API) run(w *recorder, req *http.Request, row *Route, id string, log *logrus.Entry) (failed *api.Error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so as well
			panic(p)
		}
		log.WithField("stack", string(debug.Stack())).Errorf("a handler panicked: %v", p)
		failed = api.Errorf(api.Internal, "a fault in the daemon: its log has more under request %s", id)
		if w.status == 0 {
			writeError(w, failed)
		}
	}()
	if err := a.admit(w, req, row); err != nil {
		writeError(w, err)
		return err
	}
	if err := a.refuse(row); err != nil {
		writeError(w, err)
		return err
	}
	if row.raw != nil {
		row.raw.ServeHTTP(w, req)
		return nil
	}
	return a.answer(w, req, row, id)
}

// refuse refuses what only a pool could answer while this peer belongs to none.
func (a *API) refuse(row *Route) *api.Error {
	if row.Local || row.Access == Open || a.cfg.Refuse == nil {
		return nil
	}
	return a.cfg.Refuse()
}

// admit refuses those who may not use the route.
func (a *API) admit(w http.ResponseWriter, req *http.Request, row *Route) *api.Error {
	// A web page must not be able to use the browser of somebody who can reach the daemon.
	if err := http.NewCrossOriginProtection().Check(req); err != nil {
		return api.Errorf(api.Forbidden, "a web page of another site sent this request: refused")
	}
	err := a.authorize(row, req)
	if err == nil || err.Kind != api.Denied {
		return err
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="glusterd2"`)
	if wait := a.failures.note(req.RemoteAddr, a.cfg.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return api.Errorf(api.TooMany, "too many requests from here without a valid token; wait %s", wait)
	}
	return err
}

// note writes the log line of a request: changes and failures of the daemon's own at info and above, the rest at debug.
func (a *API) note(log *logrus.Entry, req *http.Request, row *Route, code int, took time.Duration, err *api.Error) {
	log = log.WithFields(logrus.Fields{
		"method": req.Method, "path": clip(req.URL.Path), "status": code, "from": req.RemoteAddr, "took": took.Round(time.Microsecond).String(),
	})
	msg := "answered"
	level := logrus.DebugLevel
	if row.changes() && row.Name != "NotFound" {
		level = logrus.InfoLevel
	}
	if err != nil {
		msg = err.Error()
	}
	if code >= http.StatusInternalServerError && err != nil {
		level = logrus.WarnLevel // a health report of 503 is an answer, and is asked for every few seconds
	}
	log.Log(level, msg)
}
