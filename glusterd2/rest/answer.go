package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// answer decodes the request, calls the handler and writes what it returns.
func (a *API) answer(w *recorder, req *http.Request, row *Route, id string) *api.Error {
	r := &Request{ID: id, Origin: originOf(req.Context()), Vars: mux.Vars(req), path: req.URL.Path, header: w.Header(), status: row.Status}
	err := a.decode(w, req, row, r)
	if err == nil {
		r.expected, err = expectation(req, row)
	}
	var ans transaction.Answer
	if err == nil {
		ctx, cancel := a.deadline(req, row)
		defer cancel()
		r.asked = &transaction.Request{By: actorOf(req), Async: row.changes() && async(req), Patience: preferredWait(req)}
		ctx = store.Expect(transaction.WithRequest(ctx, r.asked), r.expected)
		ans, err = a.once(ctx, req, row, r)
	}
	if id := r.asked.Operation(); id != "" {
		w.Header().Set(HeaderOperation, id)
	}
	// A client that does not read must not hold the connection for ever.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
	if txn := pending(row, err); txn != "" {
		w.Header().Set(HeaderOperation, txn)
		a.accept(w, req, txn)
		return nil
	}
	if err != nil {
		writeError(w, err)
		return err
	}
	if r.tag(req, row, ans.Body) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	writeAnswer(w, ans)
	return nil
}

// carryOut calls the handler.
func (a *API) carryOut(ctx context.Context, row *Route, r *Request) (transaction.Answer, *api.Error) {
	handle := row.handler
	if r.planned(row) {
		handle = func(ctx context.Context, r *Request) (any, error) { return a.plan(ctx, row, r) }
	}
	result, fault := handle(ctx, r)
	if err := timely(api.AsError(fault), fault); err != nil {
		return transaction.Answer{}, err
	}
	if row.response == nil && !r.planned(row) {
		return transaction.Answer{Status: r.status, Location: r.header.Get("Location")}, nil
	}
	result, wrong := r.shape(row, a.filler.fill(result))
	if wrong != nil {
		return transaction.Answer{}, wrong
	}
	body, err := json.Marshal(result)
	if err != nil {
		return transaction.Answer{}, api.Errorf(api.Internal, "the answer cannot be written as JSON: %v", err)
	}
	return transaction.Answer{Status: r.status, Location: r.header.Get("Location"), Body: append(body, '\n')}, nil
}

// timely makes a deadline that no service put in words an api.Timeout.
func timely(err *api.Error, cause error) *api.Error {
	if err != nil && err.Kind == api.Internal && errors.Is(cause, context.DeadlineExceeded) {
		return api.Errorf(api.Timeout, "this took too long and was given up: %s", err.Message)
	}
	return err
}

// deadline bounds a request. A change goes on when its client hangs up: half a change is worth less than a whole one.
func (a *API) deadline(req *http.Request, row *Route) (context.Context, context.CancelFunc) {
	ctx, wait := req.Context(), a.cfg.Wait
	if row.changes() {
		ctx = context.WithoutCancel(ctx)
	}
	if asked := preferredWait(req); asked > 0 {
		wait = asked
		if async(req) {
			// Then it says from when on the client wants a 202, which is no reason to cut short what comes before.
			wait = max(wait, a.cfg.Wait)
		}
	}
	return context.WithTimeout(ctx, wait)
}

// preferredWait is how long the client says that it waits, 0 if it does not say.
func preferredWait(req *http.Request) time.Duration {
	var wait time.Duration
	for _, p := range preferences(req) {
		if s, ok := strings.CutPrefix(p, "wait="); ok {
			if n, err := strconv.Atoi(s); err == nil && n > 0 {
				wait = time.Duration(min(n, int(maxWait/time.Second))) * time.Second
			}
		}
	}
	return wait
}

// preferences lists what the client would like (RFC 7240).
func preferences(req *http.Request) []string {
	all := strings.Split(strings.Join(req.Header.Values("Prefer"), ","), ",")
	for i, p := range all {
		all[i] = strings.TrimSpace(p)
	}
	return all
}

// paramAsync is the query parameter of every change that does the same as Prefer: respond-async.
const paramAsync = "async"

// async tells whether the client does not want to wait for the end of a change.
func async(req *http.Request) bool {
	q := req.URL.Query()
	return q.Has(paramAsync) && q.Get(paramAsync) != "false" || slices.Contains(preferences(req), "respond-async")
}

// pending returns the transaction that a request started and that goes on after its deadline.
func pending(row *Route, err *api.Error) string {
	if err == nil || err.Kind != api.Timeout || !row.changes() {
		return ""
	}
	return err.Fields[api.FieldTransaction]
}

// accept answers with 202 and where the operation can be followed.
func (a *API) accept(w http.ResponseWriter, req *http.Request, id string) {
	ref := api.TransactionRef{ID: id, State: "running"}
	if t, err := a.cfg.Operations.Get(context.WithoutCancel(req.Context()), id); err == nil {
		ref.Operation, ref.State = t.Operation, t.State
	}
	w.Header().Set("Location", "/v1/operations/"+id)
	writeJSON(w, http.StatusAccepted, ref)
}
