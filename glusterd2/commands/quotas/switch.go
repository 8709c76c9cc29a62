package quotas

import (
	"context"
	"maps"
	"time"

	"gd2/glusterd2/commands/volumes"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/store"
	"gd2/transaction"
)

// switchParams carry the volume as it is to be.
type switchParams struct {
	Volume   *volume.Volume `json:"volume"`
	Revision int64          `json:"revision"`
}

// switchOperation changes the record only: bricks take the options as they take any, and each peer starts its quota daemon
// and its crawls when it sees the record.
func switchOperation(name string) transaction.Operation[switchParams, none] {
	return transaction.Operation[switchParams, none]{
		Name: name, Version: 1,
		Commit: func(p switchParams, _ transaction.Outputs) ([]store.Write, []store.Guard, none, error) {
			return []store.Write{volume.Records.Update(p.Volume.Name, p.Volume, p.Revision)}, nil, none{}, nil
		},
	}
}

func switchPlan(rec volumeRecord, changed *volume.Volume) transaction.Plan[switchParams] {
	return transaction.Plan[switchParams]{
		Params: switchParams{Volume: changed, Revision: rec.Revision}, Locks: []string{volumes.Lock(rec.ID)},
		Guards: []store.Guard{volume.Records.MustBe(rec.ID, rec.Revision)},
	}
}

// tuning are the options that tune a quota; they go when it does.
var tuning = []string{
	volume.OptionQuotaStatfs, volume.OptionQuotaPercent, "features.hard-timeout", "features.soft-timeout", "features.alert-time",
}

// withQuota is the volume with its quota on: a new version, so that nothing that was counted earlier counts.
func withQuota(v *volume.Volume) *volume.Volume {
	changed := *v
	changed.Options = maps.Clone(v.Options)
	changed.QuotaVersion++
	for _, key := range []string{volume.OptionQuota, volume.OptionInodeQuota, volume.OptionQuotaStatfs} {
		changed.Options[key] = "on"
	}
	return &changed
}

// withoutQuota is the volume with its quota off.
func withoutQuota(v *volume.Volume) *volume.Volume {
	changed := *v
	changed.Options = maps.Clone(v.Options)
	for _, key := range tuning {
		delete(changed.Options, key)
	}
	changed.Options[volume.OptionQuota], changed.Options[volume.OptionInodeQuota] = "off", "off"
	return &changed
}

// Enable switches quota on. The bricks begin to count what is written from then on; what is there already is counted in the
// background, brick by brick.
func (c *Commands) Enable(ctx context.Context, name string) (api.Quota, error) {
	rec, err := c.toChange(ctx, name)
	if err != nil {
		return api.Quota{}, err
	}
	if rec.Value.HasQuota() {
		return api.Quota{}, api.Errorf(api.State, "quota is enabled on volume %s already", name).With("volume", name)
	}
	volumes.FollowPlan(ctx, c.cfg.Store, rec.Value, withQuota(rec.Value))
	if _, err = c.cfg.Ops.enable.Run(ctx, c.cfg.Engine, switchPlan(rec, withQuota(rec.Value))); err != nil {
		return api.Quota{}, err
	}
	return c.Get(ctx, name)
}

// disableParams name the volume, by its name and its id.
type disableParams struct {
	Volume   string `json:"volume"`
	VolumeID string `json:"volume-id"`
}

// Disable takes all limits away and switches quota off.
func (c *Commands) Disable(ctx context.Context, name string) (api.Quota, error) {
	rec, err := c.limited(ctx, name)
	if err == nil {
		_, err = c.disable.Run(ctx, c.cfg.Engine, transaction.Plan[disableParams]{
			Params: disableParams{Volume: name, VolumeID: rec.Value.ID}, Peers: []string{c.cfg.PeerID}, Locks: []string{"quota-disable/" + rec.Value.ID},
			About:  []string{volumes.Lock(name)},
			Guards: []store.Guard{volume.Records.MustBe(rec.ID, rec.Revision)},
		})
	}
	if err != nil {
		return api.Quota{}, err
	}
	return c.Get(ctx, name)
}

// Others may change the volume while limits are taken away: then what was begun is done again from where it is.
const (
	offTries = 100
	offPause = 100 * time.Millisecond
)

// switchOff is the course of Disable.
func (c *Commands) switchOff(ctx context.Context, p disableParams) (api.Quota, error) {
	err := c.trySwitchOff(ctx, p)
	for n := 1; n < offTries && api.IsKind(err, api.Conflict) && !transaction.Planning(ctx); n++ {
		select {
		case <-time.After(offPause):
		case <-ctx.Done():
			return api.Quota{}, err
		}
		err = c.trySwitchOff(ctx, p)
	}
	if err != nil {
		return api.Quota{}, err
	}
	return c.Get(ctx, p.Volume)
}

// trySwitchOff takes all limits away and switches quota off, as far as that is not done. Conflict says that others were quicker.
func (c *Commands) trySwitchOff(ctx context.Context, p disableParams) error {
	rec, err := c.find(ctx, p.Volume)
	if err == nil && rec.Value.ID != p.VolumeID {
		err = api.Errorf(api.NotFound, "volume %s is not the one any more whose quota was to be disabled", p.Volume)
	}
	if err == nil && rec.Value.HasQuota() {
		transaction.Also(ctx, api.OperationPlan{
			Operation: "quota.disable",
			Records:   []api.Effect{{Action: api.ActionChange, Kind: api.OnRecord, Name: "volumes/" + rec.ID, Note: "options"}},
		})
		volumes.FollowPlan(ctx, c.cfg.Store, rec.Value, withoutQuota(rec.Value))
		if err = c.unlimitAll(ctx, rec); err == nil {
			_, err = c.cfg.Ops.disable.Run(ctx, c.cfg.Engine, switchPlan(rec, withoutQuota(rec.Value)))
		}
	}
	if err != nil {
		return err
	}
	// A limit that was set while the others were taken away.
	if rec, err = c.find(ctx, p.Volume); err != nil {
		return err
	}
	return c.unlimitAll(ctx, rec)
}

// Get tells how the quota of a volume is set, and how far its bricks are.
func (c *Commands) Get(ctx context.Context, name string) (api.Quota, error) {
	rec, err := c.find(ctx, name)
	if err != nil {
		return api.Quota{}, err
	}
	v := rec.Value
	value := func(key string) string {
		if set, ok := v.Options[key]; ok {
			return set
		}
		return c.cfg.Table.Explain(nil, key)[0].DefaultValue
	}
	q := api.Quota{
		Enabled: v.HasQuota(), DefaultSoftLimit: value(volume.OptionQuotaPercent), DeemStatfs: value(volume.OptionQuotaStatfs),
		HardTimeout: value("features.hard-timeout"), SoftTimeout: value("features.soft-timeout"), AlertTime: value("features.alert-time"),
		Crawls: []api.QuotaCrawl{},
	}
	if !q.Enabled {
		return q, nil
	}
	limits, err := volume.Limits(v.ID).List(c.cfg.Store)
	if err != nil {
		return q, err
	}
	q.Limits = len(limits)
	q.Crawls = c.crawlsOf(ctx, v)
	return q, nil
}

// crawlsOf asks the peers how far their bricks are, and returns the answers in the order of the bricks.
func (c *Commands) crawlsOf(ctx context.Context, v *volume.Volume) []api.QuotaCrawl {
	peers := v.Peers()
	byBrick := map[string]api.QuotaCrawl{}
	why := map[string]string{}
	host := map[string]string{}
	for _, a := range c.crawls.Ask(ctx, v, peers, struct{}{}) {
		maps.Copy(byBrick, a.Value)
		host[a.PeerID] = a.Host
		if a.Err != nil {
			why[a.PeerID] = a.Err.Message
		}
	}
	out := make([]api.QuotaCrawl, 0, len(v.Bricks()))
	for _, b := range v.Bricks() {
		q, ok := byBrick[b.ID]
		if !ok {
			q = api.QuotaCrawl{Brick: host[b.PeerID] + ":" + b.Path, State: api.CrawlWaiting, Error: why[b.PeerID]}
		}
		out = append(out, q)
	}
	return out
}
