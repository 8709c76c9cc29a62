package rest

import (
	"context"
	"net/http"
	"net/url"
	"reflect"

	"gd2/store"
	"slices"
	"strings"

	"gd2/transaction"
)

// Access says who may call a route.
type Access int

// The access rules. Read and Admin need a token, or root on the local unix socket; nothing tells them apart yet but the
// log and the OpenAPI document.
const (
	// Open is for everybody.
	Open Access = iota
	// Read shows something.
	Read
	// Admin changes something.
	Admin
	// LocalRoot is only for root on the unix socket of this peer, even where tokens are switched off.
	LocalRoot
)

// String returns the name of the rule.
func (a Access) String() string {
	return [...]string{"open", "read", "admin", "local-root"}[a]
}

// None is the request or response type of a route that has no body.
type None struct{}

// Param is a query parameter of a route.
type Param struct {
	Name        string
	Description string
	// Values are the values allowed; empty means any text.
	Values []string
	// Bare allows the parameter without a value, or with "true" or "false".
	Bare bool
}

// Route is one row of the table: everything that is known about one method of one path.
type Route struct {
	Method      string
	Path        string
	Name        string
	Description string
	Access      Access
	// Query are the parameters of this row; those of every change are beside them: see queryOf.
	Query []Param
	// Requires names the fields that the body must have. Without any the body may be left out.
	Requires []string
	// Status is the status of success; 0 means 200.
	Status int
	// Faults are statuses besides Status with which the route may answer in its response type.
	Faults []int
	// Guarded says that a token is needed even where restauth is switched off: the answer holds the pool's secrets.
	Guarded bool
	// Local says that the route is about this peer itself: it is answered also while the peer belongs to no pool.
	Local bool
	// Conditional says that the route is about one record, which its service names with store.Kind.Subject: its answers
	// carry an ETag, and If-Match and If-None-Match are heeded.
	Conditional bool
	// Plans says that ?dry-run=true answers with the plan of the change. A row that changes something and cannot tell its
	// plan says why not in NoPlan.
	Plans  bool
	NoPlan string
	// Tail names the variable, the last of the path, that takes slashes too. A row whose path goes on after it comes before the others.
	Tail string
	// MediaType is that of a raw route's answer.
	MediaType string

	// Key is the path of the JSON field that tells the elements of a list apart, for its pages; empty: see keyOf.
	Key string

	// Whole says that the result of the operation that the change begins is the answer: see transaction.Course. So a repeated
	// request has it also if nobody could keep the answer.
	Whole bool
	// Fresh says that the answer is a secret, which is not kept: a request that is repeated gets another.
	Fresh bool

	request, response reflect.Type
	locate            func(answer any) string // where the answer of a row with Status 201 lies, if the row tells
	handler           func(context.Context, *Request) (any, error)
	raw               http.Handler
	pages             bool // the list is cut into pages if the client likes
}

// Request is what a handler gets of an HTTP request.
type Request struct {
	ID     string
	Origin Origin
	Vars   map[string]string
	Query  url.Values

	expected *store.Expectation
	body     reflect.Value
	raw      []byte // the body as it was sent
	asked    *transaction.Request
	path     string // of the URL
	header   http.Header
	status   int
}

// Location sets the Location header of the answer.
func (r *Request) Location(path ...string) {
	loc := "/v1"
	for _, p := range path {
		loc += "/" + url.PathEscape(p)
	}
	r.header.Set("Location", loc)
}

// Status sets the status of the answer, in place of the route's.
func (r *Request) Status(code int) { r.status = code }

// Flag tells whether a bare parameter is set.
func (r *Request) Flag(name string) bool {
	return r.Query.Has(name) && r.Query.Get(name) != "false"
}

// serve completes a row with its handler. The types of the bodies are the handler's own, so that the document made from
// the table cannot differ from what is served.
func serve[Q, R any](row Route, h func(context.Context, *Request, Q) (R, error)) Route {
	row.request, row.response = typeOf[Q](), typeOf[R]()
	row = shaped(planable(row))
	if row.Status == 0 {
		row.Status = http.StatusOK
	}
	row.handler = func(ctx context.Context, r *Request) (any, error) {
		var q Q
		if r.body.IsValid() {
			q = r.body.Interface().(Q)
		}
		return h(ctx, r, q)
	}
	return row
}

// serveRaw completes a row whose answer is not JSON, or which writes it itself.
func serveRaw(row Route, mediaType string, h http.Handler) Route {
	row.Status, row.MediaType, row.raw = http.StatusOK, mediaType, h
	return row
}

// typeOf returns the type of a body; nil for None.
func typeOf[T any]() reflect.Type {
	t := reflect.TypeFor[T]()
	if t == reflect.TypeFor[None]() {
		return nil
	}
	return t
}

// queryOf returns the query parameters that the route takes.
func (row *Route) queryOf() []Param {
	if row.raw != nil || !row.changes() {
		return row.Query
	}
	return append(slices.Clip(row.Query), Param{Name: paramAsync, Bare: true,
		Description: "answer as soon as the change has begun, with 202 and where it can be followed; the same as Prefer: respond-async"})
}

// pattern is the path as the router reads it.
func (row *Route) pattern() string {
	if row.Tail == "" {
		return row.Path
	}
	return strings.Replace(row.Path, "{"+row.Tail+"}", "{"+row.Tail+":.+}", 1)
}

// changes tells whether the route can change anything.
func (row *Route) changes() bool { return row.Method != http.MethodGet }
