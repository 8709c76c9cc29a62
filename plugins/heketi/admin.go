package heketi

import (
	"context"
	"net/http"
	"slices"

	"gd2/pkg/heketi"
	"gd2/store"
)

func (s *service) adminRoutes() []route {
	return []route{
		read("/admin", forAdmin, s.getMode),
		post(adminPath, forAdmin, s.setMode),
		read("/internal/logging", forAdmin, s.getLogLevel),
		post("/internal/logging", forAdmin, s.setLogLevel),
	}
}

// adminPath is the one change that is possible in every mode: Heketi must be restarted to leave read-only.
const adminPath = "/admin"

// mode returns what is refused.
func (s *service) mode() (store.Record[*Mode], error) {
	rec, there, err := modeRecord.Get(s.Store, "")
	if !there {
		rec.Value = &Mode{State: heketi.AdminNormal}
	}
	return rec, err
}

// allowed refuses changes while the pool is read-only, for all or for other hosts than this.
func (s *service) allowed(row route, req *http.Request) error {
	if !row.changes || row.path == adminPath {
		return nil
	}
	if err := s.Store.Sync(req.Context()); err != nil { // another peer may have been told just now
		return err
	}
	m, err := s.mode()
	if err != nil {
		return err
	}
	if m.Value.State == heketi.AdminReadOnly || m.Value.State == heketi.AdminLocal && !isLocal(req.RemoteAddr) {
		return faultf(http.StatusServiceUnavailable, "Service disabled for maintenance")
	}
	return nil
}

func (s *service) getMode(ctx context.Context, _ *request) (reply, error) {
	if err := s.Store.Sync(ctx); err != nil {
		return reply{}, err
	}
	m, err := s.mode()
	if err != nil {
		return reply{}, err
	}
	return ok(heketi.AdminStatus{State: m.Value.State})
}

func (s *service) setMode(_ context.Context, r *request) (reply, error) {
	var req heketi.AdminStatus
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	if !slices.Contains([]string{heketi.AdminNormal, heketi.AdminReadOnly, heketi.AdminLocal}, req.State) {
		return reply{}, invalid("state", "%.40q is not one of normal, read-only and local-client", req.State)
	}
	err := s.wait(r, func(ctx context.Context) error {
		if err := s.Store.Sync(ctx); err != nil {
			return err
		}
		m, err := s.mode()
		if err != nil {
			return err
		}
		return s.edit(ctx, editParams{Mode: []change[*Mode]{{New: &Mode{State: req.State}, Revision: m.Revision}}})
	})
	return reply{status: http.StatusNoContent}, err
}

// loggerName is the one logger that Heketi has.
const loggerName = "glusterfs"

// levels are Heketi's levels of its log, in gd2's words.
var levels = map[string]string{"none": "panic", "critical": "fatal", "error": "error", "warning": "warning", "info": "info", "debug": "debug"}

func (s *service) getLogLevel(context.Context, *request) (reply, error) {
	level := "debug" // and what is finer
	for theirs, own := range levels {
		if own == s.Level() {
			level = theirs
		}
	}
	return ok(heketi.LogLevelInfo{LogLevel: map[string]string{loggerName: level}})
}

func (s *service) setLogLevel(ctx context.Context, r *request) (reply, error) {
	var req heketi.LogLevelInfo
	if err := r.decode(&req); err != nil {
		return reply{}, err
	}
	for name, level := range req.LogLevel {
		own, known := levels[level]
		if name != loggerName || !known {
			return reply{}, faultf(http.StatusUnprocessableEntity, "invalid log level %.40q for %.40q", level, name)
		}
		if err := s.SetLevel(own); err != nil {
			return reply{}, err
		}
	}
	return s.getLogLevel(ctx, r)
}
