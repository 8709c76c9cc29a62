// Package api is the REST contract of gd2: the requests, the answers and the one error type that every layer uses.
// It imports nothing of the server, so that clients can share it.
//
// JSON names follow glusterd2's REST API (version 1); fields that glusterd2 did not have are marked as additions.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Kind says what sort of failure an Error is. It decides the HTTP status and the exit code of glustercli.
type Kind string

// The kinds of failure, one for each thing that a caller can do about it.
const (
	// Internal is a fault of gd2 or of its host.
	Internal Kind = "internal"
	// Invalid is a request that can never succeed as it stands.
	Invalid Kind = "invalid"
	// NotFound names something that does not exist.
	NotFound Kind = "not-found"
	// Exists names something that exists already.
	Exists Kind = "exists"
	// Conflict is a clash with another change in progress: try again.
	Conflict Kind = "conflict"
	// Precondition is a change that was to be made only of something in a certain state, which has changed meanwhile: read
	// it again.
	Precondition Kind = "precondition"
	// State is a request that the present state does not allow, such as deleting a started volume.
	State Kind = "state"
	// Denied is a request without sufficient proof of who asks.
	Denied Kind = "denied"
	// Forbidden is a request that the rules refuse, whoever asks.
	Forbidden Kind = "forbidden"
	// TooLarge is a request body beyond the limit.
	TooLarge Kind = "too-large"
	// Unavailable is a peer or a quorum out of reach: try again later.
	Unavailable Kind = "unavailable"
	// Timeout is a request that did not end in time; what it started may go on.
	Timeout Kind = "timeout"
	// NotSupported is a request for something that this build or host cannot do.
	NotSupported Kind = "not-supported"
	// MethodNotAllowed is a path that exists, asked with another method.
	MethodNotAllowed Kind = "method-not-allowed"
	// KeyReused is an Idempotency-Key that was used for another request before.
	KeyReused Kind = "key-reused"
	// TooMany is a caller that asks too often.
	TooMany Kind = "too-many"
)

// Wire error codes of glusterd2: 1 for everything, 2 when a step of a transaction failed on a peer.
const (
	CodeGeneric    = 1
	CodeStepFailed = 2
)

// Field names of errors that carry a failed step (glusterd2's names).
const (
	FieldPeer  = "peer-id"
	FieldStep  = "step"
	FieldError = "error"
	// FieldField names the request field that is wrong, FieldTransaction the transaction that ran.
	FieldField       = "field"
	FieldTransaction = "transaction"
)

var statuses = map[Kind]int{
	Internal: http.StatusInternalServerError, Invalid: http.StatusBadRequest, NotFound: http.StatusNotFound,
	Exists: http.StatusConflict, Conflict: http.StatusConflict, State: http.StatusBadRequest,
	Denied: http.StatusUnauthorized, Forbidden: http.StatusForbidden, TooLarge: http.StatusRequestEntityTooLarge,
	Unavailable: http.StatusServiceUnavailable, Timeout: http.StatusGatewayTimeout, NotSupported: http.StatusNotImplemented,
	MethodNotAllowed: http.StatusMethodNotAllowed, TooMany: http.StatusTooManyRequests,
	KeyReused: http.StatusUnprocessableEntity, Precondition: http.StatusPreconditionFailed,
}

// Error is the one error type of gd2: raised by any layer, carried between peers, written as the body of a failed
// request and raised again by the client.
type Error struct {
	Kind    Kind              `json:"kind"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"`
	// Causes are the failures of single peers or fields behind this one.
	Causes []*Error `json:"causes,omitempty"`
}

// Error returns the message, followed by those of the causes.
func (e *Error) Error() string {
	if len(e.Causes) == 0 {
		return e.Message
	}
	msg := e.Message
	for i, c := range e.Causes {
		sep := "; "
		if i == 0 {
			sep = ": "
			if msg == "" {
				sep = ""
			}
		}
		msg += sep + c.Error()
	}
	return msg
}

// Status returns the HTTP status of the error's kind.
func (e *Error) Status() int {
	if s, ok := statuses[e.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// With returns a copy of the error with one more field.
func (e *Error) With(field, value string) *Error {
	c := *e
	c.Fields = make(map[string]string, len(e.Fields)+1)
	for k, v := range e.Fields {
		c.Fields[k] = v
	}
	c.Fields[field] = value
	return &c
}

// Errorf makes an error of the given kind with a formatted message.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// FieldErrorf makes an Invalid error about one field of the request.
func FieldErrorf(field, format string, args ...any) *Error {
	return Errorf(Invalid, format, args...).With(FieldField, field)
}

// AsError returns err as an *Error; any other error becomes Internal with its text. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Message: err.Error()}
}

// IsKind reports whether err is an *Error of one of the kinds.
func IsKind(err error, kinds ...Kind) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(kinds, e.Kind)
}

// ErrorBody is the JSON body of a failed request: glusterd2's list of errors.
type ErrorBody struct {
	Errors []WireError `json:"errors"`
}

// WireError is one error in an ErrorBody. Kind is an addition to glusterd2's form.
type WireError struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Kind    Kind              `json:"kind,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
}

// Body returns the error as the body of an answer: the error itself first, one entry for each cause after it.
func (e *Error) Body() ErrorBody {
	b := ErrorBody{Errors: []WireError{e.wire()}}
	for _, c := range e.Causes {
		b.Errors = append(b.Errors, c.wire())
	}
	if e.Message == "" && len(b.Errors) > 1 {
		b.Errors = b.Errors[1:]
	}
	return b
}

func (e *Error) wire() WireError {
	w := WireError{Code: CodeGeneric, Message: e.Message, Kind: e.Kind, Fields: e.Fields}
	if _, ok := e.Fields[FieldStep]; ok {
		w.Code = CodeStepFailed
	}
	return w
}

// ParseError turns the status and body of a failed request back into the error that the server raised.
// A body that is not gd2's becomes the message as it stands.
func ParseError(status int, body []byte) *Error {
	var b ErrorBody
	if err := json.Unmarshal(body, &b); err != nil || len(b.Errors) == 0 {
		return &Error{Kind: kindOf(status), Message: fmt.Sprintf("%s: %.200q", http.StatusText(status), body)}
	}
	e := b.Errors[0].plain(status)
	for _, w := range b.Errors[1:] {
		e.Causes = append(e.Causes, w.plain(status))
	}
	return e
}

func (w WireError) plain(status int) *Error {
	k := w.Kind
	if k == "" {
		k = kindOf(status)
	}
	return &Error{Kind: k, Message: w.Message, Fields: w.Fields}
}

// kindOf is the inverse of statuses; where several kinds share a status the more general one is chosen.
func kindOf(status int) Kind {
	switch status {
	case http.StatusBadRequest:
		return Invalid
	case http.StatusConflict:
		return Conflict
	}
	for k, s := range statuses {
		if s == status {
			return k
		}
	}
	return Internal
}
