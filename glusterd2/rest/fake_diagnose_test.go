package rest

import (
	"context"
	"fmt"

	"gd2/pkg/api"
)

type fakeDiagnosis struct{ f *fake }

var _ Diagnosis = fakeDiagnosis{}

func (d fakeDiagnosis) ProfileStart(_ context.Context, name string) (api.VolumeInfo, error) {
	return info(name), d.f.call("profile start", name)
}
func (d fakeDiagnosis) ProfileStop(_ context.Context, name string) (api.VolumeInfo, error) {
	return info(name), d.f.call("profile stop", name)
}
func (d fakeDiagnosis) Profile(_ context.Context, name, what string) ([]api.BrickProfile, error) {
	stats := api.ProfileStats{Interval: "-1", StatInfo: map[string]map[string]string{"LOOKUP": {"hits": "3"}}, Blocks: []api.ProfileBlock{{Size: 8}}}
	return []api.BrickProfile{{BrickName: "n1:/b", CumulativeStats: stats}}, d.f.call("profile", name, what)
}
func (d fakeDiagnosis) Top(_ context.Context, name, what string, req api.TopReq) ([]api.BrickTop, error) {
	return []api.BrickTop{{BrickName: "n1:/b", Files: []api.TopFile{{Filename: "/f", Value: 2}}}},
		d.f.call("top", name, what, fmt.Sprintf("%s %d %d %d", req.Brick, req.Count, req.BlockSize, req.BlockCount))
}
func (d fakeDiagnosis) Status(_ context.Context, name, what, brick, daemon string) ([]api.ProcessState, error) {
	return []api.ProcessState{{Name: "n1:/b", Memory: &api.ProcessMemory{Pools: []api.MemPool{{Name: "p"}}}, Clients: []api.ClientConnection{{}},
			Inodes: []api.InodeTable{{}}, Files: []api.OpenFile{{}}, Calls: []api.PendingCall{{Frames: []api.CallFrame{{}}}}}},
		d.f.call("process status", name, what, brick, daemon)
}
func (d fakeDiagnosis) ClientList(_ context.Context, name string) ([]api.ClientCount, error) {
	return []api.ClientCount{{Name: "fuse", Count: 2}}, d.f.call("client list", name)
}
func (d fakeDiagnosis) Tasks(_ context.Context, name string) ([]api.VolumeTask, error) {
	return []api.VolumeTask{{Type: "volume.stop", ID: "t1"}}, d.f.call("tasks", name)
}
