package client

import (
	"context"
	"net/http"
)

// conditions are what a request demands of the state of what it is about, and where the tag of the answer goes.
type conditions struct {
	match, noneMatch string
	tag              *string
}

type conditionsKey struct{}

func conditionsOf(ctx context.Context) conditions {
	c, _ := ctx.Value(conditionsKey{}).(conditions)
	return c
}

// IfMatch returns a context in which changes are made only if what they change is still as it was in the answer with the
// tag; "*": if it exists. Otherwise they fail with kind Precondition, and calls that cannot depend on it with Invalid.
func IfMatch(ctx context.Context, tag string) context.Context {
	c := conditionsOf(ctx)
	c.match = tag
	return context.WithValue(ctx, conditionsKey{}, c)
}

// IfNew returns a context in which something is made only if it is not there yet: otherwise it fails with kind Precondition.
func IfNew(ctx context.Context) context.Context {
	c := conditionsOf(ctx)
	c.noneMatch = "*"
	return context.WithValue(ctx, conditionsKey{}, c)
}

// WithTag returns a context in which the tag of each answer is put into tag, for IfMatch; "" if it has none. Requests of
// one such context must not be made at once.
func WithTag(ctx context.Context, tag *string) context.Context {
	c := conditionsOf(ctx)
	c.tag = tag
	return context.WithValue(ctx, conditionsKey{}, c)
}

// demand sets the headers of a change. What only reads demands nothing: it may be a look at something else on the way.
func (c conditions) demand(req *http.Request) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return
	}
	if c.match != "" {
		req.Header.Set("If-Match", c.match)
	}
	if c.noneMatch != "" {
		req.Header.Set("If-None-Match", c.noneMatch)
	}
}

// note keeps the tag of an answer.
func (c conditions) note(a *answer) {
	if c.tag != nil {
		*c.tag = a.header.Get("ETag")
	}
}
