package clirpc

import (
	"context"

	"gd2/pkg/api"
)

// world is what the services of the second half answer; daemon remembers what they are asked.
type world struct {
	task     api.RebalanceStatus
	profile  []api.BrickProfile
	top      []api.BrickTop
	states   []api.ProcessState
	clients  []api.ClientCount
	heals    []api.BrickHealStart
	counts   []api.BrickHealCount
	crawls   []api.BrickHealStatistics
	dumps    []api.Statedump
	logs     []api.RotatedLog
	cleared  api.ClearedLocks
	quota    api.Quota
	limits   []api.QuotaLimit
	poolWide api.PoolState
}

type fakeTasks struct {
	*daemon
	*world
}

func (f fakeTasks) Shrink(_ context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("shrink", name, req)
}
func (f fakeTasks) ShrinkStart(_ context.Context, name string, req api.VolumeShrinkReq) (string, error) {
	return "task", f.ask("shrink start", name, req)
}
func (f fakeTasks) ShrinkStatus(_ context.Context, name string) (api.RebalanceStatus, error) {
	return f.task, f.ask("shrink status", name)
}
func (f fakeTasks) ShrinkStop(_ context.Context, name string, req api.VolumeShrinkReq) (api.RebalanceStatus, error) {
	return f.task, f.ask("shrink stop", name, req)
}
func (f fakeTasks) ShrinkCommit(_ context.Context, name string, req api.VolumeShrinkReq) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("shrink commit", name, req)
}
func (f fakeTasks) RebalanceStart(_ context.Context, name string, req api.RebalanceStartReq) (string, error) {
	return "task", f.ask("rebalance start", name, req)
}
func (f fakeTasks) RebalanceStop(_ context.Context, name string) (api.RebalanceStatus, error) {
	return f.task, f.ask("rebalance stop", name)
}
func (f fakeTasks) RebalanceStatus(_ context.Context, name string) (api.RebalanceStatus, error) {
	return f.task, f.ask("rebalance status", name)
}
func (f fakeTasks) Replace(_ context.Context, name string, req api.ReplaceBrickReq) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("replace", name, req)
}
func (f fakeTasks) ResetStart(_ context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("reset start", name, req)
}
func (f fakeTasks) ResetCommit(_ context.Context, name string, req api.ResetBrickReq) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("reset commit", name, req)
}

type fakeHealing struct {
	*daemon
	*world
}

func (f fakeHealing) Heal(_ context.Context, name, kind string) ([]api.BrickHealStart, error) {
	return f.heals, f.ask("heal", name, kind)
}
func (f fakeHealing) Count(_ context.Context, name, replica string) ([]api.BrickHealCount, error) {
	return f.counts, f.ask("count", name, replica)
}
func (f fakeHealing) Statistics(_ context.Context, name string) ([]api.BrickHealStatistics, error) {
	return f.crawls, f.ask("statistics", name)
}
func (f fakeHealing) Switch(_ context.Context, name string, on bool) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("switch", name, on)
}
func (f fakeHealing) Granular(_ context.Context, name string, on bool) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("granular", name, on)
}

type fakeDiagnosis struct {
	*daemon
	*world
}

func (f fakeDiagnosis) ProfileStart(_ context.Context, name string) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("profile start", name)
}
func (f fakeDiagnosis) ProfileStop(_ context.Context, name string) (api.VolumeInfo, error) {
	return api.VolumeInfo{}, f.ask("profile stop", name)
}
func (f fakeDiagnosis) Profile(_ context.Context, name, what string) ([]api.BrickProfile, error) {
	return f.profile, f.ask("profile", name, what)
}
func (f fakeDiagnosis) Top(_ context.Context, name, what string, req api.TopReq) ([]api.BrickTop, error) {
	return f.top, f.ask("top", name, what, req)
}
func (f fakeDiagnosis) Status(_ context.Context, name, what, brick, kind string) ([]api.ProcessState, error) {
	return f.states, f.ask("status", name, what, brick, kind)
}
func (f fakeDiagnosis) ClientList(context.Context, string) ([]api.ClientCount, error) {
	return f.clients, nil
}
func (f fakeDiagnosis) Statedump(_ context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error) {
	return f.dumps, f.ask("statedump", name, req)
}
func (f fakeDiagnosis) RotateLogs(_ context.Context, name, brick string) ([]api.RotatedLog, error) {
	return f.logs, f.ask("rotate", name, brick)
}
func (f fakeDiagnosis) ClearLocks(_ context.Context, name string, req api.ClearLocksReq) (api.ClearedLocks, error) {
	return f.cleared, f.ask("clear", name, req)
}
func (f fakeDiagnosis) Barrier(_ context.Context, name string, enable bool) ([]api.BrickBarrier, error) {
	return nil, f.ask("barrier", name, enable)
}

type fakeQuotas struct {
	*daemon
	*world
}

func (f fakeQuotas) Get(context.Context, string) (api.Quota, error) { return f.quota, nil }
func (f fakeQuotas) Enable(_ context.Context, name string) (api.Quota, error) {
	return f.quota, f.ask("enable", name)
}
func (f fakeQuotas) Disable(_ context.Context, name string) (api.Quota, error) {
	return f.quota, f.ask("disable", name)
}
func (f fakeQuotas) Limits(_ context.Context, name, typ string, _ []string) ([]api.QuotaLimit, error) {
	return f.limits, f.ask("limits", name, typ)
}
func (f fakeQuotas) SetLimit(_ context.Context, name string, req api.QuotaLimitReq) (api.QuotaLimit, error) {
	return api.QuotaLimit{}, f.ask("limit", name, req)
}
func (f fakeQuotas) RemoveLimit(_ context.Context, name string, req api.QuotaRemoveReq) error {
	return f.ask("remove limit", name, req)
}
func (f fakeQuotas) State(context.Context) (api.PoolState, error) { return f.poolWide, nil }
func (f fakeQuotas) WriteState(dir, name, text string) (string, error) {
	return dir + "/" + name, f.ask("write state", text)
}
func (f fakeQuotas) WriteLimits(name string, limits []api.QuotaLimit) error {
	return f.ask("write limits", name, len(limits))
}
func (f fakeQuotas) Mount(_ context.Context, name string) error { return f.ask("mount", name) }
