package server

import (
	"context"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/peerrpc"
	"gd2/glusterd2/rest"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// The calls about operations: how far they are, what was logged about them, and the wish to undo one.
const (
	methodGlimpse = "OperationGlimpse"
	methodLines   = "OperationLines"
	methodCancel  = "OperationCancel"
)

// operationRef names the operation that a call is about.
type operationRef struct {
	ID string `json:"id"`
}

// operationMethods are the calls about operations that this peer answers to others.
func (s *Server) operationMethods() []peerrpc.Method {
	return []peerrpc.Method{
		peerrpc.Handle(methodGlimpse, false, func(_ context.Context, _ peerrpc.Caller, req operationRef) (transaction.Glimpse, error) {
			return s.engine.Glimpse(req.ID), nil
		}),
		peerrpc.Handle(methodLines, false, func(_ context.Context, _ peerrpc.Caller, req operationRef) ([]api.OperationLogLine, error) {
			return s.engine.Lines(req.ID), nil
		}),
		peerrpc.Handle(methodCancel, false, func(_ context.Context, _ peerrpc.Caller, req transaction.CancelRequest) (peer.Empty, error) {
			return peer.Empty{}, s.engine.HandleCancel(req)
		}),
	}
}

// Glimpse implements transaction.Transport.
func (n *network) Glimpse(ctx context.Context, peerID, id string) (transaction.Glimpse, error) {
	return peerrpc.Call[transaction.Glimpse](ctx, n.client, peerID, methodGlimpse, operationRef{id})
}

// Lines implements transaction.Transport.
func (n *network) Lines(ctx context.Context, peerID, id string) ([]api.OperationLogLine, error) {
	return peerrpc.Call[[]api.OperationLogLine](ctx, n.client, peerID, methodLines, operationRef{id})
}

// Cancel implements transaction.Transport.
func (n *network) Cancel(ctx context.Context, peerID string, req transaction.CancelRequest) error {
	_, err := peerrpc.Call[peer.Empty](ctx, n.client, peerID, methodCancel, req)
	return err
}

// operations shows the engine to the REST edge.
type operations struct {
	rest.Keys
	engine *transaction.Engine
	store  *store.Store
}

var _ rest.Operations = operations{}

// Find implements rest.Operations.
func (o operations) Find(ctx context.Context, q transaction.Query) ([]api.Operation, bool, error) {
	if err := o.store.Sync(ctx); err != nil {
		return nil, false, err
	}
	return o.engine.Find(q)
}

// Get implements rest.Operations.
func (o operations) Get(ctx context.Context, id string) (api.Operation, error) {
	return o.engine.Look(ctx, id)
}

// Wait implements rest.Operations.
func (o operations) Wait(ctx context.Context, id string) error {
	_, err := o.engine.Wait(ctx, id)
	return err
}

// Retry implements rest.Operations.
func (o operations) Retry(ctx context.Context, id string) (api.Operation, error) {
	return o.engine.Retry(ctx, id)
}

// Abandon implements rest.Operations.
func (o operations) Abandon(ctx context.Context, id string) (api.Operation, error) {
	return o.engine.Abandon(ctx, id)
}

// Cancel implements rest.Operations.
func (o operations) Cancel(ctx context.Context, id string) (api.Operation, error) {
	return o.engine.Cancel(ctx, id)
}

// Logs implements rest.Operations.
func (o operations) Logs(ctx context.Context, id string) (api.OperationLogs, error) {
	return o.engine.Logs(ctx, id)
}
