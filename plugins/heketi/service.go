package heketi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"gd2/glusterd2/plugin"
	"gd2/pkg/api"
	"gd2/transaction"
)

// service answers the requests of one peer.
type service struct {
	plugin.Daemon
	ops     Operations
	imports transaction.Handle[importParams, api.HeketiImport]
	router  *mux.Router
	now     func() time.Time
	// importPause is the time between two rounds of an import that waits for peers.
	importPause time.Duration
	// planning is held by the one request that chooses room on devices: of two that choose at once one would have to do it again.
	planning sync.Mutex
	// stopping ends when the daemon stops, and with it the waits for jobs.
	stopping context.Context
	stop     context.CancelFunc
}

func newService(d plugin.Daemon, ops Operations) *service {
	s := &service{Daemon: d, ops: ops, now: time.Now, importPause: 2 * time.Second}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.router, s.imports = s.routes(), transaction.Conduct(d.Engine, s.importCourse())
	return s
}

// handler returns what answers a request; nil if there is no such path.
func (s *service) handler(r *http.Request) http.Handler {
	var match mux.RouteMatch
	if !s.router.Match(r, &match) {
		return nil
	}
	return s.router
}

// alone answers everything.
func (s *service) alone() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := s.handler(r)
		if h == nil {
			writeFault(w, faultf(http.StatusNotFound, "Invalid path or request"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

const (
	// beginTimeout bounds the time until a job has begun: it waits for others that hold the same volume or device.
	beginTimeout = 10 * time.Minute
	// workTimeout bounds changes that the client waits for.
	workTimeout = 2 * time.Minute
	// maxConflicts is how often a change is tried again that lost to another which is over by now.
	maxConflicts = 100
)

// job begins a change and tells the client where it can be followed.
func (s *service) job(r *request, do func(ctx context.Context) error) (reply, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), beginTimeout)
	defer cancel()
	var id string
	err := s.inTurn(ctx, func() error {
		asked := &transaction.Request{By: r.actor, Async: true}
		err := do(transaction.WithRequest(ctx, asked))
		if id = asked.Operation(); id != "" {
			return nil // however it ends: the queue tells
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if id == "" {
		return s.nothing(r)
	}
	return reply{status: http.StatusAccepted, location: "/queue/" + queueID(id)}, nil
}

// nothing is the job of a change that is true already.
func (s *service) nothing(r *request) (reply, error) {
	return s.job(r, func(ctx context.Context) error { return s.edit(ctx, editParams{}) })
}

// wait carries a change out while the client waits.
func (s *service) wait(r *request, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), workTimeout)
	defer cancel()
	return s.inTurn(ctx, func() error { return do(transaction.WithRequest(ctx, &transaction.Request{By: r.actor})) })
}

// inTurn tries a change again as long as another one holds what it needs: Heketi's clients are not told to come back later.
func (s *service) inTurn(ctx context.Context, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		if !api.IsKind(err, api.Conflict) || n >= maxConflicts || ctx.Err() != nil {
			return err
		}
		if holder := api.AsError(err).Fields[api.FieldTransaction]; holder != "" {
			if _, werr := s.Engine.Wait(ctx, holder); werr != nil && !api.IsKind(werr, api.NotFound) {
				return err
			}
		}
	}
}
