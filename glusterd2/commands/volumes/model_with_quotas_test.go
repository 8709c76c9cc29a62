package volumes_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"gd2/glusterd2/commands/quotas"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// TestModel does random operations on a pool and compares what becomes of it with a model: records, bricks and their
// processes on the hosts, and the kind of every refusal. Peers die and return, also in the middle of an operation, hosts fail in
// the middle of a step, two clients act at once, operations are planned before they are done, and depend on what was read.
func TestModel(t *testing.T) { volumes.RunModel(t, &quotaMaker{limits: map[string]volume.Limit{}}) }

// quotaMaker makes the commands on quotas, for volumes of which every one has the directories / and /a.
type quotaMaker struct {
	mu     sync.Mutex
	limits map[string]volume.Limit // by volume id and path
	store  *store.Store
}

var (
	_ volumes.ModelQuotaMaker = (*quotaMaker)(nil)
	_ quotas.Host             = (*quotaMaker)(nil)
	_ quotas.Local            = (*quotaMaker)(nil)
)

// Register implements volumes.ModelQuotaMaker.
func (m *quotaMaker) Register(r *transaction.Registry) { quotas.Register(r, m) }

// New implements volumes.ModelQuotaMaker.
func (m *quotaMaker) New(cfg volumes.Config) volumes.ModelQuotas {
	m.store = cfg.Store
	return quotas.New(quotas.Config{
		PeerID: cfg.PeerID, Store: cfg.Store, Engine: cfg.Engine, Ops: quotas.Register(transaction.NewRegistry(), m), Host: m, Local: m,
		Asker: cfg.Asker, Table: cfg.Table, Quorum: cfg.Quorum, Log: cfg.Log,
	})
}

// OnHost implements volumes.ModelQuotaMaker.
func (m *quotaMaker) OnHost(volumeID, path string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.limits[volumeID+path]
	raw, err := json.Marshal([]*volume.Bound{l.Usage, l.Objects})
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// Find implements quotas.Host.
func (m *quotaMaker) Find(_ context.Context, _, path string) (string, error) {
	if path != "/" && path != "/a" {
		return "", api.Errorf(api.NotFound, "directory %s does not exist", path)
	}
	return "gfid of " + path, nil
}

// Set implements quotas.Host.
func (m *quotaMaker) Set(_ context.Context, volumeName string, l volume.Limit) error {
	rec, err := volumes.Find(m.store, volumeName)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits[rec.Value.ID+l.Path] = l
	return nil
}

// Apply implements quotas.Host.
func (m *quotaMaker) Apply(ctx context.Context, volumeName string, limits []volume.Limit) error {
	for _, l := range limits {
		if err := m.Set(ctx, volumeName, l); err != nil {
			return err
		}
	}
	return nil
}

// Use implements quotas.Local.
func (m *quotaMaker) Use(context.Context, string, []string, bool) (map[string]quota.Use, error) {
	return map[string]quota.Use{}, nil
}

// Crawls implements quotas.Local.
func (m *quotaMaker) Crawls(string) map[string]api.QuotaCrawl { return map[string]api.QuotaCrawl{} }
