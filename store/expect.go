package store

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gd2/pkg/api"
)

// Expectation is what a request expects of the one record that it is about, and what became known of that record on the
// way. The edge that takes the request in makes it and puts it into the context; whoever reads the record says so with
// Kind.Subject; and the guard goes into the first commit of the request. The zero value expects nothing and only learns
// the revision. It is safe for concurrent use.
type Expectation struct {
	// Revisions, if not nil, are those of which the record must have one; 0 is that of a record that does not exist.
	Revisions []int64
	// Exists says that the record must exist, whatever its revision; Absent that it must not.
	Exists, Absent bool

	mu    sync.Mutex
	key   string
	rev   int64
	known bool // rev is that of what the request answers with
	met   bool // the first commit was made under the guard
}

type expectationKey struct{}

// Expect returns a context that carries the expectation.
func Expect(ctx context.Context, e *Expectation) context.Context {
	return context.WithValue(ctx, expectationKey{}, e)
}

// ExpectationOf returns the expectation of a request; one that expects nothing if the context carries none.
func ExpectationOf(ctx context.Context) *Expectation {
	if e, ok := ctx.Value(expectationKey{}).(*Expectation); ok {
		return e
	}
	return &Expectation{}
}

// Subject says that the request is about the record, which was read at the revision; 0 says that it does not exist. It
// returns an error of kind Precondition if the request expects another state. Of several records the first one counts.
func (k Kind[T]) Subject(ctx context.Context, id string, rev int64) error {
	e := ExpectationOf(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	key := k.prefix + id
	if e.key != "" && e.key != key {
		return nil
	}
	e.key, e.rev, e.known = key, rev, true
	if e.met || e.fits() {
		return nil
	}
	return e.failed()
}

func (e *Expectation) fits() bool {
	return (e.Revisions == nil || slices.Contains(e.Revisions, e.rev)) && (!e.Exists || e.rev > 0) && (!e.Absent || e.rev == 0)
}

// conditional reports whether anything is expected.
func (e *Expectation) conditional() bool { return e.Revisions != nil || e.Exists || e.Absent }

// failed is the error for a record that is not as expected.
func (e *Expectation) failed() *api.Error {
	name, err := strings.TrimPrefix(e.key, Root), api.Errorf(api.Precondition, "")
	switch {
	case e.Absent:
		err.Message = name + " exists already, and was to be made only if it does not"
	case e.rev == 0:
		err.Message = name + " does not exist, and was to be changed only if it does"
	default:
		err.Message = name + " has been changed since it was read, and was to be changed only as it was then: read it again"
	}
	return err.With(FieldKey, e.key)
}

// Guard returns the guards of the first commit with that of the expectation. It is an error to expect something of a
// request that does not say which record it is about: nothing must be changed then.
func (e *Expectation) Guard(guards []Guard) ([]Guard, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.conditional() || e.met:
		return guards, nil
	case e.key == "":
		return nil, api.Errorf(api.NotSupported, "this change cannot be made to depend on the state of what it changes: leave If-Match and If-None-Match out")
	}
	return append(slices.Clip(guards), Guard{key: e.key, rev: e.rev}), nil
}

// Met says that the first commit was made. What follows changes the record itself, so nothing is expected any more.
func (e *Expectation) Met() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.met = true
}

// Refused turns the error of a first commit that was refused because of the record into one of kind Precondition.
func (e *Expectation) Refused(err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.conditional() || e.met || !api.IsKind(err, api.Conflict) || api.AsError(err).Fields[FieldKey] != e.key {
		return err
	}
	return e.failed()
}

// Wrote says that a commit has written the keys, at the revision: if the record is among them, that is its revision now.
// What is answered after that is the record as it was written.
func (e *Expectation) Wrote(keys []string, rev int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Contains(keys, e.key) {
		e.rev = rev
	}
}

// Revision returns the revision of the record that the request is about, and whether it is about one.
func (e *Expectation) Revision() (int64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rev, e.known
}
