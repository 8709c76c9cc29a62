package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

// Healing is the repair of copies that differ. A volume without copies is answered with api.State.
type Healing interface {
	// Heal starts a heal; kind is HealIndex or HealFull.
	Heal(ctx context.Context, name, kind string) ([]api.BrickHealStart, error)
	// Info reports what is left to heal; kind is "", HealInfoSummary or HealInfoSplitBrain.
	Info(ctx context.Context, name, kind string) ([]api.BrickHealInfo, error)
	// Resolve ends split-brains; operation is one of api's, such as api.SplitBrainBiggerFile.
	Resolve(ctx context.Context, name, operation string, req api.SplitBrainReq) (api.SplitBrainResult, error)
	Count(ctx context.Context, name, replica string) ([]api.BrickHealCount, error)
	Statistics(ctx context.Context, name string) ([]api.BrickHealStatistics, error)
	// Switch switches the self-heal daemon for a volume, Granular the healing of folders entry by entry.
	Switch(ctx context.Context, name string, on bool) (api.VolumeInfo, error)
	Granular(ctx context.Context, name string, on bool) (api.VolumeInfo, error)
}

// Kinds of heals and of heal reports, as they stand in URLs.
const (
	HealIndex          = "index"
	HealFull           = "full"
	HealInfoSummary    = "info-summary"
	HealInfoSplitBrain = "split-brain-info"
)

func (a *API) healRoutes() []Route {
	return append(a.healReports(),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/heal", Name: "SelfHeal", Conditional: true, Plans: true, Access: Admin,
			Query:       []Param{{Name: "type", Description: "what to heal: index (what is known to need it, the default) or full", Values: []string{HealIndex, HealFull}}},
			Description: "Starts a heal."}, a.heal),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/split-brain/{operation}", Name: "SplitBrainOperation", Conditional: true, Plans: true, Access: Admin,
			Description: "Ends the split-brain of a file, or with source-brick of all files: bigger-file, latest-mtime or source-brick."}, a.splitBrain),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/self-heal/enable", Name: "SelfHealEnable", Conditional: true, Plans: true, Access: Admin,
			Description: "Switches the self-heal daemon on for a volume."}, a.selfHeal(true)),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/self-heal/disable", Name: "SelfHealDisable", Conditional: true, Plans: true, Access: Admin,
			Description: "Switches the self-heal daemon off for a volume."}, a.selfHeal(false)),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/granular-entry-heal/enable", Name: "GranularEntryHealEnable", Conditional: true, Plans: true, Access: Admin,
			Description: "Heals folders entry by entry from now on. All bricks must be there, and nothing be left to heal."}, a.granular(true)),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/granular-entry-heal/disable", Name: "GranularEntryHealDisable", Conditional: true, Plans: true, Access: Admin,
			Description: "Heals folders as a whole from now on."}, a.granular(false)),
	)
}

func (a *API) healReports() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/heal-info", Name: "SelfHealInfo2", Access: Read,
			Description: "Shows what is left to heal, with the files."}, a.healInfo("")),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/info-summary/heal-info", Name: "SelfHealInfo", Access: Read,
			Description: "Counts what is left to heal."}, a.healInfo(HealInfoSummary)),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/split-brain-info/heal-info", Name: "SelfHealInfoSplitBrain", Access: Read,
			Description: "Shows the files in split brain."}, a.healInfo(HealInfoSplitBrain)),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/heal-count", Name: "HealCount", Key: "brick", Access: Read,
			Query:       []Param{{Name: "replica", Description: "only the set of this brick, HOST:PATH"}},
			Description: "Counts what waits to be healed on each brick, as the self-heal daemons see it."}, a.healCount),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/heal-statistics", Name: "HealStatistics", Key: "brick", Access: Read,
			Description: "Shows the latest crawls of the self-heal daemons over each brick."}, a.healStatistics),
	}
}

func (a *API) heal(ctx context.Context, r *Request, _ None) ([]api.BrickHealStart, error) {
	kind := r.Query.Get("type")
	if kind == "" {
		kind = HealIndex
	}
	return a.cfg.Healing.Heal(ctx, r.Vars["volname"], kind)
}

func (a *API) healInfo(kind string) func(context.Context, *Request, None) ([]api.BrickHealInfo, error) {
	return func(ctx context.Context, r *Request, _ None) ([]api.BrickHealInfo, error) {
		return a.cfg.Healing.Info(ctx, r.Vars["volname"], kind)
	}
}

func (a *API) splitBrain(ctx context.Context, r *Request, req api.SplitBrainReq) (api.SplitBrainResult, error) {
	return a.cfg.Healing.Resolve(ctx, r.Vars["volname"], r.Vars["operation"], req)
}

func (a *API) healCount(ctx context.Context, r *Request, _ None) ([]api.BrickHealCount, error) {
	return a.cfg.Healing.Count(ctx, r.Vars["volname"], r.Query.Get("replica"))
}

func (a *API) healStatistics(ctx context.Context, r *Request, _ None) ([]api.BrickHealStatistics, error) {
	return a.cfg.Healing.Statistics(ctx, r.Vars["volname"])
}

func (a *API) selfHeal(on bool) func(context.Context, *Request, None) (api.VolumeInfo, error) {
	return func(ctx context.Context, r *Request, _ None) (api.VolumeInfo, error) {
		return a.cfg.Healing.Switch(ctx, r.Vars["volname"], on)
	}
}

func (a *API) granular(on bool) func(context.Context, *Request, None) (api.VolumeInfo, error) {
	return func(ctx context.Context, r *Request, _ None) (api.VolumeInfo, error) {
		return a.cfg.Healing.Granular(ctx, r.Vars["volname"], on)
	}
}
