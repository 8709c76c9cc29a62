package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"gd2/pkg/api"
)

// How the database is kept small, in one place.
const (
	// DefaultQuotaBytes bounds the database unless Config.QuotaBytes says otherwise. A pool of 100 peers and 10,000 volumes
	// needs some tens of MiB.
	DefaultQuotaBytes = 2 << 30
	// minQuotaBytes is the smallest quota that is accepted.
	minQuotaBytes = 16 << 20
	// quotaWarn and quotaRefuse are percentages of the quota: Status warns from one, Commit refuses from the other. etcd's
	// own alarm is at 100 and stops signs of life too.
	quotaWarn, quotaRefuse = 70, 90
	// keepRevisions is the history that is kept for watchers that were away for a while, and dropRevisions how much comes together
	// until the rest is dropped; those away longer load everything anew. When space is short nothing is kept.
	keepRevisions, dropRevisions = 1000, 2000
	// wasteBytes and wasteShare: a database that is larger, and of which more percent are empty, is defragmented.
	wasteBytes, wasteShare = 64 << 20, 50
	// wasteUrgent is the same share of the quota when space is short.
	wasteUrgent = 5
	// tidyPause and tidyUrgent are the pauses between looks, the second when space is short, which is asked every tidyTick.
	tidyPause, tidyUrgent, tidyTick = time.Minute, 10 * time.Second, 2 * time.Second
	// defragTimeout and compactTimeout bound a defragmentation, during which a member serves nobody, and a compaction.
	defragTimeout, compactTimeout = time.Minute, 20 * time.Second
	// spacePause is the pause after which a peer without a member asks one again how full it is.
	spacePause = 20 * time.Second
)

// space is how full the database of a member is.
type space struct{ size, inUse, quota int64 }

func (sp space) percent() int { return percent(sp.size, sp.quota) }

func percent(part, whole int64) int {
	if whole <= 0 {
		return 0
	}
	return int(part * 100 / whole)
}

// growth counts what this peer has written since the size of the database was seen to change: etcd says the size of its
// last batch of writes, and other peers are asked only now and then.
type growth struct {
	mu    sync.Mutex
	seen  space
	bytes int64
}

// on returns the space with what was written since.
func (g *growth) on(sp space) space {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sp != g.seen {
		g.seen, g.bytes = sp, 0
	}
	sp.size += g.bytes
	return sp
}

func (g *growth) add(bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bytes += int64(bytes)
}

// space returns how full the database is: of this peer's own member, or as another has said a while ago.
func (s *Store) space() space {
	if sv := s.server.Load(); sv != nil && sv.running() {
		if be := sv.etcd.Server.Backend(); be != nil {
			return s.growth.on(space{be.Size(), be.SizeInUse(), sv.quota})
		}
	}
	if sp := s.asked.Load(); sp != nil {
		return s.growth.on(*sp)
	}
	return space{}
}

// watchSpace keeps a peer without a member informed.
func (s *Store) watchSpace() {
	tick := time.NewTicker(spacePause)
	defer tick.Stop()
	for {
		if sv := s.server.Load(); sv == nil && s.Waiting() == "" {
			s.askSpace()
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// askSpace asks over the connection that is open anyhow.
func (s *Store) askSpace() {
	ctx, cancel := context.WithTimeout(s.ctx, tryTimeout)
	defer cancel()
	conn := s.session.Load().client.ActiveConnection()
	if resp, err := etcdserverpb.NewMaintenanceClient(conn).Status(ctx, &etcdserverpb.StatusRequest{}); err == nil {
		s.asked.Store(&space{resp.DbSize, resp.DbSizeInUse, resp.DbSizeQuota})
	}
}

// needSpace refuses a commit that only adds to a database that is nearly full. One that also deletes ends something, as a
// transaction that has begun, or frees space: it may pass until etcd itself refuses.
func (s *Store) needSpace(c *commit) error {
	if slices.ContainsFunc(c.writes, func(w Write) bool { return w.remove }) {
		return nil
	}
	sp := s.space()
	if sp.percent() < quotaRefuse {
		return nil
	}
	return api.Errorf(api.Unavailable, "the store's database takes %d MiB, %d %% of its quota of %d MiB: nothing was written, only deletions are accepted from %d %% on; it is being tidied up, and a larger quota can be configured",
		sp.size>>20, sp.percent(), sp.quota>>20, quotaRefuse)
}

// isNoSpace reports whether a name of an alarm is that of the quota.
func isNoSpace(name string) bool {
	return strings.EqualFold(name, etcdserverpb.AlarmType_NOSPACE.String())
}
