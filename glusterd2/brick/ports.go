package brick

import (
	"context"
	"net"
	"strconv"
	"sync"

	"gd2/pkg/api"
)

// Ports hands out TCP ports for bricks, the lowest free one first. glusterd's range is 49152 to 60999; the upper part of
// it is also where the kernel takes source ports from, so a port that is free now may be taken a moment later.
type Ports struct {
	first, last int
	mu          sync.Mutex
	taken       map[int]bool
	free        func(ctx context.Context, port int) bool
	reserve     func(ctx context.Context, port int) (release func(), ok bool)
}

// NewPorts returns the ports from first to last, both included; 0 means glusterd's.
func NewPorts(first, last int) *Ports {
	if first == 0 {
		first = 49152
	}
	if last == 0 {
		last = 60999
	}
	return &Ports{first: first, last: last, taken: map[int]bool{}, free: free, reserve: reserve}
}

// Take returns a port at or above from that can be bound now. Nobody else gets it before release is called, which is to
// be done once the brick listens, or did not start. The error is an *api.Error of kind Unavailable.
func (p *Ports) Take(ctx context.Context, from int) (port int, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port := max(from, p.first); port <= p.last; port++ {
		if p.taken[port] || !p.free(ctx, port) {
			continue
		}
		undo, ok := p.reserve(ctx, port)
		if !ok {
			continue
		}
		p.taken[port] = true
		return port, func() { undo(); p.release(port) }, nil
	}
	return 0, nil, api.Errorf(api.Unavailable, "no TCP port from %d to %d is free for a brick", max(from, p.first), p.last)
}

func (p *Ports) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}

// free reports whether a brick, which listens on every address, could bind the port now.
func free(ctx context.Context, port int) bool {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// reserve claims the port among all daemons that share the ports of this network namespace: the name of an abstract unix
// socket, whose scope is the same, can be bound by one of them, and is free again as soon as that one is gone.
func reserve(ctx context.Context, port int) (release func(), ok bool) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", "@gd2/brick-port/"+strconv.Itoa(port))
	if err != nil {
		return nil, false
	}
	return func() { _ = l.Close() }, true
}
