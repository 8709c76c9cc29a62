package heketi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
)

// pollWait is how long a request for a job that has not ended is held. Clients set no limit of their own; proxies do.
const pollWait = 20 * time.Second

// queue tells how a job is. The request is held until the job has ended, so that clients that look once a second, as Heketi's
// do, hear of it at once.
func (s *service) queue(ctx context.Context, r *request) (reply, error) {
	id := operationID(r.id())
	if id == "" {
		return reply{}, errNoID()
	}
	ctx, cancel := context.WithTimeout(ctx, pollWait)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	op, err := s.Engine.Wait(ctx, id)
	switch {
	case api.IsKind(err, api.NotFound):
		return reply{}, errNoID()
	case err != nil, op.State != api.OperationStuck && !op.Ended():
		return reply{status: http.StatusOK, pending: true}, nil // without a quorum too: it may go on
	case op.State == api.OperationStuck:
		return reply{}, faultf(http.StatusInternalServerError, "operation %s waits for an administrator ('glustercli operation show %s'): %s", id, id, op.Error)
	case op.State != api.OperationDone:
		return reply{}, faultf(http.StatusInternalServerError, "%s", textOf(op))
	}
	if empty, err := s.emptied(ctx, emptyingOf(op)); err != nil || !empty {
		return reply{status: http.StatusOK, pending: true}, err
	}
	if at := locate(s.Store, op); at != "" {
		return reply{status: http.StatusSeeOther, location: at}, nil
	}
	return reply{status: http.StatusNoContent}, nil
}

// textOf says why an operation failed.
func textOf(op api.Operation) string {
	if op.Error == "" {
		return "operation " + op.ID + " was " + op.State
	}
	return op.Error
}

// locate returns the path of what an operation has made or changed; "" if its answer has none.
func locate(r store.Reader, op api.Operation) string {
	switch {
	case op.Operation == editName:
		var done edited
		_ = json.Unmarshal(op.Result, &done) // our own
		return done.Location
	case op.Operation == "volume.provision", op.Operation == "volume.grow", strings.HasPrefix(op.Operation, "volume.expand"), strings.HasPrefix(op.Operation, "volume.clone"):
	default:
		return ""
	}
	for _, lock := range op.Locks {
		name, found := strings.CutPrefix(lock, "volume/")
		if rec, there, err := volume.Records.Get(r, name); found && there && err == nil {
			return "/volumes/" + volumeID(rec.Value)
		}
	}
	return ""
}
