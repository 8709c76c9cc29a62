package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

func (a *API) transactionRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/transactions", Name: "TransactionList", Access: Read,
			Description: "Lists the transactions that run, are stuck, or ended not long ago."}, a.transactionList),
		serve(Route{Method: http.MethodGet, Path: "/v1/transactions/{txnid}", Name: "TransactionGet", Access: Read,
			Description: "Shows a transaction."}, a.transactionGet),
		serve(Route{Method: http.MethodPost, Path: "/v1/transactions/{txnid}/retry", Name: "TransactionRetry", Plans: true, Access: Admin,
			Description: "Tries again at once to finish a stuck transaction."}, a.transactionRetry),
		serve(Route{Method: http.MethodPost, Path: "/v1/transactions/{txnid}/abandon", Name: "TransactionAbandon", Plans: true, Access: Admin,
			Description: "Gives up a stuck transaction: its locks are released, what it left on unreachable peers stays."}, a.transactionAbandon),
	}
}

func (a *API) transactionList(ctx context.Context, _ *Request, _ None) ([]api.Transaction, error) {
	return a.cfg.Transactions.List(ctx)
}

func (a *API) transactionGet(ctx context.Context, r *Request, _ None) (api.Transaction, error) {
	return a.cfg.Transactions.Get(ctx, r.Vars["txnid"])
}

func (a *API) transactionRetry(ctx context.Context, r *Request, _ None) (api.Transaction, error) {
	return a.cfg.Transactions.Retry(ctx, r.Vars["txnid"])
}

func (a *API) transactionAbandon(ctx context.Context, r *Request, _ None) (api.Transaction, error) {
	return a.cfg.Transactions.Abandon(ctx, r.Vars["txnid"])
}
