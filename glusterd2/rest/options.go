package rest

import (
	"context"
	"net/http"

	"gd2/pkg/api"
)

func (a *API) optionRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/options", Name: "VolumeOptionsGet", Conditional: true, Access: Read,
			Description: "Lists all options of a volume."}, a.options),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/options", Name: "VolumeOptions", Conditional: true, Plans: true, Access: Admin, Requires: []string{"options"},
			Description: "Sets options of a volume. The name of an option group with the value on or off sets its options."}, a.optionsSet),
		serve(Route{Method: http.MethodDelete, Path: "/v1/volumes/{volname}/options", Name: "VolumeReset", Conditional: true, Plans: true, Access: Admin,
			Description: "Puts options of a volume back to their defaults."}, a.optionsReset),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/options/{optname}", Name: "VolumeOptionGet", Conditional: true, Access: Read,
			Description: "Shows one option of a volume."}, a.option),
		serve(Route{Method: http.MethodGet, Path: "/v1/options", Name: "OptionHelp", Access: Read,
			Query:       []Param{{Name: "name", Description: "only the option of this name, which may be shortened"}},
			Description: "Explains the options that volumes and the pool can have."}, a.optionHelp),
	}
}

func (a *API) options(ctx context.Context, r *Request, _ None) ([]api.VolumeOption, error) {
	return a.cfg.Volumes.Options(ctx, r.Vars["volname"])
}

func (a *API) option(ctx context.Context, r *Request, _ None) (api.VolumeOption, error) {
	return a.cfg.Volumes.Option(ctx, r.Vars["volname"], r.Vars["optname"])
}

func (a *API) optionsSet(ctx context.Context, r *Request, req api.VolumeOptionReq) (api.VolumeInfo, error) {
	return a.cfg.Volumes.SetOptions(ctx, r.Vars["volname"], req)
}

func (a *API) optionsReset(ctx context.Context, r *Request, req api.VolumeOptionResetReq) (api.VolumeInfo, error) {
	return a.cfg.Volumes.ResetOptions(ctx, r.Vars["volname"], req)
}

func (a *API) groupList(ctx context.Context, _ *Request, _ None) ([]api.OptionGroup, error) {
	return a.cfg.Volumes.Groups(ctx)
}

func (a *API) groupCreate(ctx context.Context, _ *Request, req api.OptionGroupReq) (api.OptionGroup, error) {
	return a.cfg.Volumes.CreateGroup(ctx, req)
}

func (a *API) groupDelete(ctx context.Context, r *Request, _ None) (None, error) {
	return None{}, a.cfg.Volumes.DeleteGroup(ctx, r.Vars["groupname"])
}

func (a *API) optionHelp(ctx context.Context, r *Request, _ None) ([]api.OptionHelp, error) {
	return a.cfg.OptionHelp.OptionHelp(ctx, r.Query.Get("name"))
}

// OptionHelp explains options.
type OptionHelp interface {
	// OptionHelp explains all options, or the one of that name.
	OptionHelp(ctx context.Context, name string) ([]api.OptionHelp, error)
}
