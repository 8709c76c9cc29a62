package client

import (
	"context"
	"net/http"

	"github.com/google/uuid"
)

type keyContext struct{}

// WithKey returns a context for one request that changes something, which is sent with the Idempotency-Key: if the pool has seen
// the same request with the same key before, it is answered as then and not carried out again. Requests without a key of their
// caller's get a random one, so that they can be sent again when a connection breaks. Use a key for one request only.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyContext{}, key)
}

func keyIn(ctx context.Context) string {
	key, _ := ctx.Value(keyContext{}).(string)
	return key
}

// key returns the key that a request is sent with; "" for none.
func (r *request) key(ctx context.Context, dry bool) string {
	if dry || r.once || r.method == http.MethodGet || r.method == http.MethodHead {
		return ""
	}
	if key := keyIn(ctx); key != "" {
		return key
	}
	return uuid.NewString()
}
