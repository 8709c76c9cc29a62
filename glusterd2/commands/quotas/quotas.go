// Package quotas is what can be done with the quotas of volumes: switch them on and off, limit directories, and list
// what they hold.
package quotas

import (
	"context"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"gd2/glusterd2/ask"
	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/volume"
	"gd2/glusterd2/xlator"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// Host sets limits on directories of volumes. quota.Mounter is the real one.
type Host interface {
	// Find returns the gfid of a directory.
	Find(ctx context.Context, volumeName, path string) (gfid string, err error)
	// Set makes the limits of a directory as given; Apply those of several, without those that are gone.
	Set(ctx context.Context, volumeName string, l volume.Limit) error
	Apply(ctx context.Context, volumeName string, limits []volume.Limit) error
}

var _ Host = quota.Mounter{}

// Local is the part of the quota that this host runs.
type Local interface {
	// Use asks the quota daemon what directories hold.
	Use(ctx context.Context, volumeName string, gfids []string, objects bool) (map[string]quota.Use, error)
	// Crawls tells how far the bricks of a volume have counted, by the ids of the bricks.
	Crawls(volumeID string) map[string]api.QuotaCrawl
}

// Config is what Commands need.
type Config struct {
	PeerID string
	Store  *store.Store
	Engine *transaction.Engine
	Ops    Operations
	Host   Host
	Local  Local
	Asker  *ask.Asker
	// Quorum is the server quorum; nil means that it is always met.
	Quorum volumes.Quorum
	Table  *xlator.Table
	Log    *logrus.Entry
}

// Commands are the operations on quotas. They are safe for concurrent use.
type Commands struct {
	cfg    Config
	use    ask.Handle[useParams, map[string]quota.Use]
	crawls ask.Handle[struct{}, map[string]api.QuotaCrawl]

	disable transaction.Handle[disableParams, api.Quota]
}

// disableTimeout bounds one attempt to take all limits of a volume away and to switch its quota off.
const disableTimeout = time.Hour

// New makes the commands and registers their questions and courses.
func New(cfg Config) *Commands {
	c := &Commands{
		cfg: cfg,
		use: ask.Register(cfg.Asker, ask.Question[useParams, map[string]quota.Use]{
			Name: "quota-use",
			Answer: func(ctx context.Context, v *volume.Volume, p useParams) (map[string]quota.Use, error) {
				return cfg.Local.Use(ctx, v.Name, p.GFIDs, p.Objects)
			},
		}),
		crawls: ask.Register(cfg.Asker, ask.Question[struct{}, map[string]api.QuotaCrawl]{
			Name: "quota-crawls",
			Answer: func(_ context.Context, v *volume.Volume, _ struct{}) (map[string]api.QuotaCrawl, error) {
				return cfg.Local.Crawls(v.ID), nil
			},
		}),
	}
	c.disable = transaction.Conduct(cfg.Engine, transaction.Course[disableParams, api.Quota]{
		Name: "quota.disable", Version: 1, Run: c.switchOff, Timeout: disableTimeout,
	})
	return c
}

// Operations are the registered transactions on quotas.
type Operations struct {
	enable, disable transaction.Handle[switchParams, none]
	limit           transaction.Handle[limitParams, none]
	unlimit         transaction.Handle[unlimitParams, none]
}

// none is the result of operations whose outcome is read from the records.
type none struct{}

// Register adds the operations to a registry; their steps work on the host.
func Register(r *transaction.Registry, host Host) Operations {
	return Operations{
		enable: transaction.Register(r, switchOperation("quota.enable")), disable: transaction.Register(r, switchOperation("quota.switch-off")),
		limit: transaction.Register(r, limitOperation(host)), unlimit: transaction.Register(r, unlimitOperation(host)),
	}
}

// volumeRecord is a volume as it was read.
type volumeRecord = store.Record[*volume.Volume]

// find reads a volume, after a barrier.
func (c *Commands) find(ctx context.Context, name string) (volumeRecord, error) {
	if err := c.cfg.Store.Sync(ctx); err != nil {
		return volumeRecord{}, err
	}
	rec, err := volumes.Find(c.cfg.Store, name)
	if err == nil {
		err = volume.Records.Subject(ctx, rec.ID, rec.Revision)
	}
	return rec, err
}

// toChange finds a started volume whose quota is to be changed, which is not possible without the volume's server quorum.
func (c *Commands) toChange(ctx context.Context, name string) (volumeRecord, error) {
	rec, err := c.find(ctx, name)
	if err == nil {
		err = volumes.RefuseWithoutQuorum(ctx, c.cfg.Quorum, rec.Value)
	}
	if err == nil {
		err = started(rec.Value)
	}
	return rec, err
}

// limited is toChange for a volume whose quota is on.
func (c *Commands) limited(ctx context.Context, name string) (volumeRecord, error) {
	rec, err := c.toChange(ctx, name)
	if err == nil {
		err = enabled(rec.Value)
	}
	return rec, err
}

// enabled demands that the quota of a volume is on.
func enabled(v *volume.Volume) error {
	if v.HasQuota() {
		return nil
	}
	return api.Errorf(api.State, "quota is not enabled on volume %s: enable it first", v.Name).With("volume", v.Name)
}

// started demands that a volume serves: limits are set through it.
func started(v *volume.Volume) error {
	if v.State == volume.Started {
		return nil
	}
	return api.Errorf(api.State, "volume %s is not started: start it, then try again", v.Name).With("volume", v.Name)
}

// cleanPath checks the path of a directory in a volume.
func cleanPath(path string) error {
	const longest = 4096
	switch {
	case !strings.HasPrefix(path, "/"):
		return api.FieldErrorf("path", "path %.200q must be absolute, as seen in the volume: / is the volume itself", path)
	case len(path) > longest:
		return api.FieldErrorf("path", "the path has %d bytes: at most %d are allowed", len(path), longest)
	case path != "/" && strings.HasSuffix(path, "/"), strings.Contains(path, "//"), strings.Contains(path+"/", "/../"), strings.Contains(path+"/", "/./"):
		return api.FieldErrorf("path", "path %.200q must be plain, without ., .., // and a / at its end", path)
	case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return api.FieldErrorf("path", "path %.200q has control characters", path)
	}
	return nil
}

// limitType checks the type of a limit; none means usage.
func limitType(name string) (string, error) {
	switch name {
	case "", api.QuotaUsage:
		return api.QuotaUsage, nil
	case api.QuotaObjects:
		return api.QuotaObjects, nil
	}
	return "", api.FieldErrorf("type", "limit type %.40q: use %s or %s", name, api.QuotaUsage, api.QuotaObjects)
}
