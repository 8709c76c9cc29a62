package clirpc

import (
	"context"

	"gd2/pkg/gfrpc"
)

func (s *Server) uuid(context.Context, gfrpc.Dict) (answer, error) {
	return answer{dict: gfrpc.Strings(map[string]string{"uuid": s.cfg.PeerID})}, nil
}

// getwd answers the directory under which scripts look for the files of the daemon.
func (s *Server) getwd(_ context.Context, args *gfrpc.Reader) ([]byte, error) {
	args.Int32()
	return new(gfrpc.Writer).Int32(0).Int32(0).String(s.cfg.WorkDir).Bytes(), nil
}

// fsmLog answers system:: fsm log: peers of gd2 have no such states, so there is nothing in it.
func (s *Server) fsmLog(_ context.Context, args *gfrpc.Reader) ([]byte, error) {
	args.String(maxRequest)
	return new(gfrpc.Writer).Int32(0).Int32(0).String("").Opaque(gfrpc.Dict{}.Marshal()).Bytes(), nil
}
