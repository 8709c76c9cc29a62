package sunrpc

import (
	"context"

	"gd2/pkg/gfrpc"
)

// Offer is a program that another part of the daemon answers.
type Offer struct {
	gfrpc.Service
	// For tells for whom it is there; for others it does not exist.
	For func(Origin) bool
}

// Offer adds programs to those that are served. Of several with one number a connection gets the first that is for it. It
// must be called before there are connections.
func (s *Server) Offer(offers ...Offer) {
	for _, o := range offers {
		calls := make(chan struct{}, s.cfg.Limits.Commands) // of each its own: what others ask does not keep root waiting
		p := program{Program: o.Program, procs: map[uint32]procedure{}, isFor: o.For, calls: calls}
		for number, answer := range o.Procedures {
			p.procs[number] = func(ctx context.Context, _ *conn, args *gfrpc.Reader) ([]byte, error) { return answer(ctx, args) }
		}
		s.programs = append(s.programs, p)
	}
}
