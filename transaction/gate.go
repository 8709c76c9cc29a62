package transaction

import (
	"context"
	"sync"

	"gd2/pkg/api"
)

// fence orders the requests of one transaction: by the owner's revision of the intent, then by the order in which that
// owner sent them.
type fence struct {
	revision int64
	seq      uint64
}

func (f fence) before(g fence) bool {
	return f.revision < g.revision || f.revision == g.revision && f.seq < g.seq
}

// gate lets one request of a transaction at a time run on this peer, and none that is older than one it has let in.
// So a Do that was delayed on its way cannot run after its Undo, and an Undo waits for the Do that it takes back.
type gate struct {
	mu      sync.Mutex
	highest fence
	cancel  context.CancelFunc // of the request let in last
	left    chan struct{}      // closed once that request has ended
}

func newGate() *gate {
	left := make(chan struct{})
	close(left)
	return &gate{cancel: func() {}, left: left}
}

// enter lets a request in after the one before it, which it cancels, has ended. The caller calls leave when its own
// request has ended; there is none with an error.
func (g *gate) enter(ctx context.Context, f fence) (_ context.Context, leave func(), err error) {
	g.mu.Lock()
	if !g.highest.before(f) {
		g.mu.Unlock()
		return nil, nil, api.Errorf(api.Conflict, "step refused: a newer request of the same transaction was here already")
	}
	before, left := g.left, make(chan struct{})
	g.cancel()
	ctx, cancel := context.WithCancel(ctx)
	g.highest, g.cancel, g.left = f, cancel, left
	g.mu.Unlock()
	select {
	case <-before:
		return ctx, func() { cancel(); close(left) }, nil
	case <-ctx.Done():
		cancel()
		// Whoever comes next must still wait for the one before us.
		go func() { <-before; close(left) }()
		return nil, nil, api.Errorf(api.Unavailable, "an earlier step of the transaction has not ended in time for this one to begin")
	}
}

// idle reports whether no request is inside.
func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.left:
		return true
	default:
		return false
	}
}
