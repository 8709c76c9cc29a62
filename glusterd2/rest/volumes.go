package rest

import (
	"context"
	"net/http"
	"net/url"

	"gd2/pkg/api"
)

// metadataFilter are the parameters of lists that can be filtered by metadata.
func metadataFilter() []Param {
	return []Param{
		{Name: "key", Description: "only those whose metadata has this key"},
		{Name: "value", Description: "only those that have this value in their metadata, under the key if one is given"},
		{Name: "selector", Description: "only those whose metadata fits all terms: key=value, key!=value, key, !key, separated by commas"},
	}
}

func (a *API) volumeRoutes() []Route {
	return []Route{
		located(func(v api.VolumeInfo) string { return "/v1/volumes/" + url.PathEscape(v.Name) }, serve(Route{Method: http.MethodPost, Path: "/v1/volumes", Name: "VolumeCreate", Conditional: true, Plans: true, Access: Admin, Status: http.StatusCreated,
			Description: "Creates a volume.", Requires: []string{"name"}}, a.volumeCreate)),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes", Name: "VolumeList", Access: Read, Key: "name", Query: metadataFilter(),
			Description: "Lists the volumes."}, a.volumeList),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/options-group", Name: "OptionGroupList", Access: Read,
			Description: "Lists the option groups."}, a.groupList),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/options-group", Name: "OptionGroupCreate", Plans: true, Access: Admin,
			Description: "Creates an option group.", Requires: []string{"name", "options"}}, a.groupCreate),
		serve(Route{Method: http.MethodDelete, Path: "/v1/volumes/options-group/{groupname}", Name: "OptionGroupDelete", Plans: true, Access: Admin,
			Description: "Deletes an option group. Those that are built in stay.", Status: http.StatusNoContent}, a.groupDelete),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}", Name: "VolumeInfo", Conditional: true, Access: Read,
			Description: "Shows a volume."}, a.volumeInfo),
		serve(Route{Method: http.MethodDelete, Path: "/v1/volumes/{volname}", Name: "VolumeDelete", Conditional: true, Plans: true, Access: Admin, Status: http.StatusNoContent,
			Query:       []Param{{Name: "force", Description: "do not wait for peers that hold bricks and cannot be reached", Bare: true}},
			Description: "Deletes a volume that is not started. The files on its bricks stay."}, a.volumeDelete),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/start", Name: "VolumeStart", Conditional: true, Plans: true, Access: Admin,
			Description: "Starts a volume; with force-start-bricks also the missing bricks of one that is started."}, a.volumeStart),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/stop", Name: "VolumeStop", Conditional: true, Plans: true, Access: Admin,
			Description: "Stops a volume."}, a.volumeStop),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/edit", Name: "EditVolume", Conditional: true, Plans: true, Access: Admin, Requires: []string{"metadata"},
			Description: "Sets or deletes metadata of a volume."}, a.volumeEdit),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/bricks", Name: "VolumeBricksStatus", Access: Read,
			Description: "Shows how the bricks of a volume do."}, a.volumeBricks),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/status", Name: "VolumeStatus", Access: Read,
			Description: "Shows how a volume does: its bricks, its daemons, its room."}, a.volumeStatus),
	}
}

func (a *API) volumeCreate(ctx context.Context, r *Request, req api.VolumeCreateReq) (api.VolumeInfo, error) {
	info, err := a.cfg.Volumes.Create(ctx, req)
	if err == nil {
		r.Location("volumes", info.Name)
	}
	return info, err
}

func (a *API) volumeList(ctx context.Context, r *Request, _ None) ([]api.VolumeInfo, error) {
	list, err := a.cfg.Volumes.List(ctx, r.Query.Get("key"), r.Query.Get("value"))
	if err != nil {
		return nil, err
	}
	return selected(r, list, func(v api.VolumeInfo) map[string]string { return v.Metadata })
}

func (a *API) volumeInfo(ctx context.Context, r *Request, _ None) (api.VolumeInfo, error) {
	return a.cfg.Volumes.Get(ctx, r.Vars["volname"])
}

func (a *API) volumeDelete(ctx context.Context, r *Request, _ None) (None, error) {
	return None{}, a.cfg.Volumes.Delete(ctx, r.Vars["volname"], r.Flag("force"))
}

func (a *API) volumeStart(ctx context.Context, r *Request, req api.VolumeStartReq) (api.VolumeInfo, error) {
	return a.cfg.Volumes.Start(ctx, r.Vars["volname"], req)
}

func (a *API) volumeStop(ctx context.Context, r *Request, req api.VolumeStopReq) (api.VolumeInfo, error) {
	return a.cfg.Volumes.Stop(ctx, r.Vars["volname"], req)
}

func (a *API) volumeEdit(ctx context.Context, r *Request, req api.VolumeEditReq) (api.VolumeInfo, error) {
	return a.cfg.Volumes.Edit(ctx, r.Vars["volname"], req)
}

func (a *API) volumeBricks(ctx context.Context, r *Request, _ None) ([]api.BrickStatus, error) {
	return a.cfg.Volumes.Bricks(ctx, r.Vars["volname"])
}

func (a *API) volumeStatus(ctx context.Context, r *Request, _ None) (api.VolumeStatus, error) {
	return a.cfg.Volumes.Status(ctx, r.Vars["volname"])
}
