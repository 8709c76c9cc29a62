package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

func (a *API) healRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/heal", Name: "SelfHeal", Conditional: true, Plans: true, Access: Admin,
			Query:       []Param{{Name: "type", Description: "what to heal: index (what is known to need it, the default) or full", Values: []string{HealIndex, HealFull}}},
			Description: "Starts a heal."}, a.heal),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/heal-info", Name: "SelfHealInfo2", Access: Read,
			Description: "Shows what is left to heal, with the files."}, a.healInfo("")),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/info-summary/heal-info", Name: "SelfHealInfo", Access: Read,
			Description: "Counts what is left to heal."}, a.healInfo(HealInfoSummary)),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/split-brain-info/heal-info", Name: "SelfHealInfoSplitBrain", Access: Read,
			Description: "Shows the files in split brain."}, a.healInfo(HealInfoSplitBrain)),
	}
}

func (a *API) heal(ctx context.Context, r *Request, _ None) (None, error) {
	kind := r.Query.Get("type")
	if kind == "" {
		kind = HealIndex
	}
	return None{}, a.cfg.Volumes.Heal(ctx, r.Vars["volname"], kind)
}

func (a *API) healInfo(kind string) func(context.Context, *Request, None) ([]api.BrickHealInfo, error) {
	return func(ctx context.Context, r *Request, _ None) ([]api.BrickHealInfo, error) {
		return a.cfg.Volumes.HealInfo(ctx, r.Vars["volname"], kind)
	}
}
