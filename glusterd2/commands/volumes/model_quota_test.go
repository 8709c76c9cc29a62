package volumes

import (
	"context"
	"strconv"

	"gd2/glusterd2/volume"
	"gd2/pkg/api"
	"gd2/transaction"
)

// ModelQuotas are the commands on quotas, which stand on this package: the test that has them brings them in.
type ModelQuotas interface {
	Enable(ctx context.Context, name string) (api.Quota, error)
	Disable(ctx context.Context, name string) (api.Quota, error)
	SetLimit(ctx context.Context, name string, req api.QuotaLimitReq) (api.QuotaLimit, error)
	RemoveLimit(ctx context.Context, name string, req api.QuotaRemoveReq) error
}

// ModelQuotaMaker makes them.
type ModelQuotaMaker interface {
	Register(r *transaction.Registry)
	New(cfg Config) ModelQuotas
	// OnHost are the limits of a directory as the host has them, in JSON.
	OnHost(volumeID, path string) string
}

// modelLimit is what a directory may hold; 0 for no limit.
type modelLimit struct{ usage, objects uint64 }

// quotaDeed switches the quota of a volume on or off.
type quotaDeed struct {
	about
	on bool
}

func (d quotaDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	switch {
	case refused != nil:
		return refused
	case v.state != volume.Started, v.hasQuota() == d.on:
		return only(api.State)
	}
	for _, key := range []string{volume.OptionQuota, volume.OptionInodeQuota, volume.OptionQuotaStatfs} {
		v.options[key] = "on"
	}
	if !d.on {
		v.options[volume.OptionQuota], v.options[volume.OptionInodeQuota] = "off", "off"
		delete(v.options, volume.OptionQuotaStatfs)
		clear(v.limits)
	}
	return only(ok)
}

func (v modelVolume) hasQuota() bool { return v.options[volume.OptionQuota] == "on" }

func (d quotaDeed) do(ctx context.Context, r *modelRig, via string) (err error) {
	if d.on {
		_, err = r.quotas[via].Enable(ctx, d.name)
	} else {
		_, err = r.quotas[via].Disable(ctx, d.name)
	}
	return err
}

// modelDirs are the directories that every volume has.
func modelDirs() []string { return []string{"/", "/a"} }

// limitDeed limits what a directory may hold.
type limitDeed struct {
	about
	path    string
	objects bool
	limit   string // "" takes it away
}

func (d limitDeed) apply(w *world) []api.Kind {
	v, refused := w.toChange(d.name)
	value, err := strconv.ParseUint(d.limit, 10, 64)
	if err != nil && d.limit != "" || d.path == "" {
		return only(api.Invalid)
	}
	switch {
	case refused != nil:
		return refused
	case !v.hasQuota(), v.state != volume.Started:
		return only(api.State)
	}
	l, has := v.limits[d.path]
	had := &l.usage
	if d.objects {
		had = &l.objects
	}
	if d.path == "/none" || d.limit == "" && *had == 0 {
		return only(api.NotFound)
	}
	*had = value
	v.limits[d.path] = l
	if has && l == (modelLimit{}) {
		delete(v.limits, d.path)
	}
	return only(ok)
}

func (d limitDeed) do(ctx context.Context, r *modelRig, via string) (err error) {
	typ := api.QuotaUsage
	if d.objects {
		typ = api.QuotaObjects
	}
	if d.limit == "" {
		return r.quotas[via].RemoveLimit(ctx, d.name, api.QuotaRemoveReq{Path: d.path, Type: typ})
	}
	_, err = r.quotas[via].SetLimit(ctx, d.name, api.QuotaLimitReq{Path: d.path, Type: typ, HardLimit: d.limit})
	return err
}
