package rest

import (
	"context"
	"fmt"

	"gd2/pkg/api"
)

type fakeProcesses struct{ f *fake }

var _ Processes = fakeProcesses{}

func (p fakeProcesses) ClearLocks(_ context.Context, name string, req api.ClearLocksReq) (api.ClearedLocks, error) {
	return api.ClearedLocks{Summary: []string{"x"}}, p.f.call("clear locks", name, fmt.Sprint(req))
}

func (p fakeProcesses) Statedump(_ context.Context, name string, req api.StatedumpReq) ([]api.Statedump, error) {
	return []api.Statedump{{Name: "n1:/b", File: "/run/d"}}, p.f.call("statedump", name, fmt.Sprintf("%+v", req))
}
func (p fakeProcesses) RotateLogs(_ context.Context, name, brick string) ([]api.RotatedLog, error) {
	return []api.RotatedLog{{Name: "n1:/b", Log: "/log/b"}}, p.f.call("log rotate", name, brick)
}
func (p fakeProcesses) Barrier(_ context.Context, name string, enable bool) ([]api.BrickBarrier, error) {
	return []api.BrickBarrier{{Name: "n1:/b"}}, p.f.call("barrier", name, fmt.Sprint(enable))
}

func (p fakeProcesses) State(context.Context) (api.PoolState, error) {
	st := api.PoolState{Peers: []api.Peer{{ID: "p1"}}, Options: []api.ClusterOption{{Key: "o"}}, Volumes: []api.VolumeState{{Quota: true}},
		Operations: []api.Operation{{ID: "t1"}}}
	return st, p.f.call("state")
}
