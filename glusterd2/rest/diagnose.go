package rest

import (
	"context"
	"net/http"
	"strconv"

	"gd2/pkg/api"
)

// Diagnosis is what the running bricks and daemons of volumes can be asked. What one of them could not answer is said in
// its place.
type Diagnosis interface {
	ProfileStart(ctx context.Context, name string) (api.VolumeInfo, error)
	ProfileStop(ctx context.Context, name string) (api.VolumeInfo, error)
	// Profile returns what the bricks have counted; what is one of api's, such as api.ProfileCumulative.
	Profile(ctx context.Context, name, what string) ([]api.BrickProfile, error)
	// Top lists the busiest files; what is one of api's, such as api.TopOpen.
	Top(ctx context.Context, name, what string, req api.TopReq) ([]api.BrickTop, error)
	// Status asks the processes of a volume, or one brick, or the daemons of one kind; what is one of api's.
	Status(ctx context.Context, name, what, brick, daemon string) ([]api.ProcessState, error)
	ClientList(ctx context.Context, name string) ([]api.ClientCount, error)
	Tasks(ctx context.Context, name string) ([]api.VolumeTask, error)
}

// asksOnly is why what is asked of running processes has no plan.
const asksOnly = "it changes no record, only what running bricks and daemons count or do now"

// brickParam chooses one brick.
func brickParam() Param {
	return Param{Name: "brick", Description: "only this brick, HOST:PATH"}
}

func (a *API) diagnoseRoutes() []Route {
	return []Route{
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/profile/start", Name: "ProfileStart", Conditional: true, Plans: true, Access: Admin,
			Description: "Makes the bricks of a volume count and measure their operations."}, a.profileStart),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/profile/stop", Name: "ProfileStop", Conditional: true, Plans: true, Access: Admin,
			Description: "Ends what ProfileStart began."}, a.profileStop),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/profile/info-clear", Name: "ProfileClear", Access: Admin,
			Description: "Sets what the bricks have counted to 0. A GET for the clients of glusterd2."}, a.profileClear),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/profile/{opt}", Name: "ProfileVolume", Access: Read,
			Description: "Shows what the bricks of a volume have counted: info, info-peek, info-incremental, info-incremental-peek or info-cumulative. Without peek the interval ends."}, a.profile),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/top/clear", Name: "VolumeTopClear", NoPlan: asksOnly, Access: Admin,
			Query: []Param{brickParam()}, Description: "Makes the bricks of a volume forget which files were used."}, a.topClear),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/top/{what}", Name: "VolumeTop", Access: Read,
			Query:       []Param{brickParam(), {Name: "count", Description: "how many files of each brick, 100 if it is left out"}},
			Description: "Lists the files that are used most: by open, read, write, opendir, readdir, read-perf or write-perf."}, a.topList),
		serve(Route{Method: http.MethodPost, Path: "/v1/volumes/{volname}/top/{what}", Name: "VolumeTopMeasure", NoPlan: asksOnly, Access: Admin, Requires: []string{"block-size", "block-count"},
			Description: "Measures the throughput of the bricks' disks: read-perf or write-perf."}, a.topMeasure),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/status/client-list", Name: "VolumeClientList", Access: Read,
			Description: "Counts the clients of a volume by the names of their processes."}, a.clientList),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/status/tasks", Name: "VolumeTasks", Access: Read,
			Description: "Lists the changes of a volume that have not ended."}, a.volumeTasks),
		serve(Route{Method: http.MethodGet, Path: "/v1/volumes/{volname}/status/{what}", Name: "VolumeProcessStatus", Access: Read,
			Query:       []Param{brickParam(), {Name: "daemon", Description: "only the daemons of this kind", Values: []string{api.ProcessSelfHeal, api.ProcessQuota}}},
			Description: "Shows the inner state of a volume's bricks and daemons: clients, mem, inode, fd or callpool."}, a.processStatus),
	}
}

func (a *API) profileStart(ctx context.Context, r *Request, _ None) (api.VolumeInfo, error) {
	return a.cfg.Diagnosis.ProfileStart(ctx, r.Vars["volname"])
}

func (a *API) profileStop(ctx context.Context, r *Request, _ None) (api.VolumeInfo, error) {
	return a.cfg.Diagnosis.ProfileStop(ctx, r.Vars["volname"])
}

func (a *API) profile(ctx context.Context, r *Request, _ None) ([]api.BrickProfile, error) {
	return a.cfg.Diagnosis.Profile(ctx, r.Vars["volname"], r.Vars["opt"])
}

func (a *API) profileClear(ctx context.Context, r *Request, _ None) ([]api.BrickProfile, error) {
	return a.cfg.Diagnosis.Profile(ctx, r.Vars["volname"], api.ProfileClear)
}

func (a *API) topClear(ctx context.Context, r *Request, _ None) ([]api.BrickTop, error) {
	return a.cfg.Diagnosis.Top(ctx, r.Vars["volname"], api.TopClear, api.TopReq{Brick: r.Query.Get("brick")})
}

func (a *API) topList(ctx context.Context, r *Request, _ None) ([]api.BrickTop, error) {
	if r.Vars["what"] == api.TopClear {
		return nil, api.FieldErrorf("what", "to clear is a change: POST to the same path does it")
	}
	n, err := countParam(r)
	if err != nil {
		return nil, err
	}
	return a.cfg.Diagnosis.Top(ctx, r.Vars["volname"], r.Vars["what"], api.TopReq{Brick: r.Query.Get("brick"), Count: n})
}

func (a *API) topMeasure(ctx context.Context, r *Request, req api.TopReq) ([]api.BrickTop, error) {
	return a.cfg.Diagnosis.Top(ctx, r.Vars["volname"], r.Vars["what"], req)
}

func (a *API) processStatus(ctx context.Context, r *Request, _ None) ([]api.ProcessState, error) {
	return a.cfg.Diagnosis.Status(ctx, r.Vars["volname"], r.Vars["what"], r.Query.Get("brick"), r.Query.Get("daemon"))
}

func (a *API) clientList(ctx context.Context, r *Request, _ None) ([]api.ClientCount, error) {
	return a.cfg.Diagnosis.ClientList(ctx, r.Vars["volname"])
}

func (a *API) volumeTasks(ctx context.Context, r *Request, _ None) ([]api.VolumeTask, error) {
	return a.cfg.Diagnosis.Tasks(ctx, r.Vars["volname"])
}

// countParam reads how many things are asked for; 0 if that is left open.
func countParam(r *Request) (int, error) {
	text := r.Query.Get("count")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, api.FieldErrorf("count", "count is %q: it must be a whole number of 1 or more", clip(text))
	}
	return n, nil
}
