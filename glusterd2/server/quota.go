package server

import (
	"context"
	"path/filepath"

	"gd2/glusterd2/brick"
	"gd2/glusterd2/commands/quotas"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/volgen"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

// hostQuota is what this host runs for quotas.
type hostQuota struct {
	daemon  *quota.Daemon
	crawler *quota.Crawler
	mounter quota.Mounter
}

var _ quotas.Local = hostQuota{}

func (s *Server) newHostQuota(self string, layout brick.Layout) hostQuota {
	log := s.log.Entry("quota")
	h := hostQuota{
		daemon:  quota.NewDaemon(quota.Config{PeerID: self, Host: s.localHost(), Layout: layout, Program: s.cfg.GlusterFS, Log: log}),
		mounter: quota.Mounter{Host: s.localHost(), Layout: layout, Program: s.cfg.GlusterFS},
	}
	h.crawler = quota.NewCrawler(quota.CrawlerConfig{
		Mounter: h.mounter, Dir: filepath.Join(s.cfg.LocalStateDir, "quota"), Finish: quotas.Finish(s.store, h.mounter), Log: log,
	})
	return h
}

// Use implements quotas.Local. A daemon that is about to start is waited for.
func (h hostQuota) Use(ctx context.Context, volumeName string, gfids []string, objects bool) (map[string]quota.Use, error) {
	if err := h.daemon.Settle(ctx); err != nil {
		return nil, err
	}
	return quota.Ask(ctx, quota.SocketPath, volumeName, gfids, objects)
}

// Crawls implements quotas.Local.
func (h hostQuota) Crawls(volumeID string) map[string]api.QuotaCrawl {
	return h.crawler.Status(volumeID)
}

// runQuota starts what runs by itself for quotas.
func (s *Server) runQuota() {
	s.goRun("quota daemon", s.quota.daemon.Run)
	s.goRun("quota crawls", s.quota.crawler.Run)
	s.goRun("quota reconciler", func(ctx context.Context) error {
		(&quotas.Reconciler{
			PeerID: s.id.Peer().ID, Store: s.store, Daemon: s.quota.daemon, Crawler: s.quota.crawler, Spec: s.quotaText,
			Log: s.log.Entry("quota"),
		}).Run(ctx)
		return nil
	})
}

// quotaText returns the volfile of the quota daemon.
func (s *Server) quotaText(list []*volume.Volume) string {
	return volgen.QuotaDaemon(list, volgen.Params{Table: s.table, Host: source{s}.Host, Pool: source{s}.PoolOptions()})
}
