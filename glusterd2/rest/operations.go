package rest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gd2/pkg/api"
	"gd2/transaction"
)

// Operations is what runs, is stuck, or ran not long ago, and what people decide about it. A decision is made by whom the
// transaction.Request of the context names. An id that is not an operation is answered with api.NotFound.
type Operations interface {
	// Find returns the operations that the query picks, the newest first, and whether there are more.
	Find(ctx context.Context, q transaction.Query) ([]api.Operation, bool, error)
	Get(ctx context.Context, id string) (api.Operation, error)
	// Wait returns when the operation has ended or is stuck, or when ctx ends.
	Wait(ctx context.Context, id string) error
	Retry(ctx context.Context, id string) (api.Operation, error)
	Abandon(ctx context.Context, id string) (api.Operation, error)
	Cancel(ctx context.Context, id string) (api.Operation, error)
	Logs(ctx context.Context, id string) (api.OperationLogs, error)
	Keys
}

// Keys is what is known of requests that may have been sent before: see the methods of transaction.Engine.
type Keys interface {
	Repeated(ctx context.Context, k transaction.Key) (transaction.Repeat, error)
	Remember(ctx context.Context, k transaction.Key, a transaction.Answer) error
}

func (a *API) operationRoutes() []Route {
	const one = "/v1/operations/{id}"
	filters := []Param{
		{Name: "state", Description: "only those in this state; pending are all that have not ended, ended all that have", Values: transaction.States()},
		{Name: "operation", Description: "only this operation, such as volume.create, or all of volume"},
		{Name: "peer", Description: "only those in which the peer with this id takes part"},
		{Name: "volume", Description: "only those that change this volume"},
		{Name: "lock", Description: "only those that hold this lock, such as volume/gv0"},
		{Name: "limit", Description: "at most so many, 1 to " + strconv.Itoa(maxPage) + "; " + strconv.Itoa(defaultPage) + " if not given"},
		{Name: "cursor", Description: "the next of the page before"},
	}
	wait := []Param{{Name: "wait", Description: "wait so long, such as 20s, for the end; the longest wait is a little less than the server's patience"}}
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/operations", Name: "OperationList", Access: Read, Query: filters,
			Description: "Lists the operations that run, are stuck, or ended not long ago, the newest first."}, a.operationList),
		serve(Route{Method: http.MethodGet, Path: one, Name: "OperationGet", Access: Read, Query: wait,
			Description: "Shows an operation and how far it is."}, a.operationGet),
		serve(Route{Method: http.MethodGet, Path: one + "/logs", Name: "OperationLogs", Access: Read,
			Description: "Shows the lines that the peers remember of the log of an operation."}, a.operationLogs),
		serve(Route{Method: http.MethodPost, Path: one + "/retry", Name: "OperationRetry", Plans: true, Access: Admin,
			Description: "Tries again at once to end an operation that is stuck or waits for another attempt."}, a.operationRetry),
		serve(Route{Method: http.MethodPost, Path: one + "/abandon", Name: "OperationAbandon", Plans: true, Access: Admin,
			Description: "Gives up an operation that cannot end: its locks are released, what it left on the peers stays."}, a.operationAbandon),
		serve(Route{Method: http.MethodPost, Path: one + "/cancel", Name: "OperationCancel", Plans: true, Access: Admin,
			Description: "Undoes an operation that runs, unless it is past the point from which it can only go on."}, a.operationCancel),
		serve(Route{Method: http.MethodGet, Path: "/v1/transactions", Name: "TransactionList", Access: Read,
			Description: "Lists all operations, the oldest first: the former form of /v1/operations."}, a.transactionList),
		serve(Route{Method: http.MethodGet, Path: "/v1/transactions/{id}", Name: "TransactionGet", Access: Read,
			Description: "Shows an operation: the former name."}, a.operationGet),
		serve(Route{Method: http.MethodPost, Path: "/v1/transactions/{id}/retry", Name: "TransactionRetry", Plans: true, Access: Admin,
			Description: "Tries again to end an operation: the former name."}, a.operationRetry),
		serve(Route{Method: http.MethodPost, Path: "/v1/transactions/{id}/abandon", Name: "TransactionAbandon", Plans: true, Access: Admin,
			Description: "Gives up an operation: the former name."}, a.operationAbandon),
	}
}

func (a *API) operationList(ctx context.Context, r *Request, _ None) (api.OperationList, error) {
	q := transaction.Query{
		State: r.Query.Get("state"), Operation: r.Query.Get("operation"), Peer: r.Query.Get("peer"), Lock: r.Query.Get("lock"),
		Before: r.Query.Get("cursor"), Limit: defaultPage,
	}
	if v := r.Query.Get("volume"); v != "" {
		if q.Lock != "" {
			return api.OperationList{}, api.FieldErrorf("volume", "give either volume or lock: a volume is the lock volume/NAME")
		}
		q.Lock = "volume/" + v
	}
	var wrong *api.Error
	if q.Limit, wrong = r.limit(defaultPage); wrong != nil {
		return api.OperationList{}, wrong
	}
	list, more, err := a.cfg.Operations.Find(ctx, q)
	out := api.OperationList{Operations: list}
	if more {
		out.Next = list[len(list)-1].ID
		r.more(out.Next)
	}
	return out, err
}

func (a *API) operationGet(ctx context.Context, r *Request, _ None) (api.Operation, error) {
	id := r.Vars["id"]
	if r.Query.Has("wait") {
		patience, err := waitFor(ctx, r.Query.Get("wait"))
		if err != nil {
			return api.Operation{}, err
		}
		waiting, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := a.cfg.Operations.Wait(waiting, id); err != nil {
			return api.Operation{}, err
		}
	}
	return a.cfg.Operations.Get(ctx, id)
}

// waitFor reads how long a client wants to wait: a duration, or seconds. It leaves the request time to be answered.
func waitFor(ctx context.Context, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, nerr := strconv.Atoi(s); nerr == nil {
		d, err = time.Duration(min(n, int(maxWait/time.Second)))*time.Second, nil
	}
	if err != nil || d < 0 {
		return 0, api.FieldErrorf("wait", "wait %q: use a time such as 20s", clip(s))
	}
	if end, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(end)*4/5)
	}
	return d, nil
}

func (a *API) operationLogs(ctx context.Context, r *Request, _ None) (api.OperationLogs, error) {
	return a.cfg.Operations.Logs(ctx, r.Vars["id"])
}

func (a *API) operationRetry(ctx context.Context, r *Request, _ None) (api.Operation, error) {
	return a.cfg.Operations.Retry(ctx, r.Vars["id"])
}

func (a *API) operationAbandon(ctx context.Context, r *Request, _ None) (api.Operation, error) {
	return a.cfg.Operations.Abandon(ctx, r.Vars["id"])
}

func (a *API) operationCancel(ctx context.Context, r *Request, _ None) (api.Operation, error) {
	return a.cfg.Operations.Cancel(ctx, r.Vars["id"])
}

// transactionList is the list as it was before there were pages.
func (a *API) transactionList(ctx context.Context, _ *Request, _ None) ([]api.Operation, error) {
	list, _, err := a.cfg.Operations.Find(ctx, transaction.Query{})
	slices.Reverse(list)
	return list, err
}
