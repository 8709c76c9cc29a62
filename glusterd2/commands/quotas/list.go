package quotas

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"gd2/glusterd2/peer"
	"gd2/glusterd2/quota"
	"gd2/glusterd2/volume"
	"gd2/pkg/api"
)

type useParams struct {
	GFIDs   []string `json:"gfids"`
	Objects bool     `json:"objects,omitempty"`
}

// Limits lists the limits of a type, and what the directories hold: all, or those of the paths.
func (c *Commands) Limits(ctx context.Context, name, typ string, paths []string) ([]api.QuotaLimit, error) {
	typ, err := limitType(typ)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if err := cleanPath(path); err != nil {
			return nil, err
		}
	}
	rec, err := c.find(ctx, name)
	if err == nil {
		err = enabled(rec.Value)
	}
	if err != nil {
		return nil, err
	}
	recs, err := volume.Limits(rec.Value.ID).List(c.cfg.Store)
	if err != nil {
		return nil, err
	}
	objects := typ == api.QuotaObjects
	var limits []volume.Limit
	for _, r := range recs {
		if boundOf(r.Value, objects) != nil {
			limits = append(limits, r.Value)
		}
	}
	list := c.withUse(ctx, rec.Value, objects, limits)
	slices.SortFunc(list, func(a, b api.QuotaLimit) int { return strings.Compare(a.Path, b.Path) })
	if len(paths) == 0 {
		return list, nil
	}
	return pick(list, name, typ, paths)
}

// pick returns the limits of the paths, in that order.
func pick(list []api.QuotaLimit, name, typ string, paths []string) ([]api.QuotaLimit, error) {
	out := make([]api.QuotaLimit, 0, len(paths))
	for _, path := range paths {
		i := slices.IndexFunc(list, func(l api.QuotaLimit) bool { return l.Path == path })
		if i < 0 {
			return nil, noLimit(name, path, typ)
		}
		out = append(out, list[i])
	}
	return out, nil
}

func boundOf(l volume.Limit, objects bool) *volume.Bound {
	if objects {
		return l.Objects
	}
	return l.Usage
}

// withUse puts what directories hold beside their limits.
func (c *Commands) withUse(ctx context.Context, v *volume.Volume, objects bool, limits []volume.Limit) []api.QuotaLimit {
	params := useParams{Objects: objects}
	for _, l := range limits {
		params.GFIDs = append(params.GFIDs, l.GFID)
	}
	use, err := c.ask(ctx, v, params)
	percent := c.percent(v)
	out := make([]api.QuotaLimit, 0, len(limits))
	for _, l := range limits {
		u, ok := use[l.GFID]
		switch {
		case err != nil:
			u.Error = api.AsError(err).Message
		case !ok:
			u.Error = "the quota daemon says nothing about it"
		}
		out = append(out, limitOf(l, u, objects, percent))
	}
	return out
}

// percent is the soft limit of limits that have none of their own.
func (c *Commands) percent(v *volume.Volume) int {
	text, ok := v.Options[volume.OptionQuotaPercent]
	if !ok {
		text = c.cfg.Table.Explain(nil, volume.OptionQuotaPercent)[0].DefaultValue
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return 80
	}
	return int(f)
}

func limitOf(l volume.Limit, u quota.Use, objects bool, percent int) api.QuotaLimit {
	b := boundOf(l, objects)
	out := api.QuotaLimit{
		Path: l.Path, GFID: l.GFID, Type: api.QuotaUsage, HardLimit: b.Hard, SoftLimitPercent: b.Soft, Error: u.Error,
		Files: uint64(max(u.Files, 0)), Dirs: uint64(max(u.Dirs, 0)), Used: uint64(max(u.Bytes, 0)),
	}
	if objects {
		out.Type, out.Used = api.QuotaObjects, out.Files+out.Dirs
	}
	if u.Path != "" {
		out.Path = u.Path
	}
	if b.Soft == volume.SoftDefault {
		out.SoftLimitPercent = percent
	}
	out.SoftLimit = uint64(float64(out.HardLimit) * float64(out.SoftLimitPercent) / 100)
	if out.Used < out.HardLimit {
		out.Available = out.HardLimit - out.Used
	}
	out.SoftExceeded, out.HardExceeded = out.Used > out.SoftLimit, out.Used >= out.HardLimit
	return out
}

// ask asks a quota daemon of the volume: this host's if it has one, else that of another peer that holds bricks.
func (c *Commands) ask(ctx context.Context, v *volume.Volume, p useParams) (map[string]quota.Use, error) {
	if len(p.GFIDs) == 0 {
		return nil, nil
	}
	if err := started(v); err != nil {
		return nil, err
	}
	peers := v.Peers()
	slices.SortStableFunc(peers, func(a, b string) int { return c.distance(a) - c.distance(b) })
	var failed error
	for _, id := range peers {
		answer := c.use.Ask(ctx, v, []string{id}, p)[0]
		if answer.Err == nil {
			return answer.Value, nil
		}
		failed = answer.Err
	}
	return nil, failed
}

// distance orders peers: this one, those at work, the others.
func (c *Commands) distance(peerID string) int {
	if peerID == c.cfg.PeerID {
		return 0
	}
	if _, ok := peer.Online(c.cfg.Store, peerID); ok {
		return 1
	}
	return 2
}
