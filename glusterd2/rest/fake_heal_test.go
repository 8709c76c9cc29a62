package rest

import (
	"context"
	"fmt"

	"gd2/pkg/api"
)

type fakeHealing struct{ f *fake }

var _ Healing = fakeHealing{}

func (h fakeHealing) Heal(_ context.Context, name, kind string) ([]api.BrickHealStart, error) {
	return []api.BrickHealStart{{Brick: "n1:/b", Started: true}}, h.f.call("heal", name, kind)
}
func (h fakeHealing) Info(_ context.Context, name, kind string) ([]api.BrickHealInfo, error) {
	status, n := "Connected", int64(3)
	return []api.BrickHealInfo{{Status: &status, Entries: &n}}, h.f.call("heal info", name, kind)
}
func (h fakeHealing) Resolve(_ context.Context, name, operation string, r api.SplitBrainReq) (api.SplitBrainResult, error) {
	return api.SplitBrainResult{Message: "Healed"}, h.f.call("resolve", name, operation, r.FileName, r.HostName, r.BrickName)
}
func (h fakeHealing) Count(_ context.Context, name, replica string) ([]api.BrickHealCount, error) {
	return []api.BrickHealCount{{Brick: "n1:/b", Entries: 3}}, h.f.call("heal count", name, replica)
}
func (h fakeHealing) Statistics(_ context.Context, name string) ([]api.BrickHealStatistics, error) {
	return []api.BrickHealStatistics{{Crawls: []api.HealCrawl{{Type: "INDEX"}}}}, h.f.call("heal statistics", name)
}
func (h fakeHealing) Switch(_ context.Context, name string, on bool) (api.VolumeInfo, error) {
	return info(name), h.f.call("self-heal", name, fmt.Sprint(on))
}
func (h fakeHealing) Granular(_ context.Context, name string, on bool) (api.VolumeInfo, error) {
	return info(name), h.f.call("granular", name, fmt.Sprint(on))
}
