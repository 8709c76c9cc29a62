package server

import (
	"context"

	"gd2/glusterd2/volgen"
	"gd2/glusterd2/workdir"
)

// newView makes what shows the records as files; nil if no directory is configured for them.
func (s *Server) newView(self string) *workdir.View {
	if s.cfg.GlusterdDir == "" {
		return nil
	}
	return workdir.New(workdir.Config{
		Dir: s.cfg.GlusterdDir, PeerID: self, Store: s.store, Table: s.table, PoolOptions: source{s}.PoolOptions, Log: s.log.Entry("workdir"),
		Volfile: func(key string, trusted bool) (string, error) {
			spec, err := s.library.Spec(key, volgen.Requester{Local: trusted})
			return spec.Text, err
		},
	})
}

// runView keeps the files as the records are.
func (s *Server) runView() {
	if s.view != nil {
		s.goRun("records as files", s.view.Run)
	}
}

// shown waits until the files show what this peer knows.
func (s *Server) shown(ctx context.Context) {
	if s.view != nil {
		s.view.Settle(ctx)
	}
}
