package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"gd2/pkg/api"
	"gd2/transaction"
)

// Headers about requests that may be sent more than once.
const (
	// HeaderKey names a request: the same key with the same request is answered as the first time, and not carried out again.
	HeaderKey = "Idempotency-Key"
	// HeaderReplayed is "true" in an answer that is that of an earlier request.
	HeaderReplayed = "Idempotency-Replayed"
)

// maxKey is the longest key, in bytes.
const maxKey = 255

// noteTimeout bounds the note about a request that was carried out: its own time may be up.
const noteTimeout = 5 * time.Second

// keyed reports whether the route heeds keys. What only root on this peer may do is about this peer, and not remembered by the pool.
func (row *Route) keyed() bool {
	return row.changes() && row.raw == nil && row.Access == Admin && !row.Fresh
}

// once carries a request out, unless it was before: then it answers as it did.
func (a *API) once(ctx context.Context, req *http.Request, row *Route, r *Request) (transaction.Answer, *api.Error) {
	if req.Header.Get(HeaderKey) == "" || !row.keyed() || r.planned(row) {
		return a.carryOut(ctx, row, r)
	}
	key, err := a.keyOf(req, row, r)
	if err != nil {
		return transaction.Answer{}, err
	}
	for {
		before, fault := a.repeated(ctx, key, r)
		switch {
		case fault != nil:
			return transaction.Answer{}, api.AsError(fault)
		case before.Known():
			return a.replay(ctx, row, r, before)
		}
		ans, err := a.first(ctx, key, row, r)
		switch {
		case err == nil:
			return ans, nil
		case transaction.IsSameKey(err):
			continue
		case r.asked.Operation() != "":
			return ans, err
		}
		// It may have been refused because of what the same request has done meanwhile, whose first attempt was slow to arrive.
		if before, fault := a.repeated(ctx, key, r); fault == nil && before.Known() {
			return a.replay(ctx, row, r, before)
		}
		return ans, err
	}
}

// repeated looks whether the request was sent before, and waits for the outcome as long as the client wants to.
func (a *API) repeated(ctx context.Context, key transaction.Key, r *Request) (transaction.Repeat, error) {
	if r.asked.Async {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.asked.Patience+a.cfg.Wait/10)
		defer cancel()
	}
	return a.cfg.Operations.Repeated(ctx, key)
}

// replay answers a request that was carried out before, or is just now.
func (a *API) replay(ctx context.Context, row *Route, r *Request, before transaction.Repeat) (transaction.Answer, *api.Error) {
	r.header.Set(HeaderReplayed, "true")
	switch {
	case before.Error != nil:
		return transaction.Answer{}, before.Error
	case before.Answer != nil:
		return *before.Answer, nil
	case before.Done && row.Whole:
		if op, err := a.cfg.Operations.Get(ctx, before.Operation); err == nil {
			if ans, ok := a.answerOf(row, op.Result); ok {
				return ans, nil
			}
		}
	}
	return transaction.Answer{}, api.Errorf(api.Timeout, "the request is carried out by operation %s", before.Operation).
		With(api.FieldTransaction, before.Operation)
}

// first carries out a request that was not carried out before.
func (a *API) first(ctx context.Context, key transaction.Key, row *Route, r *Request) (transaction.Answer, *api.Error) {
	r.asked.Key = &key
	ans, err := a.carryOut(ctx, row, r)
	if err != nil || r.asked.Foreseen() {
		return ans, err
	}
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if fault := a.cfg.Operations.Remember(note, key, ans); fault != nil {
		a.cfg.Log.WithField("request", r.ID).Warnf("what became of the request is not kept for its repetition: %v", fault)
	}
	return ans, err
}

// keyOf reads the key of a request.
func (a *API) keyOf(req *http.Request, row *Route, r *Request) (transaction.Key, *api.Error) {
	text := req.Header.Get(HeaderKey)
	if len(req.Header.Values(HeaderKey)) > 1 || len(text) > maxKey || strings.ContainsFunc(text, func(c rune) bool { return c < '!' || c > '~' }) {
		return transaction.Key{}, api.FieldErrorf(HeaderKey, "%s: use one key of at most %d visible ASCII characters, such as a UUID", HeaderKey, maxKey)
	}
	query := req.URL.Query()
	query.Del(paramAsync)
	return transaction.Key{
		ID:     digest(text),
		Print:  digest(req.Method, req.URL.Path, query.Encode(), string(r.raw), req.Header.Get(headerIfMatch), req.Header.Get(headerIfNoneMatch)),
		Render: func(foreseen any) (transaction.Answer, bool) { return a.foresee(row, foreseen) },
	}, nil
}

// digest is a hash of texts, in hex.
func digest(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		_ = json.NewEncoder(h).Encode(t) // quoted, so that the parts stay apart; a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// foresee makes the answer of a row of what a plan says that it will be; false if that is not enough.
func (a *API) foresee(row *Route, foreseen any) (transaction.Answer, bool) {
	out := transaction.Answer{Status: row.Status}
	if row.response == nil {
		return out, true
	}
	if foreseen == nil || row.Status == http.StatusCreated && row.locate == nil {
		return out, false
	}
	if row.locate != nil {
		out.Location = row.locate(foreseen)
	}
	body, err := json.Marshal(a.filler.fill(foreseen))
	out.Body = append(body, '\n')
	return out, err == nil
}

// answerOf makes the answer of a row of the result of its operation.
func (a *API) answerOf(row *Route, result json.RawMessage) (transaction.Answer, bool) {
	if row.response == nil {
		return a.foresee(row, nil)
	}
	v := reflect.New(row.response)
	if err := json.Unmarshal(result, v.Interface()); err != nil {
		return transaction.Answer{}, false
	}
	return a.foresee(row, v.Elem().Interface())
}

// located completes a row whose answer says where what was made is, so that a repeated request is told as well.
func located[R any](where func(R) string, row Route) Route {
	row.locate = func(answer any) string {
		v, _ := answer.(R)
		return where(v)
	}
	return row
}
