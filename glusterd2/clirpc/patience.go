package clirpc

import (
	"context"
	"time"

	"gd2/pkg/api"
	"gd2/store"
)

// shortWait is how long to wait before a change is tried again whose record was changed by another at the same moment.
const shortWait = 50 * time.Millisecond

// patiently makes a change, and again when another transaction was in its way and has ended: scripts run commands side by
// side, and glusterd refuses what it cannot do at once.
func (s *Server) patiently(ctx context.Context, change func(ctx context.Context) error) error {
	for {
		err := change(ctx)
		if !s.worthAnother(ctx, err) {
			return err
		}
	}
}

// worthAnother waits for what was in the way of a change, and reports whether it is gone.
func (s *Server) worthAnother(ctx context.Context, err error) bool {
	if !api.IsKind(err, api.Conflict) {
		return false
	}
	fields := api.AsError(err).Fields
	if id := fields[api.FieldTransaction]; id != "" {
		op, err := s.cfg.Operations.Wait(ctx, id)
		// What has ended is forgotten after a while: what is not there any more is not in the way.
		return ctx.Err() == nil && (api.IsKind(err, api.NotFound) || err == nil && op.Ended())
	}
	if fields[store.FieldKey] == "" {
		return false // such as a peer that is being detached: it does not pass by waiting
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(shortWait):
		return true
	}
}
