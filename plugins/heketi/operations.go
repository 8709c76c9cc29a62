package heketi

import (
	"context"
	"net/http"

	"gd2/pkg/api"
	"gd2/pkg/heketi"
	"gd2/transaction"
)

func (s *service) operationRoutes() []route {
	return []route{
		read("/operations", forAdmin, s.countOperations),
		read("/operations/pending", forAdmin, s.listPending),
		read("/operations/pending"+idPattern, forAdmin, s.getPending),
		post("/operations/pending/cleanup", forAdmin, s.cleanUp),
	}
}

// pending lists the operations of the pool that have not ended, whoever began them.
func (s *service) pending(ctx context.Context) ([]api.Operation, error) {
	if err := s.Store.Sync(ctx); err != nil {
		return nil, err
	}
	ops, _, err := s.Engine.Find(transaction.Query{State: transaction.StatePending})
	return ops, err
}

// States of a pending operation as Heketi knows them; one that goes on by itself has none.
const (
	statusNew    = ""
	statusFailed = "failed"
)

// statusOf says whether somebody has to look after an operation.
func statusOf(op api.Operation) string {
	if op.State == api.OperationStuck {
		return statusFailed
	}
	return statusNew
}

func (s *service) countOperations(ctx context.Context, _ *request) (reply, error) {
	ops, err := s.pending(ctx)
	if err != nil {
		return reply{}, err
	}
	return ok(countOf(ops))
}

func countOf(ops []api.Operation) heketi.OperationsInfo {
	info := heketi.OperationsInfo{Total: len(ops)}
	for _, op := range ops {
		if statusOf(op) == statusFailed {
			info.Failed++
		} else {
			info.New++
			info.InFlight++
		}
	}
	return info
}

func (s *service) listPending(ctx context.Context, _ *request) (reply, error) {
	ops, err := s.pending(ctx)
	if err != nil {
		return reply{}, err
	}
	list := heketi.PendingOperationList{PendingOperations: []heketi.PendingOperation{}}
	for _, op := range ops {
		list.PendingOperations = append(list.PendingOperations, pendingOf(op))
	}
	return ok(list)
}

// typeNames are what Heketi calls the operations that it knows.
var typeNames = map[string]string{
	"volume.provision": "create-volume", "volume.create": "create-volume", "volume.discard": "delete-volume", "volume.expand": "expand-volume",
	"volume.grow": "expand-volume", "volume.replace-brick": "evict-brick", "device.remove": "remove-device",
}

func pendingOf(op api.Operation) heketi.PendingOperation {
	name := typeNames[op.Operation]
	if name == "" {
		name = op.Operation
	}
	return heketi.PendingOperation{ID: queueID(op.ID), TypeName: name, Status: statusOf(op), SubStatus: op.State}
}

func (s *service) getPending(ctx context.Context, r *request) (reply, error) {
	op, err := s.Engine.Get(operationID(r.id()))
	if api.IsKind(err, api.NotFound) || err == nil && op.Ended() {
		return reply{}, errNoID()
	}
	if err != nil {
		return reply{}, err
	}
	details := heketi.PendingOperationDetails{PendingOperation: pendingOf(op), Changes: []heketi.PendingChange{}}
	for _, lock := range op.Locks {
		details.Changes = append(details.Changes, heketi.PendingChange{ID: queueID(op.ID), Description: "works on " + lock})
	}
	return ok(details)
}

// maxCleanUp is the most operations that can be named at once.
const maxCleanUp = 32

// cleanUp tries those operations again that could not be brought to an end; the others need nobody.
func (s *service) cleanUp(ctx context.Context, r *request) (reply, error) {
	var req heketi.PendingOperationsCleanRequest
	if err := r.decodeAny(&req); err != nil {
		return reply{}, err
	}
	if len(req.Operations) > maxCleanUp {
		return reply{}, invalid("operations", "%d at once: at most %d", len(req.Operations), maxCleanUp)
	}
	for _, id := range req.Operations {
		if _, err := s.Engine.Get(operationID(id)); err != nil {
			return reply{}, faultf(http.StatusBadRequest, "operation %.40s: Id not found", id)
		}
	}
	ops, err := s.pending(ctx)
	if err != nil {
		return reply{}, err
	}
	for _, op := range ops {
		if statusOf(op) == statusFailed && wanted(req.Operations, queueID(op.ID)) {
			asked := transaction.WithRequest(context.WithoutCancel(ctx), &transaction.Request{By: r.actor})
			if _, err := s.Engine.Retry(asked, op.ID); err != nil {
				return reply{}, err
			}
		}
	}
	return s.nothing(r)
}
